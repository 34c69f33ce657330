import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.stream.buffers import Backlog

CAPACITY = 8


@given(st.lists(st.integers(0, 10), max_size=20))
def test_what_is_taken_is_what_was_put_in_and_never_more_than_fits(sizes):
    backlog, kept, next_value = Backlog(CAPACITY, 2), [], 0
    for size in sizes:
        times = np.arange(next_value, next_value + size, dtype=np.float64)
        fits = len(kept) + size <= CAPACITY
        assert backlog.add(times, np.stack([times, -times], 1).astype(np.float32)) is fits
        if fits:
            kept += times.tolist()
            next_value += size
        else:
            found, values = backlog.take()
            assert found.tolist() == kept and values.tolist() == [[time, -time] for time in kept]
            kept = []
    assert backlog.take()[0].tolist() == kept
    assert backlog.take()[0].shape == (0,) and backlog.take()[1].shape == (0, 2)


def test_a_copy_is_kept():
    backlog, times, values = Backlog(CAPACITY, 1), np.ones(2), np.ones((2, 1), np.float32)
    backlog.add(times, values)
    times[:], values[:] = 5, 5
    assert backlog.take()[0].tolist() == [1, 1]
