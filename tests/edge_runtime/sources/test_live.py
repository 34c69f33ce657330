import itertools
import types

import numpy as np
import pytest

from edge_runtime.errors import SourceError
from edge_runtime.sources import live
from edge_runtime.sources.live import Inbox, polled, reconnecting
from edge_runtime.stream.chunk import Chunk

ONE = Chunk(np.zeros(1), np.zeros((1, 3), np.float32))


@pytest.fixture
def waits(monkeypatch):
    """A list of the times slept, with a clock that moves only by them."""
    slept = []
    monkeypatch.setattr(
        live, "time", types.SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    )
    return slept


def test_the_first_failure_is_raised_at_once(notes):
    def session():
        yield Chunk.empty(3)
        raise SourceError("no such address")

    with pytest.raises(SourceError, match="no such address"):
        list(reconnecting(session, notes, 3))


def test_after_later_failures_the_wait_doubles_until_samples_come(notes, waits):
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
    assert max(waits) <= 0.5  # an empty chunk comes at least this often
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


def test_an_inbox_yields_chunks_and_empty_ones_while_nothing_comes(notes, monkeypatch):
    monkeypatch.setattr(live, "IDLE_S", 0.01)
    inbox = Inbox(notes, "message")
    chunks = inbox.chunks(lambda n: Chunk(np.zeros(n), np.zeros((n, 3), np.float32)), 3)
    inbox.put(2)
    assert next(chunks).samples.shape == (2, 3)
    assert next(chunks).samples.shape == (0, 3)
    inbox.fail(SourceError("gone"))
    with pytest.raises(SourceError, match="gone"):
        next(chunks)


def test_polling_is_steady_and_counts_missed_readings(notes, waits):
    durations = iter([0.0, 0.004, 0.035, 0.0, 0.0])

    def read():
        waits.append(next(durations))
        return [1.0, sum(waits), 3.0]

    chunks = list(itertools.islice(polled(read, 100.0, notes), 5))
    times_s = [float(chunk.timestamps_s[0]) for chunk in chunks]
    assert times_s == pytest.approx([0.0, 0.012, 0.0375, 0.055, 0.06])
    assert notes.counts == {"missed reading": 2}
    assert "a reading took 35 ms, expected at most 10" in notes.said[0]


def test_a_sensor_slower_than_the_polling_is_reported(notes, waits):
    values = itertools.count()
    stream = polled(lambda: [float(next(values) // 2)], 100.0, notes)
    list(itertools.islice(stream, 201))
    assert "100 of 200 readings were equal to the one before" in notes.said[0]
