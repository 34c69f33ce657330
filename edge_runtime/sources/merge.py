"""One stream from sensors that report apart: the gyroscope on the accelerometer's times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.contract.spec import UNITS
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

AXES = "xyz"
NAMES = {"acc": "accelerometer", "gyro": "gyroscope"}
LONGEST_STEP_S = (
    0.5  # a sensor silent for longer is not interpolated; the contract's usual max_gap_s
)
HOLD_S = 2.0  # samples of one sensor wait so long for those of the other
RESTART_S = 5.0  # time that runs back so far is another clock, not a late message


@dataclass
class _Lane:
    """What one sensor has given and is not passed on yet: times_s (n,) increasing, values (n, axes)."""

    columns: tuple[int, ...]  # of x, y, z
    times_s: Float64Array
    values: Float64Array

    def clear(self) -> None:
        self.times_s, self.values = self.times_s[:0], self.values[:0]

    def drop_before(self, index: int) -> None:
        self.times_s, self.values = self.times_s[index:], self.values[index:]


class SensorMerger:
    """Brings sensors with times of their own together; samples may come in any order within two seconds.

    The first sensor that is wanted (the accelerometer, if it is) sets the times; the other is
    interpolated linearly. A sample too old to be placed is dropped and counted, and so is one for
    which the other sensor has nothing.

    Args:
        channels: columns to give, in order.
        notes: told what is dropped.
        names: of the sensors, for people; another vector than the gyroscope's can take its place.
    """

    def __init__(
        self, channels: Sequence[str], notes: Notes, names: Mapping[str, str] = NAMES
    ) -> None:
        wanted = {
            sensor: tuple(
                AXES.index(name[-1]) for name in channels if name.startswith(sensor + "_")
            )
            for sensor in UNITS
        }
        self._lanes = {
            sensor: _Lane(columns, np.empty(0), np.empty((0, len(columns))))
            for sensor, columns in wanted.items()
            if columns
        }
        come = [
            f"{sensor}_{AXES[column]}"
            for sensor, lane in self._lanes.items()
            for column in lane.columns
        ]
        self._order = [come.index(name) for name in channels]
        self._notes = notes
        self._names = names
        self._given_s = -math.inf  # newest time that was passed on

    @property
    def sensors(self) -> tuple[str, ...]:
        """Those that are wanted, of acc and gyro."""
        return tuple(self._lanes)

    def push(self, sensor: str, times_s: Float64Array, values: Float64Array) -> None:
        """Take samples of one sensor; of one that is not wanted, nothing happens.

        Args:
            sensor: acc or gyro.
            times_s: (n,) seconds on a clock that the sensors share.
            values: (n, 3) x, y, z.
        """
        lane = self._lanes.get(sensor)
        if lane is None or not len(times_s):
            return
        if not math.isfinite(float(times_s.sum()) + float(values.sum())):
            times_s, values = self._without_nan(sensor, times_s, values)
        newest_s = max(self._given_s, float(lane.times_s[-1]) if len(lane.times_s) else -math.inf)
        if len(times_s) == 1 and times_s[0] > newest_s:  # most of the time, and worth being quick
            lane.times_s = np.append(lane.times_s, times_s)
            lane.values = np.concatenate([lane.values, values[:, lane.columns]])
        elif len(times_s):
            self._sort_in(lane, times_s, values)

    def _without_nan(
        self,
        sensor: str,
        times_s: Float64Array,
        values: Float64Array,
    ) -> tuple[Float64Array, Float64Array]:
        good = np.isfinite(times_s) & np.isfinite(values).all(1)
        if not good.all():
            self._notes.skipped(
                "sample with NaN",
                f"the {self._names[sensor]} gave a value that is no number, "
                "expected numbers: check the sensor",
                int((~good).sum()),
            )
        return times_s[good], values[good]

    def _sort_in(self, lane: _Lane, times_s: Float64Array, values: Float64Array) -> None:
        back_s = self._given_s - float(times_s.max())
        if back_s > RESTART_S:
            self._notes.tell(f"the sensor's clock went back by {back_s:.3g} s: starting over")
            self.clear()
        fresh = times_s > self._given_s
        if not fresh.all():
            self._notes.skipped(
                "late sample",
                f"it came {self._given_s - times_s.min():.3g} s after its turn: look "
                "for a slow or overloaded connection",
                int((~fresh).sum()),
            )
        times = np.concatenate([lane.times_s, times_s[fresh]])
        rows = np.concatenate([lane.values, values[fresh][:, lane.columns]])
        lane.times_s, first = np.unique(
            times, return_index=True
        )  # sorts, and drops what came twice
        lane.values = rows[first]

    def clear(self) -> None:
        """Begin again, on another clock maybe."""
        self._given_s = -math.inf
        for lane in self._lanes.values():
            lane.clear()

    def pull(self) -> Chunk:
        """Everything that is complete."""
        first, *others = self._lanes.values()
        if not others:
            chunk = self._give(first.times_s, first.values)
            first.clear()
            return chunk
        return self._pull_two(first, others[0])

    def _pull_two(self, first: _Lane, second: _Lane) -> Chunk:
        self._forget_unanswered(first, second)
        if not (len(first.times_s) and len(second.times_s)):
            return Chunk.empty(len(self._order))
        if first.times_s[0] > second.times_s[-1]:
            return Chunk.empty(len(self._order))
        n = int(np.searchsorted(first.times_s, second.times_s[-1], side="right"))
        times, values = first.times_s[:n], first.values[:n]
        right = np.searchsorted(
            second.times_s, times, side="left"
        )  # second[right - 1] < time <= second[right]
        exact = second.times_s[right] == times
        left = np.where(exact, right, right - 1)
        known = exact | (
            (right > 0) & (second.times_s[right] - second.times_s[left] <= LONGEST_STEP_S)
        )
        if (
            not known.all() and self._given_s > -math.inf
        ):  # at the start one sensor is always ahead of the other
            self._miss(int((~known).sum()))
        first.drop_before(n)
        times, values = times[known], values[known]
        if not len(times):
            return Chunk.empty(len(self._order))
        other = np.stack(
            [np.interp(times, second.times_s, column) for column in second.values.T], axis=1
        )
        second.drop_before(
            max(int(np.searchsorted(second.times_s, times[-1], side="right")) - 1, 0)
        )
        return self._give(times, np.hstack([values, other]))

    def _forget_unanswered(self, first: _Lane, second: _Lane) -> None:
        """Bound what waits for a sensor that has fallen silent."""
        for lane, other in ((first, second), (second, first)):
            if not len(lane.times_s) or lane.times_s[-1] - lane.times_s[0] <= HOLD_S:
                continue
            old = int(np.searchsorted(lane.times_s, lane.times_s[-1] - HOLD_S))
            if old and not (len(other.times_s) and other.times_s[-1] >= lane.times_s[0]):
                if lane is first:
                    self._miss(old)
                lane.drop_before(old)

    def _miss(self, count: int) -> None:
        first, second = (self._names[sensor] for sensor in self._lanes)
        self._notes.skipped(
            f"{first} sample without {second}",
            f"the {second} was silent: check that it is switched on, and as fast as the {first}",
            count,
        )

    def _give(self, times: Float64Array, values: Float64Array) -> Chunk:
        if len(times):
            self._given_s = float(times[-1])
        with np.errstate(
            over="ignore"
        ):  # too large for float32: infinite, which the recogniser refuses
            return Chunk(times, values[:, self._order].astype(np.float32))
