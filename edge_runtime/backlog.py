"""Samples that wait for company: numpy takes as long for one as for a hundred."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Backlog:
    """Consecutive samples of a stream that need not go on yet.

    Args:
        capacity: samples kept at most.
        channels: values in a sample.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        self._times = np.empty(capacity)
        self._values = np.empty((capacity, channels), np.float32)
        self._n = 0

    def add(self, times_s: npt.NDArray[np.float64], values: npt.NDArray[np.float32]) -> bool:
        """Keep a copy of samples.

        Args:
            times_s: (n,).
            values: (n, channels).

        Returns:
            False when there is no room for them: none is kept.
        """
        end = self._n + len(times_s)
        if end > len(self._times):
            return False
        self._times[self._n : end] = times_s
        self._values[self._n : end] = values
        self._n = end
        return True

    def take(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Times (n,) and values (n, channels) that were kept, oldest first: views, valid until the next :meth:`add`."""
        n, self._n = self._n, 0
        return self._times[:n], self._values[:n]
