import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.stream.buffers import RingBuffer


def rows(first, n):
    """``n`` different rows of two numbers."""
    return np.stack([np.arange(first, first + n), -np.arange(first, first + n)], axis=1).astype(
        np.float32
    )


@given(capacity=st.integers(1, 12), chunks=st.lists(st.integers(0, 40), max_size=20))
def test_holds_the_newest_rows_in_order_whatever_the_chunks(capacity, chunks):
    ring, reference = RingBuffer(capacity, 2), []
    for n in chunks:
        piece = rows(len(reference), n)
        ring.extend(piece)
        reference += piece.tolist()
        assert ring.total == len(reference)
        assert len(ring) == min(capacity, len(reference))
        for asked in range(len(ring) + 1):
            assert ring.newest(asked).tolist() == reference[len(reference) - asked :]


@given(before=st.integers(0, 30), after=st.integers(0, 30))
def test_clear_forgets_what_came_before(before, after):
    ring, fresh = RingBuffer(7, 2), RingBuffer(7, 2)
    ring.extend(rows(100, before))
    ring.clear()
    assert len(ring) == ring.total == 0
    for each in (ring, fresh):
        each.extend(rows(0, after))
    assert ring.newest(len(ring)).tolist() == fresh.newest(len(fresh)).tolist()


def test_newest_rows_are_a_contiguous_view_wherever_they_lie():
    ring = RingBuffer(5, 2)
    for first in range(0, 33, 3):
        ring.extend(rows(first, 3))
        newest = ring.newest(len(ring))
        assert newest.base is not None and newest.flags.c_contiguous
        assert np.shares_memory(newest, ring.newest(1))


def test_keeps_the_type_of_its_values():
    ring = RingBuffer(2, 1, np.float64)
    ring.extend(np.array([[1 / 3]]))
    assert ring.newest(1).dtype == np.float64 and ring.newest(1)[0, 0] == 1 / 3


@pytest.mark.parametrize("held, asked", [(0, 1), (3, 4), (9, 6)])
def test_asking_for_more_rows_than_held_is_an_error(held, asked):
    ring = RingBuffer(5, 2)
    ring.extend(rows(0, held))
    with pytest.raises(ValueError, match=f"{asked} rows asked for, {min(held, 5)} held"):
        ring.newest(asked)


@pytest.mark.parametrize("capacity, columns", [(0, 1), (1, 0), (-1, 3)])
def test_a_buffer_for_nothing_is_an_error(capacity, columns):
    with pytest.raises(ValueError, match=f"{capacity} and {columns}"):
        RingBuffer(capacity, columns)
