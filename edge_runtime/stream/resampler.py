"""From a sensor's own timestamps to the model's uniform grid: linear, or low-passed for a faster sensor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.errors import StreamError

# A sample this close before a grid time, in grid steps, counts as on it: i * 0.02 and i / 50 differ
# in the last bit, and seconds since 1970 in float64 are known to 0.2 us.
ON_GRID = 1e-3
# The default filter of scipy.signal.resample_poly: a sinc of ten zero crossings a side under a
# Kaiser window.
HALF_WIDTH_STEPS = 10
KAISER_BETA = 5.0
MAX_FACTOR = 64  # of a sensor faster than the grid; bounds what is kept
DENSE = 1.05  # sensor samples farther apart than so many grid steps do not bear a filter


@dataclass(frozen=True)
class GridPiece:
    """Consecutive samples on the grid.

    Attributes:
        times_s: (n,) float64, the grid's times on the sensor's clock.
        samples: (n, channels) float32.
        received: (n,) float64, sensor samples received since the grid began, up to each grid time,
            with the elapsed part of the interval that it lies in: their difference over a window is
            the sensor's measured rate.
        interpolated: how many of the samples share their interval between two sensor samples with
            an earlier one.
    """

    times_s: Float64Array
    samples: Float32Array
    received: Float64Array
    interpolated: int = 0


class Resampler(ABC):
    """Streaming onto a uniform grid, ``start + n / rate_hz``; how the stream is cut into chunks changes nothing.

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
    def push(self, times_s: Float64Array, values: Float32Array) -> GridPiece:
        """Take sensor samples with times that do not run back; give the grid samples that they complete.

        A sample with the time of its predecessor is dropped.

        Args:
            times_s: (n,) seconds on the sensor's clock.
            values: (n, channels).
        """

    @abstractmethod
    def complete_s(self, index: int) -> float:
        """No sensor sample before this time completes the grid sample of that index; the grid must have begun."""

    def _join(
        self,
        times_s: Float64Array,
        values: Float32Array,
    ) -> tuple[Float64Array, Float32Array]:
        """What is still needed with what has come; counts it."""
        before = len(self._times)
        times, values = (
            np.concatenate([self._times, times_s]),
            np.concatenate([self._values, values]),
        )
        kept = times[1:] > times[:-1]
        if not kept.all():
            kept = np.concatenate([[True], kept])
            times, values = times[kept], values[kept]
        self._received += len(times) - before
        return times, values


class LinearResampler(Resampler):
    """Linear interpolation: each grid sample depends on its two neighbours alone.

    The grid starts at the first timestamp. Of a sensor faster than the grid, what lies above half
    the grid's rate is folded back: see :class:`PolyphaseResampler`.
    """

    def push(self, times_s: Float64Array, values: Float32Array) -> GridPiece:
        """See :meth:`Resampler.push`."""
        if not len(times_s):
            return self._piece(0)
        if not len(self._times):
            self._start_s = float(times_s[0])
        times, values = self._join(times_s, values)
        first_received = self._received - len(times) + 1  # ordinal of times[0], from 1
        self._times, self._values = times[-1:], values[-1:]

        # one more than may fit, then cut by comparison: the same comparison for every chunking
        upper = int((times[-1] - self._start_s) * self._rate_hz) + 2
        grid = self._start_s + np.arange(self._next, max(upper, self._next)) / self._rate_hz
        early = grid - ON_GRID / self._rate_hz
        n = int(early.searchsorted(times[-1], side="right"))
        if not n:
            return self._piece(0)
        grid, early = grid[:n], early[:n]
        self._next += n
        right = times.searchsorted(early, side="left")  # times[right - 1] < early <= times[right]
        left = np.maximum(right - 1, 0)
        before = times[left]
        span = times[right] - before
        span[right == left] = 1.0  # the very first lies on its sample
        weight = np.minimum((grid - before) / span, 1.0)
        samples = (1 - weight)[:, None] * values[left] + weight[:, None] * values[right]
        interpolated = (
            n - 1 - int(np.count_nonzero(right[1:] != right[:-1]))
        )  # an interval's come when it is complete
        return GridPiece(
            grid, samples.astype(np.float32), first_received + left + weight, interpolated
        )

    def complete_s(self, index: int) -> float:
        """See :meth:`Resampler.complete_s`."""
        return self._start_s + index / self._rate_hz - ON_GRID / self._rate_hz

    def _piece(self, n: int) -> GridPiece:
        return GridPiece(np.empty(n), np.empty((n, self._channels), np.float32), np.empty(n))


