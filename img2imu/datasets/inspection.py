"""What is in a data set, and what may be wrong with it: figures only, no verdict on how well it can be learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import acc_triple
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import GYRO_LIMIT, acceleration_kind
from img2imu.datasets.data_set import NO_LABEL, Clock, DataSet
from img2imu.datasets.raw_time import MAX_GAP_S
from img2imu.windows import Windows, cut_windows

WINDOW_LENGTHS_S = (5.0, 3.0, 2.0, 1.0)  # the trainer's default, and shorter ones for short motions
SATURATED_RUN = 3  # samples in a row at the very same extreme; a peak touches it once
CONSTANT_S = 1.0  # shorter recordings may well not move


@dataclass(frozen=True, eq=False)
class Timing:
    """What the sensors' own clocks tell.

    Attributes:
        rates_hz: (recordings,) mean rate of each outside its gaps; NaN where there is none.
        deviations_s: (n,) each step less the median step of its recording; gaps left out.
        gaps_s: lengths of the pauses of more than half a second, longest first.
        repeated: steps of no time.
    """

    rates_hz: Float64Array
    deviations_s: Float64Array
    gaps_s: tuple[float, ...]
    repeated: int


@dataclass(frozen=True)
class ClassCount:
    """One class: recordings with it, people, seconds, and windows without overlap."""

    label: str
    recordings: int
    subjects: int
    seconds: float
    windows: int


@dataclass(frozen=True)
class ChannelRange:
    """One channel: extremes, recordings in which it does not change, and how many samples are stuck at an extreme."""

    channel: str
    lowest: float
    highest: float
    constant_in: tuple[str, ...]
    saturated: int


@dataclass(frozen=True, eq=False)
class Inspection:
    """Everything that is reported.

    Attributes:
        data_set: what was looked at.
        windows: of it, or None when no window fits anywhere.
        window_s: their length.
        timing: None for data without timestamps.
        magnitudes: median |acc| of each recording, m/s^2; empty with fewer than three axes.
        kinds: how many recordings look like which kind of acceleration.
        classes: in the order of the label names.
        channels: in the order of the data set.
        unlabelled_s: seconds without a label.
    """

    data_set: DataSet
    windows: Windows | None
    window_s: float
    timing: Timing | None
    magnitudes: Float64Array
    kinds: dict[str, int]
    classes: tuple[ClassCount, ...]
    channels: tuple[ChannelRange, ...]
    unlabelled_s: float


def inspect_data_set(data_set: DataSet, window_s: float | None = None) -> Inspection:
    """Look at all recordings.

    Args:
        data_set: as loaded.
        window_s: to count by and to draw; without it, the longest of 5, 3, 2 and 1 s of which every
            class has one.
    """
    window_s, windows = _cut(data_set, window_s)
    columns = acc_triple(data_set.channels)
    acc = (
        []
        if columns is None
        else [r.samples[:, columns] for r in data_set.recordings if len(r.samples)]
    )
    labels = np.concatenate([recording.labels for recording in data_set.recordings])
    return Inspection(
        data_set,
        windows,
        window_s,
        _timing(data_set.clocks) if data_set.clocks else None,
        np.array([np.median(np.linalg.norm(values, axis=1)) for values in acc]),
        dict(Counter(acceleration_kind(values) for values in acc)),
        tuple(_count(data_set, windows)),
        tuple(_range(data_set, column) for column in range(len(data_set.channels))),
        float((labels == NO_LABEL).sum() / data_set.rate_hz),
    )


def _cut(data_set: DataSet, window_s: float | None) -> tuple[float, Windows | None]:
    if window_s is not None:
        return window_s, cut_windows(data_set, window_s)
    present = np.unique(np.concatenate([recording.labels for recording in data_set.recordings]))
    wanted = (present != NO_LABEL).sum()
    longest: tuple[float, Windows | None] = (WINDOW_LENGTHS_S[0], None)
    for length_s in WINDOW_LENGTHS_S:
        try:
            windows = cut_windows(data_set, length_s)
        except DataError:  # none fits; too few samples in a second
            continue
        if len(np.unique(windows.labels)) == wanted:
            return length_s, windows
        longest = (length_s, windows) if longest[1] is None else longest
    return longest


def _timing(clocks: Sequence[Clock]) -> Timing:
    rates, deviations, gaps, repeated = [], [], [], 0
    for clock in clocks:
        steps = np.diff(clock.times_s)
        usual = steps[(steps > 0) & (steps <= MAX_GAP_S)]
        rates.append(len(usual) / usual.sum() if len(usual) else np.nan)
        deviations.append(usual - np.median(usual) if len(usual) else usual)
        gaps += steps[steps > MAX_GAP_S].tolist()
        repeated += int((steps == 0).sum())
    return Timing(
        np.array(rates), np.concatenate(deviations), tuple(sorted(gaps, reverse=True)), repeated
    )


def _count(data_set: DataSet, windows: Windows | None) -> list[ClassCount]:
    counts = []
    for label, name in enumerate(data_set.label_names):
        with_it = [
            (recording.subject, int(n))
            for recording in data_set.recordings
            if (n := (recording.labels == label).sum())
        ]
        n_windows = 0 if windows is None else int((windows.labels == label).sum())
        counts.append(
            ClassCount(
                name,
                len(with_it),
                len({subject for subject, _ in with_it}),
                sum(n for _, n in with_it) / data_set.rate_hz,
                n_windows,
            )
        )
    return counts


def _range(data_set: DataSet, column: int) -> ChannelRange:
    parts = [
        (recording.name, recording.samples[:, column])
        for recording in data_set.recordings
        if len(recording.samples)
    ]
    lowest, highest = min(float(v.min()) for _, v in parts), max(float(v.max()) for _, v in parts)
    constant = tuple(
        name
        for name, values in parts
        if len(values) > CONSTANT_S * data_set.rate_hz and values.min() == values.max()
    )
    stuck = sum(_stuck(values, extreme) for _, values in parts for extreme in {lowest, highest})
    return ChannelRange(data_set.channels[column], lowest, highest, constant, stuck)


def _stuck(values: Float32Array, extreme: float) -> int:
    """Samples in runs of three or more at the extreme, of a recording that otherwise moves."""
    at = np.concatenate([[False], values == np.float32(extreme), [False]]).astype(np.int8)
    begins, ends = np.flatnonzero(np.diff(at) == 1), np.flatnonzero(np.diff(at) == -1)
    lengths = ends - begins
    return 0 if values.min() == values.max() else int(lengths[lengths >= SATURATED_RUN].sum())


def describe_units(inspection: Inspection) -> str:
    """One sentence on what the accelerometer's numbers look like."""
    kinds = inspection.kinds
    if not kinds:
        return "fewer than three accelerometer axes: their unit and gravity cannot be told from the numbers"
    odd = sum(kinds.values()) - max(kinds.get("si", 0), kinds.get("no gravity", 0))
    verdict = (
        "m/s^2 with gravity"
        if kinds.get("si", 0) >= kinds.get("no gravity", 0)
        else "m/s^2 without gravity"
    )
    others = ", ".join(
        f"{n} as {kind}" for kind, n in sorted(kinds.items()) if kind != _kind_of(verdict)
    )
    return f"looks like {verdict}" + (
        f"; {odd} of {sum(kinds.values())} recordings look otherwise ({others})" if odd else ""
    )


