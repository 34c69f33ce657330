import numpy as np
import pytest

from edge_runtime.recordings import read_recording, take
from edge_runtime.stream.chunk import Chunk
from edge_runtime.teaching import Teacher
from edge_runtime.web import lessons as module
from edge_runtime.web.lessons import Lessons

SECONDS = 4.0


@pytest.fixture
def lessons(tmp_path):
    return Lessons(Teacher.begin(), tmp_path / "my.tflite", SECONDS, 8.0, 0.0)


@pytest.fixture
def person(demo_recording_path):
    """Samples of a part of the bundled recording, as chunks of a tenth of a second."""
    recording = read_recording(demo_recording_path)

    def perform(lessons, begin_s, seconds):
        new = False
        for i in range(round(begin_s * 50), round((begin_s + seconds) * 50), 5):
            new |= lessons.process(
                Chunk(recording.timestamps_s[i : i + 5], recording.samples[i : i + 5])
            )
        return new

    return perform


def teach(lessons, person, label, begin_s, do="record"):
    lessons.queue({"do": do, "label": label})
    return person(lessons, begin_s, SECONDS + 0.5)


def test_two_motions_are_recognised_and_saved(lessons, person, tmp_path):
    assert lessons.recognizer is None and "nothing was taught" in lessons.state["missing"]
    assert teach(lessons, person, "lift", 0) and lessons.recognizer is None
    assert "only 'lift'" in lessons.state["missing"]
    assert teach(lessons, person, "turn", 10)
    assert lessons.recognizer.contract.labels == ("lift", "turn") and lessons.state["missing"] == ""
    assert lessons.recognizer.fill == 1  # with what was recorded: the next decision is one hop away
    assert Teacher.load(tmp_path / "my.tflite").labels == ("lift", "turn")
    assert lessons.state["said"].startswith("turn: ") and lessons.state["recording"] is None


def test_how_a_recording_goes_on(lessons, person):
    lessons.queue({"do": "record", "label": "lift"})
    person(lessons, 0, 2)
    assert lessons.state["recording"]["label"] == "lift"
    assert lessons.state["recording"]["lasted_s"] == pytest.approx(2, abs=0.2)
    assert lessons.state["recording"]["wanted_s"] == SECONDS


def test_cancelled_nothing_is_learnt(lessons, person, tmp_path):
    lessons.queue({"do": "record", "label": "lift"})
    person(lessons, 0, 2)
    lessons.queue({"do": "cancel"})
    person(lessons, 2, 5)
    assert lessons.state["windows"] == {} and not (tmp_path / "my.tflite").exists()


def test_more_redo_remove_and_background(lessons, person):
    teach(lessons, person, "lift", 0)
    few = lessons.state["windows"]["lift"]
    teach(lessons, person, "lift", 5)
    assert lessons.state["windows"]["lift"] > few
    teach(lessons, person, "lift", 0, do="redo")
    assert lessons.state["windows"]["lift"] == few
    lessons.queue({"do": "background"})
    assert person(lessons, 12, 8.5) and lessons.state["background_s"] > 7
    assert lessons.recognizer is not None
    lessons.queue({"do": "remove", "label": "lift"})
    person(lessons, 21, 0.5)
    assert lessons.state["windows"] == {} and lessons.recognizer is None


@pytest.mark.parametrize("label", ["", " ", "two\nlines", "x" * 200, "\x1b[31m"])
def test_names_that_cannot_be(lessons, person, label):
    teach(lessons, person, label, 0)
    assert (
        lessons.state["bad"]
        and lessons.state["recording"] is None
        and lessons.state["windows"] == {}
    )


@pytest.mark.parametrize(
    "command",
    [
        None,
        7,
        [],
        {},
        {"do": "burn"},
        {"do": "record", "label": 7},
        {"do": ["record"]},
        {"do": "remove", "label": "never taught"},
        {"do": "redo", "label": "never"},
    ],
)
def test_commands_that_make_no_sense(lessons, person, command):
    lessons.queue(command)
    person(lessons, 0, 1)
    assert lessons.state["recording"] is None and lessons.state["windows"] == {}


def test_a_flood_of_commands_is_bounded(lessons, person):
    for _ in range(10_000):
        lessons.queue({"do": "remove", "label": "x"})
    assert len(lessons._commands) == module.MAX_COMMANDS
    person(lessons, 0, 0.5)


def test_a_sensor_that_is_lost_costs_that_recording_alone(lessons, person, monkeypatch, tmp_path):
    teach(lessons, person, "lift", 0)
    lessons.queue({"do": "record", "label": "turn"})
    person(lessons, 10, 2)
    monkeypatch.setattr(take, "LOST_S", 0.0)
    lessons.process(Chunk.empty(6))
    assert lessons.state["bad"] and "earlier recordings are kept" in lessons.state["said"]
    assert Teacher.load(tmp_path / "my.tflite").labels == ("lift",)


def test_a_recording_that_cannot_be_used(lessons):
    lessons.queue({"do": "record", "label": "lift"})
    for i in range(50):
        lessons.process(Chunk(i / 10 + np.arange(5) / 50, np.zeros((5, 6), np.float32)))
    assert lessons.state["bad"] and lessons.state["windows"] == {}
