import time

import pytest

from edge_runtime import Teacher
from edge_runtime.errors import SourceError
from edge_runtime.recordings import take
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk
from edge_runtime.teaching.session import Session, Terminal


class Sensor:
    """Gives what it is told to: recordings in chunks, silence, or a failure."""

    def __init__(self, *acts):
        self._acts = acts
        self.notes = Notes("a sensor")

    def __iter__(self):
        for act in self._acts:
            if act == "silence":
                for _ in range(35):
                    time.sleep(0.01)
                    yield Chunk.empty(6)
            elif isinstance(act, Exception):
                raise act
            else:
                times_s, samples = act
                for begin in range(0, len(times_s), 25):
                    yield Chunk(times_s[begin : begin + 25], samples[begin : begin + 25])


@pytest.fixture
def run(tmp_path):
    """Teach with these answers and this sensor; everything that was said."""

    def call(answers, *acts):
        said, left = [], list(answers)
        terminal = Terminal(
            said.append, lambda text: None, lambda question: left.pop(0) if left else None
        )
        teacher = Teacher.begin()
        try:
            Session(teacher, Sensor(*acts), tmp_path / "my.tflite", terminal, 6.0, 8.0, 0.0).run()
        finally:
            path = tmp_path / "my.tflite"
            assert not path.exists() or Teacher.load(path).windows == teacher.windows
        return said, teacher

    return call


def test_a_sensor_that_falls_silent_costs_the_motion_at_hand_alone(run, excerpt, monkeypatch):
    monkeypatch.setattr(take, "LOST_S", 0.25)
    said, teacher = run(
        ["ABD", "IR", "IR", ""], excerpt(0, 6.1), excerpt(10, 12), "silence", excerpt(13, 20)
    )
    assert (
        "nothing has come for 0.25 s: check the sensor; this recording was discarded"
        in " ".join(said)
    )
    assert teacher.windows == {"ABD": 3, "IR": 3}


def test_a_source_that_fails_leaves_what_was_saved(run, excerpt, tmp_path):
    with pytest.raises(SourceError, match="unplugged"):
        run(["ABD", "IR"], excerpt(0, 6.1), excerpt(10, 12), SourceError("the board was unplugged"))
    assert Teacher.load(tmp_path / "my.tflite").windows == {"ABD": 3}


def test_words_of_the_session_can_be_names_all_the_same(run, excerpt):
    _, teacher = run(["add review", "add delete"], excerpt(0, 6.1), excerpt(10, 16.1))
    assert teacher.labels == ("delete", "review")


def test_what_cannot_be_done_yet_is_said(run, excerpt, is_sentence):
    said, teacher = run(["review", "try", "delete x", "redo x", "a\x00b", ""], excerpt(0, 6))
    refusals = [line for line in said if "expected" in line or "since" in line]
    assert len(refusals) == 5 and all(map(is_sentence, refusals))
    assert teacher.labels == ()


def test_end_of_input_ends_it(run):
    said, teacher = run([])
    assert len(said) == 1 and teacher.labels == ()  # the help
