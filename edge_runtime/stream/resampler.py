"""Bring samples at a sensor's own timestamps onto the model's uniform grid.

:class:`LinearResampler` interpolates. :class:`PolyphaseResampler` also filters, for a sensor that
is faster than the grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.errors import StreamError

# A sample this close before a grid time, in grid steps, counts as on it: i * 0.02 and i / 50 differ
# in the last bit, and float64 holds seconds since 1970 to 0.2 us.
ON_GRID = 1e-3
# The default filter of scipy.signal.resample_poly: a sinc with ten zero crossings on each side,
# under a Kaiser window.
HALF_WIDTH_STEPS = 10
KAISER_BETA = 5.0
MAX_FACTOR = 64  # largest ratio of the sensor's rate to the grid's; it bounds the memory
DENSE = 1.05  # grid steps; sensor samples farther apart than this are too few to filter


@dataclass(frozen=True)
class GridPiece:
    """Consecutive samples on the grid.

    Attributes:
        times_s: (n,) float64, grid times on the sensor's clock.
        samples: (n, channels) float32.
        received: (n,) float64, number of sensor samples received since the grid began, up to each
            grid time, plus the elapsed fraction of the current interval. Its difference over a
            window gives the sensor's measured rate.
        interpolated: number of samples that share their interval between two sensor samples with
            an earlier grid sample.
    """

    times_s: Float64Array
    samples: Float32Array
    received: Float64Array
    interpolated: int = 0


class Resampler(ABC):
    """Stream samples onto the uniform grid ``start + n / rate_hz``.

    The result does not depend on how the stream is cut into chunks.

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
        self._times = np.empty(0)  # the newest sensor samples, which later grid samples need
        self._values = np.empty((0, self._channels), np.float32)
        self._start_s = 0.0
        self._next = 0  # index of the next grid sample
        self._received = 0

    @abstractmethod
    def resample(self, times_s: Float64Array, values: Float32Array) -> GridPiece:
        """Add sensor samples; return the grid samples that they complete.

        A sample with the timestamp of its predecessor is dropped.

        Args:
            times_s: (n,) seconds on the sensor's clock, not decreasing.
            values: (n, channels).
        """

    @abstractmethod
    def complete_s(self, index: int) -> float:
        """Return a time before which no sensor sample completes the grid sample of that index.

        Only valid once the grid has begun.
        """

    def _append(
        self, times_s: Float64Array, values: Float32Array
    ) -> tuple[Float64Array, Float32Array]:
        """Append new samples to those that are still needed, and count them."""
        n_before = len(self._times)
        times = np.concatenate([self._times, times_s])
        rows = np.concatenate([self._values, values])
        is_later = times[1:] > times[:-1]
        if not is_later.all():
            is_later = np.concatenate([[True], is_later])
            times = times[is_later]
            rows = rows[is_later]
        self._received += len(times) - n_before
        return times, rows


class LinearResampler(Resampler):
    """Interpolate linearly between the two neighbours of each grid time.

    The grid starts at the first timestamp. If the sensor is faster than the grid, frequencies above
    half the grid's rate are folded back (aliasing); :class:`PolyphaseResampler` removes them.
    """

    def resample(self, times_s: Float64Array, values: Float32Array) -> GridPiece:
        """See :meth:`Resampler.resample`."""
        if not len(times_s):
            return self._empty_piece()
        if not len(self._times):
            self._start_s = float(times_s[0])
        times, rows = self._append(times_s, values)
        first_received = self._received - len(times) + 1  # ordinal of times[0], from 1
        self._times = times[-1:]
        self._values = rows[-1:]

        # One grid time more than may fit, then cut by comparison: the same comparison whatever the
        # chunks.
        upper = int((times[-1] - self._start_s) * self._rate_hz) + 2
        grid = self._start_s + np.arange(self._next, max(upper, self._next)) / self._rate_hz
        early = grid - ON_GRID / self._rate_hz
        n = int(early.searchsorted(times[-1], side="right"))
        if not n:
            return self._empty_piece()
        grid = grid[:n]
        early = early[:n]
        self._next += n
        right = times.searchsorted(early, side="left")  # times[right - 1] < early <= times[right]
        left = np.maximum(right - 1, 0)
        before = times[left]
        span = times[right] - before
        span[right == left] = 1.0  # the very first grid time lies on its sample
        weight = np.minimum((grid - before) / span, 1.0)
        samples = (1 - weight)[:, None] * rows[left] + weight[:, None] * rows[right]
        # All grid samples of an interval come together, when the interval is complete.
        interpolated = n - 1 - int(np.count_nonzero(right[1:] != right[:-1]))
        return GridPiece(
            grid, samples.astype(np.float32), first_received + left + weight, interpolated
        )

    def complete_s(self, index: int) -> float:
        """See :meth:`Resampler.complete_s`."""
        return self._start_s + index / self._rate_hz - ON_GRID / self._rate_hz

    def _empty_piece(self) -> GridPiece:
        return GridPiece(np.empty(0), np.empty((0, self._channels), np.float32), np.empty(0))


