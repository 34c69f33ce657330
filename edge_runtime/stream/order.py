"""Samples put in the order of their timestamps: what is late or comes twice is dropped and counted."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.stream.counts import StreamCounts

RESTART_S = 5.0  # time that runs back so far at once is another clock, not a late sample; as in sources/merge.py
MAX_HOLD_S = 10.0
MAX_HELD = 16384  # samples: 10 s at 1.6 kHz


@dataclass(frozen=True, eq=False)
class Run:
    """Consecutive samples in increasing order of time.

    Attributes:
        times_s: (n,).
        values: (n, channels).
        restart_s: time of the sample with which the clock went back, or None; what came before then
            has nothing to do with these, which may still wait and be none.
    """

    times_s: Float64Array
    values: Float32Array
    restart_s: float | None = None


class SampleOrder:
    """Gives samples in increasing order of time, whatever order they come in.

    A sample is held until one comes that is ``hold_s`` newer; only what is later than that is lost.
    With ``hold_s`` 0 nothing waits, and whatever comes after a newer one is late. A clock that goes
    back by more than 5 s, or so that a pause's worth of samples in a row would have to be dropped,
    was set back or started anew, and time begins again. What comes out does not depend on how the
    stream is cut into chunks.

    Args:
        channels: values in a sample.
        longest_run: more samples than this in a row are not dropped.
        hold_s: see above, 0 to 10 s.
        counts: where late, duplicate and waiting samples are counted.
    """

    def __init__(
        self, channels: int, longest_run: int, hold_s: float, counts: StreamCounts
    ) -> None:
        self._longest_run = longest_run
        self._hold_s = hold_s
        self._counts = counts
        self._none = np.empty((0, channels), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far; what waits is forgotten as well."""
        self._held_s: list[float] = []
        self._held: list[Float32Array] = []
        self._given_s = -np.inf  # newest time that was given
        self._dropped = 0  # in a row
        self._counts.waiting = 0

    def follows(self, time_s: float) -> bool:
        """Let a sample pass that comes in its turn; False, and nothing happens, when samples are held or it is late."""
        if self._hold_s or not time_s > self._given_s:
            return False
        self._given_s, self._dropped = time_s, 0
        return True

    def push(self, times_s: Float64Array, values: Float32Array) -> list[Run]:
        """Take samples with finite times, in any order; give those whose turn has come.

        Args:
            times_s: (n,) seconds.
            values: (n, channels).
        """
        if not len(times_s):
            return []
        if (
            self._hold_s == 0
            and times_s[0] > self._given_s
            and (len(times_s) == 1 or bool((times_s[1:] > times_s[:-1]).all()))
        ):
            self._given_s, self._dropped = float(times_s[-1]), 0
            return [Run(times_s, values)]
        runs: list[Run] = []
        restart_s: float | None = None
        times, rows = list[float](), list[Float32Array]()
        for time_s, row in zip(times_s.tolist(), values, strict=True):
            if self._went_back(time_s):
                runs.append(self._run([*times, *self._held_s], [*rows, *self._held], restart_s))
                self.reset()
                restart_s, times, rows = time_s, [], []
            if self._place(time_s, row):
                self._release(times, rows)
        runs.append(self._run(times, rows, restart_s))
        self._counts.waiting = len(self._held)
        return [run for run in runs if len(run.times_s) or run.restart_s is not None]

    def flush(self) -> list[Run]:
        """What still waits: no more will come."""
        run = self._run(self._held_s, self._held, None)
        self._held_s, self._held, self._counts.waiting = [], [], 0
        self._given_s = float(run.times_s[-1]) if len(run.times_s) else self._given_s
        return [run] if len(run.times_s) else []

    def _went_back(self, time_s: float) -> bool:
        newest_s = self._held_s[-1] if self._held_s else self._given_s
        stuck = time_s <= self._given_s and self._dropped >= self._longest_run
        return stuck or newest_s - time_s > RESTART_S

    def _place(self, time_s: float, row: Float32Array) -> bool:
        """Put a sample among those that wait; False when it is dropped."""
        at = bisect.bisect_left(self._held_s, time_s)
        duplicate = time_s == self._given_s or (
            at < len(self._held_s) and self._held_s[at] == time_s
        )
        if duplicate or time_s < self._given_s:
            self._dropped += 1
            if duplicate:
                self._counts.duplicate += 1
            else:
                self._counts.late += 1
            return False
        self._held_s.insert(at, time_s)
        self._held.insert(at, row.copy())  # the caller may use its buffer again
        self._dropped = 0
        return True

    def _release(self, times: list[float], rows: list[Float32Array]) -> None:
        """Move what has waited long enough."""
        n = max(
            bisect.bisect_right(self._held_s, self._held_s[-1] - self._hold_s),
            len(self._held) - MAX_HELD,
        )
        if n:
            times += self._held_s[:n]
            rows += self._held[:n]
            del self._held_s[:n], self._held[:n]
            self._given_s = times[-1]

    def _run(self, times: list[float], rows: list[Float32Array], restart_s: float | None) -> Run:
        return Run(
            np.array(times, np.float64),
            np.array(rows, np.float32) if rows else self._none,
            restart_s,
        )
