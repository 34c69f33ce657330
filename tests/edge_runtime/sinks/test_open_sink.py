from types import SimpleNamespace

import pytest

from edge_runtime.errors import OutputError
from edge_runtime.sinks import open_sink
from edge_runtime.sinks.console import ConsoleSink
from edge_runtime.sinks.line_files import JsonLinesSink

CONTRACT = SimpleNamespace(labels=("squat", "jump"))


@pytest.mark.parametrize("uri", ["console:", "console"])
def test_console(uri):
    assert isinstance(open_sink(uri, CONTRACT), ConsoleSink)


def test_jsonl(tmp_path):
    with open_sink(f"jsonl:{tmp_path}/a:b.jsonl", CONTRACT) as sink:
        assert isinstance(sink, JsonLinesSink)
    assert (tmp_path / "a:b.jsonl").exists()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("paper:a4", "no kind of sink called 'paper'.*console:, jsonl:"),
        ("out.jsonl", "no kind of sink called 'out.jsonl'"),
        ("", "no kind of sink"),
        ("console:loud", "console: was given 'loud'"),
        ("jsonl:", "names no file"),
        (
            "jsonl:/nowhere/out.jsonl",
            r"/nowhere/out.jsonl cannot be written \(No such file or directory\)",
        ),
    ],
)
def test_invalid_uris_are_refused(uri, message):
    with pytest.raises(OutputError, match=message):
        open_sink(uri, CONTRACT)
