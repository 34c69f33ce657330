"""The benchmark of a day: its marks against hand-made figures, the stream that it makes, and some minutes of it."""

import json
import sys
from collections import deque

import numpy as np
import pytest

from edge_runtime.decision import Decision
from edge_runtime.stream.counts import StreamCounts


@pytest.fixture(scope="module")
def script(module):
    return module("day_long_stream")


@pytest.fixture
def good_day(script):
    """Four hours in which nothing went wrong."""
    return script.Day(
        [3.0] * 240,
        [60.0] * 5 + [56.0] * 235,
        100,
        90,
        0,
        "",
        StreamCounts(received=10, used=8, late=2),
        StreamCounts(received=10, used=8, late=2),
    )


def reached(script, day):
    return {name: mark for name, mark, _ in script.verdicts(day)}


def test_a_good_day_reaches_every_mark(script, good_day):
    assert (
        list(reached(script, good_day).values()) == [True] * 4
    )  # memory of the first minutes does not count


@pytest.mark.parametrize(
    "spoil, mark",
    [
        (lambda day: day.resident_mb.__setitem__(-1, 58.1), "memory"),
        (lambda day: setattr(day.counts, "late", 1), "every sample accounted for"),
        (lambda day: setattr(day.expected, "interpolated", 3), "every sample accounted for"),
        (lambda day: setattr(day, "differing", 1), "decisions as computed in batches"),
        (lambda day: setattr(day, "decisions", 0), "decisions as computed in batches"),
        (lambda day: day.cpu_ms.__setitem__(slice(180, 240), [3.4] * 60), "cost constant"),
    ],
)
def test_each_mark_can_be_missed(script, good_day, spoil, mark):
    spoil(good_day)
    assert [name for name, ok in reached(script, good_day).items() if not ok] == [mark]


def test_a_few_slow_minutes_are_other_peoples_work(script, good_day):
    good_day.cpu_ms[200:230] = [9.0] * 30
    assert reached(script, good_day)["cost constant"]


def test_decisions_are_compared_in_order(script):
    day, found, wanted = script.Day(), [Decision.gap(float(i)) for i in range(4)], []
    wanted = [found[0], Decision.warming_up(1.0), found[2]]
    streamed, batch = deque(found), deque(wanted)
    day.compare(streamed, batch)
    assert day.differing == 1 and "warming up" in day.first_difference
    assert (list(streamed), list(batch)) == ([found[3]], [])


def test_the_stream_is_disordered_and_always_the_same(module):
    source = module("day_long_source")
    motion = np.zeros((100, 6), np.float32)
    made, again = (list(source.blocks(motion, 50.0, 40)) for _ in range(2))
    for a, b in zip(made, again, strict=True):
        assert (
            a.times_s.tobytes() == b.times_s.tobytes() and a.values.tobytes() == b.values.tobytes()
        )
    times = np.concatenate([block.times_s for block in made])
    steps = np.diff(times)
    assert (steps == 0).sum() > 100 and (steps < 0).sum() > 100 and (steps > 0.6).sum() >= 2
    assert 0.95 * 120_000 < len(times) < 1.01 * 120_000
    sizes = np.concatenate([np.diff(block.cuts) for block in made])
    assert (sizes == 1).mean() > 0.9 and sizes.max() > 20


@pytest.mark.slow
def test_some_minutes_with_a_clock_set_back_are_recognised_as_in_batches(
    module, script, monkeypatch, tmp_path, capsys
):
    source = module("day_long_source")
    monkeypatch.setattr(source, "SET_BACK_EVERY_S", 120.0)
    monkeypatch.setattr(source, "LONG_PAUSES", 0.5)
    monkeypatch.setattr(
        sys, "argv", ["day_long_stream.py", "--hours", "0.1", "--out", str(tmp_path)]
    )
    code = script.main()
    document = json.loads((tmp_path / "day.json").read_text())
    marks = {mark["name"]: mark["reached"] for mark in document["marks"]}
    assert marks["every sample accounted for"] and marks["decisions as computed in batches"]
    assert code == (
        0 if all(marks.values()) else 1
    )  # what it costs depends on what else the machine does
    assert (
        document["counts"]["received"] > 15_000
        and document["counts"]["gaps"] >= 2
        and document["decisions"] > 700
    )
    assert len(document["cpu_ms"]) == 6 and (tmp_path / "day.png").stat().st_size > 10_000
    assert "every sample accounted for" in capsys.readouterr().out
