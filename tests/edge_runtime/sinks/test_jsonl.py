import errno
import io
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_runtime.decision import RECOGNISED, UNKNOWN, Decision, Latency
from edge_runtime.errors import OutputError
from edge_runtime.sinks.jsonl import JsonLinesSink
from edge_runtime.stream.counts import StreamCounts

CONTRACT = SimpleNamespace(labels=("squat", "jump"))
SQUAT = Decision(
    1.5,
    RECOGNISED,
    "squat",
    0.75,
    (0.75, 0.25),
    (1.0, 0.0),
    Latency(300.0, 900.0, 1250.0),
    StreamCounts(received=90, used=80, late=10),
)


def test_each_line_is_a_decision_and_there_at_once(tmp_path):
    path = tmp_path / "out.jsonl"
    with JsonLinesSink.from_uri(str(path), CONTRACT) as sink:
        sink.write(SQUAT)
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


def test_standard_output_stays_open(capsys):
    with JsonLinesSink.from_uri("-", CONTRACT) as sink:
        sink.write(SQUAT)
    print("still here")
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["label"] == "squat"
    assert second == "still here"


def test_nan_is_null():
    output = io.StringIO()
    JsonLinesSink(("squat", "jump"), output, "out").write(
        Decision(0.0, UNKNOWN, None, math.nan, (math.nan, 0.5), (0.5, math.inf))
    )
    document = json.loads(output.getvalue(), parse_constant=pytest.fail)
    assert document["probability"] is None
    assert document["probabilities"] == {"squat": None, "jump": 0.5}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always full device")
def test_a_full_disk_is_one_sentence():
    sink = JsonLinesSink.from_uri("/dev/full", CONTRACT)
    with pytest.raises(
        OutputError, match=r"/dev/full cannot be written \(No space left on device\)"
    ):
        sink.write(SQUAT)
    with pytest.raises(OutputError, match="/dev/full cannot be written"):
        sink.close()
    sink.close()


class Gone(io.StringIO):
    def flush(self):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_reader_that_went_away_is_the_callers_business():
    with pytest.raises(BrokenPipeError):
        JsonLinesSink(("squat", "jump"), Gone(), "out").write(SQUAT)