def _kind_of(verdict: str) -> str:
    return "no gravity" if "without" in verdict else "si"


def warnings(inspection: Inspection) -> list[str]:
    """What a person should look at, a sentence each."""
    found = []
    for channel in inspection.channels:
        if channel.constant_in:
            more = (
                f" and {len(channel.constant_in) - 1} more" if len(channel.constant_in) > 1 else ""
            )
            found.append(
                f"{channel.channel} does not change in {channel.constant_in[0]}{more}: is that axis dead?"
            )
        if channel.saturated:
            found.append(
                f"{channel.channel} stays at {channel.lowest:.4g} or {channel.highest:.4g} for three samples "
                f"in a row or more, {channel.saturated} in all: does the sensor's range end there?"
            )
        if (
            channel.channel.startswith("gyro")
            and max(-channel.lowest, channel.highest) > GYRO_LIMIT
        ):
            found.append(
                f"{channel.channel} reaches {max(-channel.lowest, channel.highest):.4g}, more than a "
                "gyroscope in rad/s can: degrees per second, or a corrupt sample?"
            )
    counts = [count for count in inspection.classes if count.seconds]
    for count in counts:
        if not count.windows:
            found.append(
                f"{count.label} has no window of {inspection.window_s:g} s: its stretches are shorter"
            )
        if count.subjects == 1 and len({r.subject for r in inspection.data_set.recordings}) > 1:
            found.append(f"{count.label} has one subject only: nobody else can be tested on it")
    return found


def plural(n: int, noun: str) -> str:
    """Return the count with its noun, such as ``1 gap`` or ``2 gaps``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
