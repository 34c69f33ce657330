import csv
import errno
import io
import json
import math
from pathlib import Path

import pytest

from edge_runtime.decision import RECOGNISED, UNKNOWN, Decision, Latency
from edge_runtime.errors import OutputError
from edge_runtime.sinks import open_sink
from edge_runtime.sinks.line_files import JsonLinesSink
from edge_runtime.stream.counts import StreamCounts

JSON_LABELS = ("squat", "jump")
JSON_SQUAT = Decision(
    1.5,
    RECOGNISED,
    "squat",
    0.75,
    (0.75, 0.25),
    (1.0, 0.0),
    Latency(300.0, 900.0, 1250.0),
    StreamCounts(received=90, used=80, late=10),
)


def test_jsonl_has_a_decision_per_line_written_at_once(tmp_path, make_contract):
    path = tmp_path / "out.jsonl"
    with open_sink(f"jsonl:{path}", make_contract(labels=JSON_LABELS)) as sink:
        sink.write(JSON_SQUAT)
        assert json.loads(path.read_text()) == {
            "time_s": 1.5,
            "state": "recognised",
            "label": "squat",
            "probability": 0.75,
            "probabilities": {"squat": 0.75, "jump": 0.25},
            "window_probabilities": {"squat": 1.0, "jump": 0.0},
            "latency_us": {"frontend": 300.0, "inference": 900.0, "total": 1250.0},
            "counts": {
                "received": 90,
                "used": 80,
                "waiting": 0,
                "late": 10,
                "duplicate": 0,
                "refused": 0,
                "interpolated": 0,
                "gaps": 0,
            },
            "event": False,
        }
        sink.write(Decision.gap(2.0))
    sink.close()
    assert json.loads(path.read_text().splitlines()[1]) == {
        "time_s": 2.0,
        "state": "gap",
        "label": None,
        "probability": 0.0,
        "probabilities": {},
        "window_probabilities": {},
        "latency_us": None,
        "counts": None,
        "event": False,
    }


def test_jsonl_leaves_standard_output_open(capsys, make_contract):
    with open_sink("jsonl:-", make_contract(labels=JSON_LABELS)) as sink:
        sink.write(JSON_SQUAT)
    print("still here")
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["label"] == "squat"
    assert second == "still here"


def test_jsonl_writes_nan_as_null():
    output = io.StringIO()
    JsonLinesSink(JSON_LABELS, output, "out").write(
        Decision(0.0, UNKNOWN, None, math.nan, (math.nan, 0.5), (0.5, math.inf))
    )
    document = json.loads(output.getvalue(), parse_constant=pytest.fail)
    assert document["probability"] is None
    assert document["probabilities"] == {"squat": None, "jump": 0.5}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_jsonl_on_a_full_disk(make_contract):
    sink = open_sink("jsonl:/dev/full", make_contract(labels=JSON_LABELS))
    with pytest.raises(
        OutputError, match=r"/dev/full cannot be written \(No space left on device\)"
    ):
        sink.write(JSON_SQUAT)
    with pytest.raises(OutputError, match="/dev/full cannot be written"):
        sink.close()
    sink.close()


class ClosedPipe(io.StringIO):
    def flush(self):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_closed_pipe_is_raised_to_the_caller():
    with pytest.raises(BrokenPipeError):
        JsonLinesSink(JSON_LABELS, ClosedPipe(), "out").write(JSON_SQUAT)


CSV_LABELS = ("squat", 'say "hi", twice', "Kniebeuge ä")
COUNTS = ["received", "used", "waiting", "late", "duplicate", "refused", "interpolated", "gaps"]
CSV_SQUAT = Decision(
    1.5,
    RECOGNISED,
    "squat",
    0.75,
    (0.75, 0.125, 0.125),
    (0.5, 0.25, 0.25),
    event=True,
    counts=StreamCounts(received=90, used=80, late=3, duplicate=7, interpolated=5, gaps=1),
)
CSV_UNKNOWN = Decision(1e9 + 0.125, UNKNOWN, None, 1 / 3, (1 / 3,) * 3, (float("nan"), 1.0, 0.0))


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def test_csv_has_a_header_and_a_row_per_decision(tmp_path, make_contract):
    path = tmp_path / "decisions.csv"
    with open_sink(f"csv:{path}", make_contract(labels=CSV_LABELS)) as sink:
        assert rows(path.read_text()) == [
            ["time_s", "state", "label", "probability", "event", *COUNTS, *CSV_LABELS]
        ]
        sink.write(CSV_SQUAT)
        assert rows(path.read_text())[1] == [
            "1.500000",
            "recognised",
            "squat",
            "0.75",
            "1",
            "90",
            "80",
            "0",
            "3",
            "7",
            "0",
            "5",
            "1",
            "0.75",
            "0.125",
            "0.125",
        ]
        sink.write(CSV_UNKNOWN)
        sink.write(Decision.gap(2.0))
    third, no_counts = "0.333333", [""] * len(COUNTS)
    assert rows(path.read_text())[2:] == [
        ["1000000000.125000", "unknown", "", third, "0", *no_counts, third, third, third],
        ["2.000000", "gap", "", "", "0", *no_counts, "", "", ""],
    ]


def test_csv_lines_end_with_a_newline_on_every_system(tmp_path, make_contract):
    with open_sink(f"csv:{tmp_path}/d.csv", make_contract()) as sink:
        sink.write(Decision.gap(0.0))
    assert b"\r" not in (tmp_path / "d.csv").read_bytes()


def test_csv_leaves_standard_output_open(capsys, make_contract):
    open_sink("csv:-", make_contract()).close()
    print("more")
    assert (
        capsys.readouterr().out
        == f"time_s,state,label,probability,event,{','.join(COUNTS)},rest,walk,jump\nmore\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_csv_on_a_full_disk(make_contract):
    with pytest.raises(
        OutputError, match=r"/dev/full cannot be written \(No space left on device\)"
    ):
        open_sink("csv:/dev/full", make_contract())


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "csv: names no file: write csv:decisions.csv"),
        ("/nowhere/d.csv", r"d.csv cannot be written \(No such file"),
    ],
)
def test_unwritable_paths_are_refused(rest, message, make_contract):
    with pytest.raises(OutputError, match=message):
        open_sink(f"csv:{rest}", make_contract())
