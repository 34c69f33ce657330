"""One stream from sensors that report separately: the gyroscope on the accelerometer's times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.contract.spec import UNITS
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

SENSOR_NAMES = {"acc": "accelerometer", "gyro": "gyroscope"}
LONGEST_STEP_S = 0.5  # longer silences are not interpolated; the contract's usual max_gap_s
HOLD_S = 2.0  # how long samples of one sensor wait for those of the other
RESTART_S = 5.0  # time that runs back by more is a restarted clock, not a late message


@dataclass
class _Lane:
    """Samples of one sensor that are not passed on yet.

    Attributes:
        axes: indices of x, y and z that are kept.
        times_s: (n,) increasing.
        values: (n, axes).
    """

    axes: tuple[int, ...]
    times_s: Float64Array
    values: Float64Array

    def clear(self) -> None:
        self.times_s = self.times_s[:0]
        self.values = self.values[:0]

    def drop_before(self, index: int) -> None:
        self.times_s = self.times_s[index:]
        self.values = self.values[index:]


class SensorMerger:
    """Combines sensors that have timestamps of their own.

    Samples may come in any order within two seconds. The first of the requested sensors (the
    accelerometer, if it is requested) sets the times. The other is interpolated linearly. A sample
    too old to be sorted in is dropped and counted, and so is one for which the other sensor has
    nothing.

    Args:
        channels: columns to return, in order.
        notes: reports what is dropped.
        names: sensor to what messages call it. Any other vector can take the gyroscope's place.
    """

    def __init__(
        self, channels: Sequence[str], notes: Notes, names: Mapping[str, str] = SENSOR_NAMES
    ) -> None:
        self._lanes: dict[str, _Lane] = {}
        for sensor in UNITS:
            prefix = f"{sensor}_"
            axes = tuple("xyz".index(name[-1]) for name in channels if name.startswith(prefix))
            if axes:
                self._lanes[sensor] = _Lane(axes, np.empty(0), np.empty((0, len(axes))))
        columns = [
            f"{sensor}_{'xyz'[axis]}" for sensor, lane in self._lanes.items() for axis in lane.axes
        ]
        self._order = [columns.index(name) for name in channels]
        self._notes = notes
        self._names = names
        self._passed_s = -math.inf  # newest time that was passed on

    @property
    def sensors(self) -> tuple[str, ...]:
        """The requested sensors, of acc and gyro."""
        return tuple(self._lanes)

    def add(self, sensor: str, times_s: Float64Array, values: Float64Array) -> None:
        """Add samples of one sensor. A sensor that is not requested is ignored.

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
        newest_s = max(self._passed_s, float(lane.times_s[-1]) if len(lane.times_s) else -math.inf)
        if len(times_s) == 1 and times_s[0] > newest_s:  # the usual case, kept fast
            lane.times_s = np.append(lane.times_s, times_s)
            lane.values = np.concatenate([lane.values, values[:, lane.axes]])
        elif len(times_s):
            self._sort_in(lane, times_s, values)

    def _without_nan(
        self, sensor: str, times_s: Float64Array, values: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        finite = np.isfinite(times_s) & np.isfinite(values).all(1)
        if not finite.all():
            self._notes.skipped(
                "sample with NaN",
                f"the {self._names[sensor]} gave a value that is not a number, expected numbers: "
                "check the sensor",
                int((~finite).sum()),
            )
        return times_s[finite], values[finite]

    def _sort_in(self, lane: _Lane, times_s: Float64Array, values: Float64Array) -> None:
        back_s = self._passed_s - float(times_s.max())
        if back_s > RESTART_S:
            self._notes.tell(f"the sensor's clock went back by {back_s:.3g} s: starting over")
            self.clear()
        fresh = times_s > self._passed_s
        if not fresh.all():
            self._notes.skipped(
                "late sample",
                f"it came {self._passed_s - times_s.min():.3g} s too late: look for a slow or "
                "overloaded connection",
                int((~fresh).sum()),
            )
        all_times_s = np.concatenate([lane.times_s, times_s[fresh]])
        all_values = np.concatenate([lane.values, values[fresh][:, lane.axes]])
        # unique sorts, and keeps the first of equal times
        lane.times_s, first = np.unique(all_times_s, return_index=True)
        lane.values = all_values[first]

    def clear(self) -> None:
        """Forget all samples and start over, possibly on another clock."""
        self._passed_s = -math.inf
        for lane in self._lanes.values():
            lane.clear()

    def pull(self) -> Chunk:
        """Return all samples that are complete."""
        first, *others = self._lanes.values()
        if others:
            return self._pull_interpolated(first, others[0])
        chunk = self._chunk(first.times_s, first.values)
        first.clear()
        return chunk

    def _pull_interpolated(self, first: _Lane, second: _Lane) -> Chunk:
        self._drop_unmatched(first, second)
        if not (len(first.times_s) and len(second.times_s)):
            return Chunk.empty(len(self._order))
        if first.times_s[0] > second.times_s[-1]:
            return Chunk.empty(len(self._order))
        n = int(np.searchsorted(first.times_s, second.times_s[-1], side="right"))
        times_s = first.times_s[:n]
        values = first.values[:n]
        # second[right - 1] < time <= second[right]
        right = np.searchsorted(second.times_s, times_s, side="left")
        exact = second.times_s[right] == times_s
        left = np.where(exact, right, right - 1)
        close = second.times_s[right] - second.times_s[left] <= LONGEST_STEP_S
        matched = exact | ((right > 0) & close)
        # At the start one sensor is always ahead of the other, which is not reported.
        if not matched.all() and self._passed_s > -math.inf:
            self._report_unmatched(int((~matched).sum()))
        first.drop_before(n)
        times_s = times_s[matched]
        values = values[matched]
        if not len(times_s):
            return Chunk.empty(len(self._order))
        interpolated = np.stack(
            [np.interp(times_s, second.times_s, axis) for axis in second.values.T], axis=1
        )
        used = int(np.searchsorted(second.times_s, times_s[-1], side="right")) - 1
        second.drop_before(max(used, 0))
        return self._chunk(times_s, np.hstack([values, interpolated]))

    def _drop_unmatched(self, first: _Lane, second: _Lane) -> None:
        """Bound the samples that wait for a sensor that has fallen silent."""
        for lane, other in ((first, second), (second, first)):
            if not len(lane.times_s) or lane.times_s[-1] - lane.times_s[0] <= HOLD_S:
                continue
            old = int(np.searchsorted(lane.times_s, lane.times_s[-1] - HOLD_S))
            if old and not (len(other.times_s) and other.times_s[-1] >= lane.times_s[0]):
                if lane is first:
                    self._report_unmatched(old)
                lane.drop_before(old)

    def _report_unmatched(self, count: int) -> None:
        first, second = (self._names[sensor] for sensor in self._lanes)
        self._notes.skipped(
            f"{first} sample without {second}",
            f"the {second} was silent: check that it is switched on, and as fast as the {first}",
            count,
        )

    def _chunk(self, times_s: Float64Array, values: Float64Array) -> Chunk:
        if len(times_s):
            self._passed_s = float(times_s[-1])
        # A number too large for float32 becomes infinite, which the recogniser refuses.
        with np.errstate(over="ignore"):
            return Chunk(times_s, values[:, self._order].astype(np.float32))
