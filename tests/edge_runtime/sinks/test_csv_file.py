import csv
import io
from pathlib import Path

import pytest

from edge_runtime.decision import RECOGNISED, UNKNOWN, Decision
from edge_runtime.errors import OutputError
from edge_runtime.sinks import open_sink
from edge_runtime.stream.counts import StreamCounts

LABELS = ("squat", 'say "hi", twice', "Kniebeuge ä")
COUNTS = ["received", "used", "waiting", "late", "duplicate", "refused", "interpolated", "gaps"]
SQUAT = Decision(
    1.5,
    RECOGNISED,
    "squat",
    0.75,
    (0.75, 0.125, 0.125),
    (0.5, 0.25, 0.25),
    event=True,
    counts=StreamCounts(received=90, used=80, late=3, duplicate=7, interpolated=5, gaps=1),
)
UNSURE = Decision(1e9 + 0.125, UNKNOWN, None, 1 / 3, (1 / 3,) * 3, (float("nan"), 1.0, 0.0))


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def test_a_header_and_a_line_per_decision(tmp_path, make_contract):
    path = tmp_path / "decisions.csv"
    with open_sink(f"csv:{path}", make_contract(labels=LABELS)) as sink:
        assert rows(path.read_text()) == [
            ["time_s", "state", "label", "probability", "event", *COUNTS, *LABELS]
        ]
        sink.write(SQUAT)
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
        sink.write(UNSURE)
        sink.write(Decision.gap(2.0))
    third, no_counts = "0.333333", [""] * len(COUNTS)
    assert rows(path.read_text())[2:] == [
        ["1000000000.125000", "unknown", "", third, "0", *no_counts, third, third, third],
        ["2.000000", "gap", "", "", "0", *no_counts, "", "", ""],
    ]


def test_lines_end_alike_everywhere(tmp_path, make_contract):
    with open_sink(f"csv:{tmp_path}/d.csv", make_contract()) as sink:
        sink.write(Decision.gap(0.0))
    assert b"\r" not in (tmp_path / "d.csv").read_bytes()


def test_standard_output_stays_open(capsys, make_contract):
    open_sink("csv:-", make_contract()).close()
    print("more")
    assert (
        capsys.readouterr().out
        == f"time_s,state,label,probability,event,{','.join(COUNTS)},rest,walk,jump\nmore\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_a_full_disk(make_contract):
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
def test_refusals(rest, message, make_contract):
    with pytest.raises(OutputError, match=message):
        open_sink(f"csv:{rest}", make_contract())
