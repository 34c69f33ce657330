import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.order import MAX_HELD, RESTART_S, SampleOrder

STEP_S = 0.02
LONGEST_RUN = 25
HOLDS_S = st.sampled_from([0.0, 0.03, 0.1, 1.0])


@st.composite
def disorder(draw):
    """Timestamps with swaps, repeats, gaps and a clock that is set."""
    n = draw(st.integers(1, 150))
    times = np.arange(n) * STEP_S
    for at in draw(st.lists(st.integers(0, n - 1), max_size=2)):
        times[at:] += draw(st.sampled_from([2.0, -0.3, -3.0, -3600.0]))
    places = np.arange(n) + np.random.default_rng(draw(st.integers(0, 9))).uniform(
        0, draw(st.integers(0, 8)), n
    )
    times = times[np.argsort(places, kind="stable")]
    for at in draw(st.lists(st.integers(0, n - 1), max_size=3)):
        times = np.insert(times, at, times[at])
    return times


def rows(n):
    """Each its own number."""
    return np.arange(n, dtype=np.float32)[:, None]


def ordered(times, hold_s, cuts=()):
    """Return the pieces between restarts as [restart time, times, values], and the counts."""
    counts, pieces = StreamCounts(), [[None, [], []]]
    order = SampleOrder(1, LONGEST_RUN, hold_s, counts)
    runs = [
        run
        for t, v in zip(np.split(times, cuts), np.split(rows(len(times)), cuts), strict=True)
        for run in order.sort(t, v)
    ]
    for run in (*runs, *order.flush()):
        if run.restart_s is not None:
            pieces.append([run.restart_s, [], []])
        pieces[-1][1] += run.times_s.tolist()
        pieces[-1][2] += run.values[:, 0].tolist()
    return pieces, counts


@given(times=disorder(), hold_s=HOLDS_S, cuts=st.lists(st.integers(0, 150), max_size=8).map(sorted))
def test_any_chunking_gives_the_same(times, hold_s, cuts):
    whole = ordered(times, hold_s)
    assert ordered(times, hold_s, [min(cut, len(times)) for cut in cuts]) == whole
    assert ordered(times, hold_s, range(1, len(times))) == whole


@given(times=disorder(), hold_s=HOLDS_S)
def test_every_sample_is_given_in_order_or_counted(times, hold_s):
    pieces, counts = ordered(times, hold_s)
    given = sum(len(piece[1]) for piece in pieces)
    assert given + counts.late + counts.duplicate == len(times) and counts.waiting == 0
    for _, piece_times, values in pieces:
        assert all(a < b for a, b in itertools.pairwise(piece_times))
        assert piece_times == times[np.array(values, int)].tolist()


@given(seed=st.integers(0, 99), width=st.integers(0, 10))
def test_samples_that_are_late_by_less_than_the_hold_are_all_given(seed, width):
    times = np.arange(100) * STEP_S
    places = np.arange(100) + np.random.default_rng(seed).uniform(0, width, 100)
    pieces, counts = ordered(times[np.argsort(places)], hold_s=(width + 0.5) * STEP_S)
    assert pieces == [[None, times.tolist(), pieces[0][2]]]
    assert counts == StreamCounts()


def test_without_a_hold_what_comes_after_a_newer_one_is_late():
    pieces, counts = ordered(np.array([0.0, 0.02, 0.06, 0.04, 0.08, 0.08, 0.06]), hold_s=0.0)
    assert pieces == [[None, [0.0, 0.02, 0.06, 0.08], [0, 1, 2, 4]]]
    assert (counts.late, counts.duplicate) == (2, 1)


def test_a_repeated_sample_is_a_duplicate_though_it_waits():
    pieces, counts = ordered(np.array([0.0, 0.02, 0.02, 0.0]), hold_s=1.0)
    assert pieces == [[None, [0.0, 0.02], [0, 1]]] and (counts.late, counts.duplicate) == (0, 2)


@pytest.mark.parametrize("hold_s", [0.0, 0.1])
@pytest.mark.parametrize("back_s", [RESTART_S + 0.1, 3600.0, 1e12])
def test_a_clock_set_back_far_begins_anew_at_once(hold_s, back_s):
    times = np.arange(100) * STEP_S
    times[50:] -= back_s
    pieces, counts = ordered(times, hold_s)
    assert [piece[:2] for piece in pieces] == [
        [None, times[:50].tolist()],
        [times[50], times[50:].tolist()],
    ]
    assert counts == StreamCounts()


def test_a_clock_set_back_a_little_begins_anew_after_a_pauses_worth_of_samples():
    times = np.arange(200) * STEP_S
    times[100:] -= 1.5
    pieces, counts = ordered(times, 0.0)
    assert [piece[:2] for piece in pieces] == [
        [None, times[:100].tolist()],
        [times[100 + LONGEST_RUN], times[100 + LONGEST_RUN :].tolist()],
    ]
    assert counts.late == LONGEST_RUN


def test_a_clock_that_stands_still_is_noticed():
    pieces, counts = ordered(np.zeros(100), 0.0)
    assert len(pieces) == 4 and counts.duplicate == 100 - 4


def test_what_waits_is_bounded():
    counts = StreamCounts()
    order = SampleOrder(1, LONGEST_RUN, 10.0, counts)
    given = order.sort(np.arange(MAX_HELD + 7) * 1e-6, rows(MAX_HELD + 7))
    assert sum(len(run.times_s) for run in given) == 7 and counts.waiting == MAX_HELD


def test_the_callers_buffer_may_be_used_again():
    order, buffer = SampleOrder(1, LONGEST_RUN, 0.1, StreamCounts()), np.array([[5.0]], np.float32)
    assert order.sort(np.array([0.0]), buffer) == []
    buffer[:] = math.nan
    assert order.flush()[0].values.tolist() == [[5.0]]
