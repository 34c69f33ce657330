import time
import types

import numpy as np
import pytest

from edge_runtime.errors import MissingExtraError, SourceError
from edge_runtime.extras import import_extra
from edge_runtime.sources import reconnect
from edge_runtime.sources.inbox import Inbox
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.reconnect import reconnecting
from edge_runtime.stream.chunk import Chunk

ONE = Chunk(np.zeros(1), np.zeros((1, 3), np.float32))


@pytest.fixture
def waits(monkeypatch):
    """How long was slept, with a clock that moves only by that."""
    slept = []
    monkeypatch.setattr(
        reconnect, "time", types.SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    )
    return slept


def test_the_first_failure_is_told_at_once(notes):
    def session():
        yield Chunk.empty(3)
        raise SourceError("no such address")

    with pytest.raises(SourceError, match="no such address"):
        list(reconnecting(session, notes, 3))


def test_later_ones_are_waited_out_longer_each_time_until_samples_come(notes, waits):
    results = iter([True, False, False, False, True, False, None])

    def session():
        result = next(results)
        if result is None:
            return
        if result:
            yield ONE
        raise SourceError("the cable is out")

    chunks = list(reconnecting(session, notes, 3))
    assert sum(len(chunk.samples) for chunk in chunks) == 2
    assert [said.rpartition(" again in ")[2] for said in notes.said if "trying" in said] == [
        "0.5 s",
        "1 s",
        "2 s",
        "4 s",
        "0.5 s",
        "1 s",
    ]
    assert sum(waits) == pytest.approx(9)
    assert max(waits) <= 0.5  # somebody who watches the clock hears of it
    assert notes.counts["lost connection"] == 6


def test_waits_are_bounded(notes, waits):
    sessions = iter(range(12))

    def session():
        number = next(sessions, None)
        if number == 0:
            yield ONE
        if number is None:
            return
        raise SourceError("gone")

    list(reconnecting(session, notes, 3))
    assert "30 s" in notes.said[-1]


def test_an_inbox_drops_counts_and_fails(notes):
    inbox = Inbox(notes, "message", 2)
    assert [inbox.put(i) for i in range(5)] == [True, True, False, False, False]
    assert notes.counts == {"message": 3}
    assert len(notes.said) == 1 and "does not keep up" in notes.said[0]
    inbox.fail(SourceError("gone"))
    assert inbox.get(0.0) == 1
    with pytest.raises(SourceError, match="gone"):
        inbox.get(0.0)
    assert inbox.get(0.0) is None


def test_notes_say_the_first_and_count_the_rest(capsys, monkeypatch):
    notes = Notes("serial")
    now = time.monotonic()
    monkeypatch.setattr("edge_runtime.sources.notes.time.monotonic", lambda: now)
    for _ in range(1000):
        notes.skipped("malformed line", "it is 'x'")
    notes.skipped("late sample", "it came late", 2)
    now += 11
    notes.skipped("malformed line", "it is 'y'")
    assert capsys.readouterr().err.splitlines() == [
        "serial: skipped 1 malformed line: it is 'x'",
        "serial: skipped 2 late samples: it came late",
        "serial: skipped 1001 malformed lines: it is 'y'",
    ]
    assert notes.summary() == "1001 malformed lines, 2 late samples"


def test_a_missing_package_names_the_extra():
    with pytest.raises(
        MissingExtraError, match=r"'no_such_package'.*pip install \"img2imu\[serial\]\""
    ):
        import_extra("no_such_package", "serial")
    assert import_extra("json", "serial").loads("1") == 1
