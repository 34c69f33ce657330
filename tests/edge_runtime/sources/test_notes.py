import logging
import time

import pytest

from edge_runtime.sources.notes import Notes


@pytest.fixture
def clock(monkeypatch):
    """A list that holds the time of the notes' clock."""
    now_s = [time.monotonic()]
    monkeypatch.setattr("edge_runtime.sources.notes.time.monotonic", lambda: now_s[0])
    return now_s


def skip_some(notes, clock):
    for _ in range(1000):
        notes.skipped("malformed line", "it is 'x'")
    notes.skipped("late sample", "it came late", 2)
    clock[0] += 11
    notes.skipped("malformed line", "it is 'y'")


LINES = [
    "serial: skipped 1 malformed line: it is 'x'",
    "serial: skipped 2 late samples: it came late",
    "serial: skipped 1001 malformed lines: it is 'y'",
]


def test_the_first_of_a_kind_is_reported_and_the_rest_counted(clock):
    notes = Notes("serial")
    said = []
    notes.say = said.append
    skip_some(notes, clock)
    assert said == LINES
    assert notes.summary() == "1001 malformed lines, 2 late samples"


def test_by_default_skipped_samples_are_logged_as_warnings(clock, caplog, capsys):
    skip_some(Notes("serial"), clock)
    assert caplog.record_tuples == [("img2imu.sources", logging.WARNING, line) for line in LINES]
    assert capsys.readouterr() == ("", "")


def test_by_default_a_lost_connection_is_a_warning_and_other_lines_are_info(caplog):
    caplog.set_level(logging.INFO, "img2imu.sources")
    notes = Notes("ws phone")
    notes.tell("100 % of it came")
    notes.lost_connection("the cable is out; trying again in 0.5 s")
    notes.say("ws phone: as the command line does")
    assert caplog.record_tuples == [
        ("img2imu.sources", logging.INFO, "ws phone: 100 % of it came"),
        (
            "img2imu.sources",
            logging.WARNING,
            "ws phone: the cable is out; trying again in 0.5 s",
        ),
        ("img2imu.sources", logging.INFO, "ws phone: as the command line does"),
    ]
    assert notes.counts == {"lost connection": 1}


def test_with_a_callback_nothing_is_logged(caplog):
    caplog.set_level(logging.INFO, "img2imu.sources")
    notes = Notes("serial")
    said = []
    notes.say = said.append
    notes.tell("hello")
    notes.lost_connection("gone")
    assert said == ["serial: hello", "serial: gone"]
    assert caplog.records == []