class PolyphaseResampler(Resampler):
    """A low-pass, for a sensor faster than the grid.

    A windowed sinc with its cut-off at half the grid's rate, taken at the samples' own timestamps:
    for a regular sensor it is the polyphase filter of ``scipy.signal.resample_poly``, and it bears
    jitter and any ratio of rates. Each grid sample depends on the sensor samples within ten steps
    before and after it alone. It is given ``delay_s`` and two sensor samples after its time, and
    the grid starts ``delay_s`` after the first timestamp. Where sensor samples lie farther apart
    than the grid's, it is interpolated linearly: there is nothing to fold back, and too little to
    filter.

    """

    def __init__(self, rate_hz: float, channels: int) -> None:
        self.delay_s = HALF_WIDTH_STEPS / rate_hz
        super().__init__(rate_hz, channels)

    def reset(self) -> None:
        """See :meth:`Resampler.reset`."""
        super().reset()
        self._interval = 0  # ordinal of the sensor sample before the newest grid sample, from 1

    def push(self, times_s: Float64Array, values: Float32Array) -> GridPiece:
        """See :meth:`Resampler.push`.

        Raises:
            StreamError: the sensor is more than 64 times as fast as the grid.
        """
        if len(times_s) and not len(self._times):
            self._start_s = float(times_s[0]) + self.delay_s
        times, values = self._join(times_s, values)
        first = self._received - len(times) + 1  # ordinal of times[0]
        # the last sample lends its time alone, to weigh the one before it
        limit_s = float(times[-2]) - self.delay_s if len(times) > 1 else -np.inf
        upper = (
            int((limit_s - self._start_s) * self._rate_hz) + 2
            if limit_s >= self._start_s
            else self._next
        )
        grid = self._start_s + np.arange(self._next, max(upper, self._next)) / self._rate_hz
        grid = grid[grid <= limit_s]
        left = np.searchsorted(times, grid, side="right") - 1
        span = times[left + 1] - times[left] if len(grid) else np.empty(0)
        samples = np.array(
            [self._at(time_s, times, values) for time_s in grid.tolist()], np.float32
        )
        ordinals = first + left
        interpolated = int(np.count_nonzero(np.diff(ordinals, prepend=self._interval) == 0))
        self._next += len(grid)
        self._interval = int(ordinals[-1]) if len(grid) else self._interval
        self._forget(times, values)
        return GridPiece(
            grid,
            samples.reshape(-1, self._channels),
            ordinals + (grid - times[left]) / span if len(grid) else np.empty(0),
            interpolated,
        )

    def complete_s(self, index: int) -> float:
        """See :meth:`Resampler.complete_s`; a little early, for rounding's sake."""
        return self._start_s + (index - ON_GRID) / self._rate_hz + self.delay_s

    def _at(
        self,
        time_s: float,
        times: Float64Array,
        values: Float32Array,
    ) -> Float64Array:
        """The filter's output (channels,) at one time."""
        begin = int(np.searchsorted(times, time_s - self.delay_s, side="left"))
        end = int(np.searchsorted(times, time_s + self.delay_s, side="right"))
        near = times[begin:end]
        steps = np.diff(times[max(begin - 1, 0) : end + 1])  # before each, and after the last
        if float(steps.max()) * self._rate_hz > DENSE:
            left = int(np.searchsorted(times, time_s, side="right")) - 1
            weight = (time_s - times[left]) / (times[left + 1] - times[left])
            linear: Float64Array = (1 - weight) * values[left] + weight * values[left + 1]
            return linear
        before = (
            steps[: len(near)] if begin else np.concatenate([steps[:1], steps[: len(near) - 1]])
        )
        weights = (before + steps[-len(near) :]) * _kernel((near - time_s) * self._rate_hz)
        # row by row, in one order whatever the chunks
        filtered: Float64Array = (weights[:, None] * values[begin:end]).sum(0) / weights.sum()
        return filtered

    def _forget(self, times: Float64Array, values: Float32Array) -> None:
        """Keep what the next grid sample and those after it need, and one before for its distance."""
        oldest_s = self._start_s + self._next / self._rate_hz - self.delay_s
        begin = max(min(int(np.searchsorted(times, oldest_s)) - 2, len(times) - 2), 0)
        self._times, self._values = times[begin:], values[begin:]
        if len(self._times) > 4 * HALF_WIDTH_STEPS * MAX_FACTOR:
            measured_hz = (len(times) - begin) / max(float(times[-1] - times[begin]), 1e-9)
            raise StreamError(
                f"the stream comes at {measured_hz:.4g} Hz, expected at most "
                f"{MAX_FACTOR * self._rate_hz:g} Hz: lower the sensor's rate, or give timestamps in "
                "seconds"
            )


def _kernel(steps: Float64Array) -> Float64Array:
    """The windowed sinc at so many grid steps from its middle, not scaled."""
    inside = np.sqrt(np.maximum(1 - (steps / HALF_WIDTH_STEPS) ** 2, 0))
    kernel: Float64Array = np.sinc(steps) * np.i0(KAISER_BETA * inside)
    return kernel
