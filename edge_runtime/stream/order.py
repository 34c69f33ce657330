"""Put samples in the order of their timestamps; drop and count what is late or comes twice."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.stream.counts import StreamCounts

RESTART_S = 5.0  # a larger step back is another clock, not a late sample; as in sources/merge.py
MAX_HOLD_S = 10.0
MAX_HELD = 16384  # samples: 10 s at 1.6 kHz


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive samples in increasing order of time.

    Attributes:
        times_s: (n,) seconds on the sensor's clock.
        values: (n, channels).
        restart_s: timestamp of the sample with which the clock went back, or None. Samples from
            before a restart have nothing to do with these. With a restart, n may be 0.
    """

    times_s: Float64Array
    values: Float32Array
    restart_s: float | None = None


class SampleOrder:
    """Return samples in increasing order of time, in whatever order they arrive.

    A sample is held until one arrives that is ``hold_s`` newer. Samples later than that are
    dropped. With ``hold_s`` 0 nothing is held, and every sample older than its predecessor is late.

    The clock was set back, and time begins again, when a timestamp lies more than 5 s before the
    newest one, or when ``longest_run`` samples in a row would have to be dropped.

    The result does not depend on how the stream is cut into chunks.

    Args:
        channels: values in a sample.
        longest_run: largest number of samples that are dropped in a row.
        hold_s: how long samples are held, 0 to 10 s.
        counts: late, duplicate and waiting samples are counted here.
    """

    def __init__(
        self, channels: int, longest_run: int, hold_s: float, counts: StreamCounts
    ) -> None:
        self._longest_run = longest_run
        self._hold_s = hold_s
        self._counts = counts
        self._no_values = np.empty((0, channels), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far, and the samples that are held."""
        self._held_times: list[float] = []
        self._held_values: list[Float32Array] = []
        self._released_s = -np.inf  # newest timestamp that was returned
        self._dropped_in_a_row = 0
        self._counts.waiting = 0

    def accept_if_next(self, time_s: float) -> bool:
        """Accept one sample if it is the next in time.

        The caller then uses the sample itself. Returns False and changes nothing if the sample is
        late or samples are held.
        """
        if self._hold_s or not time_s > self._released_s:
            return False
        self._released_s = time_s
        self._dropped_in_a_row = 0
        return True

    def sort(self, times_s: Float64Array, values: Float32Array) -> list[Stretch]:
        """Add samples in any order; return those that need not wait any longer.

        Args:
            times_s: (n,) seconds, finite.
            values: (n, channels).
        """
        if not len(times_s):
            return []
        in_order = len(times_s) == 1 or bool((times_s[1:] > times_s[:-1]).all())
        if self._hold_s == 0 and in_order and times_s[0] > self._released_s:
            self._released_s = float(times_s[-1])
            self._dropped_in_a_row = 0
            return [Stretch(times_s, values)]
        stretches: list[Stretch] = []
        restart_s: float | None = None
        times = list[float]()
        rows = list[Float32Array]()
        for time_s, row in zip(times_s.tolist(), values, strict=True):
            if self._clock_went_back(time_s):
                stretches.append(
                    self._stretch(
                        [*times, *self._held_times], [*rows, *self._held_values], restart_s
                    )
                )
                self.reset()
                restart_s = time_s
                times, rows = [], []
            if self._hold(time_s, row):
                self._release(times, rows)
        stretches.append(self._stretch(times, rows, restart_s))
        self._counts.waiting = len(self._held_values)
        return [s for s in stretches if len(s.times_s) or s.restart_s is not None]

    def flush(self) -> list[Stretch]:
        """Return the samples that are held: the stream has ended."""
        stretch = self._stretch(self._held_times, self._held_values, None)
        self._held_times, self._held_values = [], []
        self._counts.waiting = 0
        if not len(stretch.times_s):
            return []
        self._released_s = float(stretch.times_s[-1])
        return [stretch]

    def _clock_went_back(self, time_s: float) -> bool:
        newest_s = self._held_times[-1] if self._held_times else self._released_s
        is_stuck = time_s <= self._released_s and self._dropped_in_a_row >= self._longest_run
        return is_stuck or newest_s - time_s > RESTART_S

    def _hold(self, time_s: float, row: Float32Array) -> bool:
        """Hold a sample in its place among the others; return False if it is dropped."""
        at = bisect.bisect_left(self._held_times, time_s)
        is_held_twice = at < len(self._held_times) and self._held_times[at] == time_s
        if is_held_twice or time_s <= self._released_s:
            self._dropped_in_a_row += 1
            if is_held_twice or time_s == self._released_s:
                self._counts.duplicate += 1
            else:
                self._counts.late += 1
            return False
        self._held_times.insert(at, time_s)
        self._held_values.insert(at, row.copy())  # the caller may use its buffer again
        self._dropped_in_a_row = 0
        return True

    def _release(self, times: list[float], rows: list[Float32Array]) -> None:
        """Move samples that were held long enough to ``times`` and ``rows``."""
        due = bisect.bisect_right(self._held_times, self._held_times[-1] - self._hold_s)
        n = max(due, len(self._held_values) - MAX_HELD)
        if n:
            times += self._held_times[:n]
            rows += self._held_values[:n]
            del self._held_times[:n], self._held_values[:n]
            self._released_s = times[-1]

    def _stretch(
        self, times: list[float], rows: list[Float32Array], restart_s: float | None
    ) -> Stretch:
        values = np.array(rows, np.float32) if rows else self._no_values
        return Stretch(np.array(times, np.float64), values, restart_s)
