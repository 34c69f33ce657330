"""Buffers of fixed size: the newest samples, and samples that wait to be resampled together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array


class RingBuffer:
    """The newest ``capacity`` rows of a stream, read back in order without copying.

    Rows are written twice, ``capacity`` apart, so that the newest rows always lie in one contiguous
    piece.

    Args:
        capacity: rows kept.
        columns: values in a row.
        dtype: type of the values.
    """

    def __init__(self, capacity: int, columns: int, dtype: npt.DTypeLike = np.float32) -> None:
        if capacity < 1 or columns < 1:
            raise ValueError(
                f"capacity and columns must be at least 1, not {capacity} and {columns}"
            )
        self._store = np.zeros((2 * capacity, columns), dtype)
        self._capacity = capacity
        self.total = 0  # rows written since the last clear()

    def __len__(self) -> int:
        return min(self.total, self._capacity)

    def clear(self) -> None:
        """Forget every row."""
        self.total = 0

    def extend(self, rows: npt.NDArray[np.generic]) -> None:
        """Append rows (n, columns); only the newest ``capacity`` rows are kept."""
        n = len(rows)
        kept = rows[-self._capacity :]
        first = (self.total + n - len(kept)) % self._capacity
        head = min(len(kept), self._capacity - first)
        for start, piece in ((first, kept[:head]), (0, kept[head:])):
            stop = start + len(piece)
            self._store[start:stop] = piece
            self._store[start + self._capacity : stop + self._capacity] = piece
        self.total += n

    def newest(self, n: int) -> npt.NDArray[np.generic]:
        """Return the newest ``n`` rows (n, columns), oldest first.

        The result is a view, valid until the next :meth:`extend`.
        """
        if n > len(self):
            raise ValueError(f"{n} rows asked for, {len(self)} held")
        stop = (self.total - 1) % self._capacity + 1 + self._capacity
        return self._store[stop - n : stop]


class Backlog:
    """Consecutive samples of a stream that wait to be processed together.

    Args:
        capacity: largest number of samples.
        channels: values in a sample.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        self._times = np.empty(capacity)
        self._values = np.empty((capacity, channels), np.float32)
        self._n = 0

    def add(self, times_s: Float64Array, values: Float32Array) -> bool:
        """Keep a copy of samples; return False and keep none if there is no room.

        Args:
            times_s: (n,) seconds.
            values: (n, channels).
        """
        end = self._n + len(times_s)
        if end > len(self._times):
            return False
        self._times[self._n : end] = times_s
        self._values[self._n : end] = values
        self._n = end
        return True

    def take(self) -> tuple[Float64Array, Float32Array]:
        """Remove and return all times (n,) and values (n, channels), oldest first.

        The results are views, valid until the next :meth:`add`.
        """
        n = self._n
        self._n = 0
        return self._times[:n], self._values[:n]