class PolyphaseResampler(Resampler):
    """Filter with a low-pass, for a sensor faster than the grid.

    The filter is a windowed sinc with its cut-off at half the grid's rate, evaluated at the
    samples' own timestamps. For a regular sensor it equals ``scipy.signal.resample_poly``; it also
    handles jitter and any ratio of rates. Each grid sample depends only on the sensor samples
    within ten grid steps before and after it. It is returned ``delay_s`` and two sensor samples
    after its time. The grid starts ``delay_s`` after the first timestamp. Where sensor samples lie
    farther apart than grid samples, it interpolates linearly.
    """

    def __init__(self, rate_hz: float, channels: int) -> None:
        self.delay_s = HALF_WIDTH_STEPS / rate_hz
        super().__init__(rate_hz, channels)

    def reset(self) -> None:
        """See :meth:`Resampler.reset`."""
        super().reset()
        self._interval = 0  # ordinal of the sensor sample before the newest grid sample, from 1

    def resample(self, times_s: Float64Array, values: Float32Array) -> GridPiece:
        """See :meth:`Resampler.resample`.

        Raises:
            StreamError: the sensor is more than 64 times as fast as the grid.
        """
        if len(times_s) and not len(self._times):
            self._start_s = float(times_s[0]) + self.delay_s
        times, rows = self._append(times_s, values)
        first = self._received - len(times) + 1  # ordinal of times[0]
        # Of the last sample only the time is used: it gives the weight of the one before it.
        limit_s = float(times[-2]) - self.delay_s if len(times) > 1 else -np.inf
        upper = self._next
        if limit_s >= self._start_s:
            upper = int((limit_s - self._start_s) * self._rate_hz) + 2
        grid = self._start_s + np.arange(self._next, max(upper, self._next)) / self._rate_hz
        grid = grid[grid <= limit_s]
        samples = np.array([self._filter(time_s, times, rows) for time_s in grid.tolist()])
        left = np.searchsorted(times, grid, side="right") - 1
        ordinals = first + left
        received = np.empty(0)
        if len(grid):
            received = ordinals + (grid - times[left]) / (times[left + 1] - times[left])
        interpolated = int(np.count_nonzero(np.diff(ordinals, prepend=self._interval) == 0))
        self._next += len(grid)
        if len(grid):
            self._interval = int(ordinals[-1])
        self._forget(times, rows)
        return GridPiece(
            grid,
            samples.astype(np.float32).reshape(-1, self._channels),
            received,
            interpolated,
        )

    def complete_s(self, index: int) -> float:
        """See :meth:`Resampler.complete_s`; slightly early, because of rounding."""
        return self._start_s + (index - ON_GRID) / self._rate_hz + self.delay_s

    def _filter(self, time_s: float, times: Float64Array, rows: Float32Array) -> Float64Array:
        """Return the filter's output (channels,) at one time."""
        begin = int(np.searchsorted(times, time_s - self.delay_s, side="left"))
        end = int(np.searchsorted(times, time_s + self.delay_s, side="right"))
        near = times[begin:end]
        steps = np.diff(times[max(begin - 1, 0) : end + 1])  # before each, and after the last
        if float(steps.max()) * self._rate_hz > DENSE:
            left = int(np.searchsorted(times, time_s, side="right")) - 1
            weight = (time_s - times[left]) / (times[left + 1] - times[left])
            interpolated: Float64Array = (1 - weight) * rows[left] + weight * rows[left + 1]
            return interpolated
        if begin:
            before = steps[: len(near)]
        else:
            before = np.concatenate([steps[:1], steps[: len(near) - 1]])
        weights = (before + steps[-len(near) :]) * _kernel((near - time_s) * self._rate_hz)
        # Row by row: the order of additions does not depend on the chunks.
        filtered: Float64Array = (weights[:, None] * rows[begin:end]).sum(0) / weights.sum()
        return filtered

    def _forget(self, times: Float64Array, rows: Float32Array) -> None:
        """Keep the samples that later grid samples need, and one before them for its distance."""
        oldest_s = self._start_s + self._next / self._rate_hz - self.delay_s
        begin = max(min(int(np.searchsorted(times, oldest_s)) - 2, len(times) - 2), 0)
        self._times = times[begin:]
        self._values = rows[begin:]
        if len(self._times) > 4 * HALF_WIDTH_STEPS * MAX_FACTOR:
            measured_hz = (len(times) - begin) / max(float(times[-1] - times[begin]), 1e-9)
            raise StreamError(
                f"the stream comes at {measured_hz:.4g} Hz, expected at most "
                f"{MAX_FACTOR * self._rate_hz:g} Hz: lower the sensor's rate, or give timestamps "
                "in seconds"
            )


def _kernel(steps: Float64Array) -> Float64Array:
    """Return the windowed sinc, not scaled, at distances in grid steps from its middle."""
    inside = np.sqrt(np.maximum(1 - (steps / HALF_WIDTH_STEPS) ** 2, 0))
    kernel: Float64Array = np.sinc(steps) * np.i0(KAISER_BETA * inside)
    return kernel
