"""From a sensor's own timestamps to the model's uniform grid, by linear interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# A sample this close before a grid time, in grid steps, counts as on it: i * 0.02 and i / 50 differ in the last bit,
# and seconds since 1970 in float64 are known to 0.2 us.
ON_GRID = 1e-3


@dataclass(frozen=True)
class GridPiece:
    """Consecutive samples on the grid.

    Attributes:
        times_s: (n,) float64, the grid's times on the sensor's clock.
        samples: (n, channels) float32.
        received: (n,) float64, sensor samples received since the grid began, up to each grid time, with the elapsed
            part of the interval that it lies in: their difference over a window is the sensor's measured rate.
    """

    times_s: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float32]
    received: npt.NDArray[np.float64]


class LinearResampler:
    """Streaming linear interpolation onto ``start + n / rate_hz``.

    Each grid sample depends on its two neighbours alone, so the result does not depend on how the stream is cut into
    chunks. The grid starts at the first timestamp. Samples with the timestamp of their predecessor are dropped.

    Args:
        rate_hz: of the grid.
        channels: values in a sample.
    """

    def __init__(self, rate_hz: float, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self.reset()

    def reset(self) -> None:
        """Begin a new grid with the next sample."""
        self._times = np.empty(0)  # the newest sensor sample, or nothing: what the next chunk is joined to
        self._values = np.empty((0, self._channels), np.float32)
        self._start_s = 0.0
        self._next = 0  # index of the next grid sample
        self._received = 0

    @property
    def last_time_s(self) -> float | None:
        """Timestamp of the newest sensor sample, or None at the start."""
        return float(self._times[-1]) if len(self._times) else None

    def push(self, times_s: npt.NDArray[np.float64], values: npt.NDArray[np.float32]) -> GridPiece:
        """Take sensor samples with timestamps that do not run back; give the grid samples they complete.

        Args:
            times_s: (n,) seconds on the sensor's clock.
            values: (n, channels).
        """
        if not len(times_s):
            return self._piece(0)
        if not len(self._times):
            self._start_s = float(times_s[0])
        times = np.concatenate([self._times, times_s])
        values = np.concatenate([self._values, values])
        kept = np.concatenate([[True], np.diff(times) > 0])
        times, values = times[kept], values[kept]
        first_received = self._received + 1 - len(self._times)  # ordinal of times[0], from 1
        self._times, self._values = times[-1:], values[-1:]
        self._received = first_received + len(times) - 1

        # one more than may fit, then cut by comparison: the same comparison for every chunking
        upper = int((times[-1] - self._start_s) * self._rate_hz) + 2
        indices = np.arange(self._next, max(upper, self._next))
        grid = self._start_s + indices / self._rate_hz
        early = grid - ON_GRID / self._rate_hz
        grid, early = grid[early <= times[-1]], early[early <= times[-1]]
        if not len(grid):
            return self._piece(0)
        self._next += len(grid)
        right = np.searchsorted(times, early, side="left")  # times[right - 1] < early <= times[right]
        left = np.maximum(right - 1, 0)
        span = np.where(right > left, times[right] - times[left], 1.0)
        weight = np.where(right > left, np.minimum((grid - times[left]) / span, 1.0), 0.0)[:, None]
        samples = (1 - weight) * values[left] + weight * values[right]
        return GridPiece(grid, samples.astype(np.float32), first_received + left + weight[:, 0])

    def _piece(self, n: int) -> GridPiece:
        return GridPiece(np.empty(n), np.empty((n, self._channels), np.float32), np.empty(n))
