"""Inspect a data set: facts and possible defects, as text and as a picture.

Nothing here says how well the data can be learnt.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import acc_triple
from edge_runtime.errors import DataError
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import design_front_end
from edge_runtime.stream.checks import GYRO_LIMIT, acceleration_kind
from img2imu.data_set import NO_LABEL, Clock, DataSet
from img2imu.datasets.raw import MAX_GAP_S
from img2imu.windows import Windows, cut_windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

WINDOW_LENGTHS_S = (5.0, 3.0, 2.0, 1.0)  # the trainer's default, and shorter ones for short motions
SATURATED_RUN = 3  # samples in a row at the same extreme; an ordinary peak touches it once
CONSTANT_S = 1.0  # a shorter recording may be at rest
REPORT_WIDTH = 100

MAX_CLASSES = 20  # with more, the height of a row becomes too small
CANDIDATES = 200  # windows from which the typical one is chosen
COLOURS = ("#d62728", "#2ca02c", "#1f77b4")  # x, y, z as in the images: red, green, blue
UNITS = {"acc": "m/s²", "gyro": "rad/s"}
LEAST_SPAN = {"acc": 6.0, "gyro": 1.5}  # of a trace's vertical axis
TICKS_HZ = (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
ROW_INCHES = 1.25
FOOT_INCHES = 2.9
HEAD_INCHES = 0.8
BAR_INCHES = 0.16  # height of a class in the foot; its axis and title need one more inch


@dataclass(frozen=True, eq=False)
class Timing:
    """Facts from the sensors' own clocks.

    Attributes:
        rates_hz: (recordings,) mean rate of each outside its gaps; NaN where there is none.
        deviations_s: (n,) each step minus the median step of its recording, without gaps.
        gaps_s: lengths of the pauses of more than half a second, longest first.
        repeated: number of steps of zero length.
    """

    rates_hz: Float64Array
    deviations_s: Float64Array
    gaps_s: tuple[float, ...]
    repeated: int


@dataclass(frozen=True)
class ClassCount:
    """Amount of data of one class.

    Attributes:
        label: name of the class.
        recordings: number of recordings that contain it.
        subjects: number of people.
        seconds: duration.
        windows: number of windows without overlap.
    """

    label: str
    recordings: int
    subjects: int
    seconds: float
    windows: int


@dataclass(frozen=True)
class ChannelRange:
    """Range of one channel.

    Attributes:
        channel: its name.
        lowest: smallest value.
        highest: largest value.
        constant_in: names of the recordings in which it does not change.
        saturated: number of samples stuck at an extreme.
    """

    channel: str
    lowest: float
    highest: float
    constant_in: tuple[str, ...]
    saturated: int


@dataclass(frozen=True, eq=False)
class Inspection:
    """Everything that is reported.

    Attributes:
        data_set: the inspected data set.
        windows: of the data set; None if no window fits into it.
        window_s: length of the windows.
        timing: None for data without timestamps.
        magnitudes: median |acc| of each recording, m/s^2; empty with fewer than three axes.
        kinds: kind of acceleration to the number of recordings that look like it.
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


# ---- the facts


def inspect_data_set(data_set: DataSet, window_s: float | None = None) -> Inspection:
    """Inspect all recordings.

    Args:
        data_set: as loaded.
        window_s: length of the windows to count and draw. By default the longest of 5, 3, 2 and 1 s
            of which every class has a window.
    """
    window_s, windows = _cut(data_set, window_s)
    columns = acc_triple(data_set.channels)
    acc: list[Float32Array] = []
    if columns is not None:
        acc = [r.samples[:, columns] for r in data_set.recordings if len(r.samples)]
    labels = np.concatenate([recording.labels for recording in data_set.recordings])
    return Inspection(
        data_set=data_set,
        windows=windows,
        window_s=window_s,
        timing=_measure_timing(data_set.clocks) if data_set.clocks else None,
        magnitudes=np.array([np.median(np.linalg.norm(values, axis=1)) for values in acc]),
        kinds=dict(Counter(acceleration_kind(values) for values in acc)),
        classes=tuple(_count_classes(data_set, windows)),
        channels=tuple(_measure_range(data_set, i) for i in range(len(data_set.channels))),
        unlabelled_s=float((labels == NO_LABEL).sum() / data_set.rate_hz),
    )


def _cut(data_set: DataSet, window_s: float | None) -> tuple[float, Windows | None]:
    """Return the length of the windows, and the windows; None if no length fits."""
    if window_s is not None:
        return window_s, cut_windows(data_set, window_s)
    labels = np.unique(np.concatenate([recording.labels for recording in data_set.recordings]))
    n_classes = (labels != NO_LABEL).sum()
    longest: tuple[float, Windows | None] = (WINDOW_LENGTHS_S[0], None)
    for length_s in WINDOW_LENGTHS_S:
        try:
            windows = cut_windows(data_set, length_s)
        except DataError:  # no window fits, or a window has too few samples
            continue
        if len(np.unique(windows.labels)) == n_classes:
            return length_s, windows
        if longest[1] is None:
            longest = (length_s, windows)
    return longest


def _measure_timing(clocks: Sequence[Clock]) -> Timing:
    rates: list[float] = []
    deviations: list[Float64Array] = []
    gaps: list[float] = []
    repeated = 0
    for clock in clocks:
        steps = np.diff(clock.times_s)
        usual = steps[(steps > 0) & (steps <= MAX_GAP_S)]
        rates.append(len(usual) / usual.sum() if len(usual) else np.nan)
        deviations.append(usual - np.median(usual) if len(usual) else usual)
        gaps += steps[steps > MAX_GAP_S].tolist()
        repeated += int((steps == 0).sum())
    return Timing(
        rates_hz=np.array(rates),
        deviations_s=np.concatenate(deviations),
        gaps_s=tuple(sorted(gaps, reverse=True)),
        repeated=repeated,
    )


def _count_classes(data_set: DataSet, windows: Windows | None) -> list[ClassCount]:
    counts = []
    for label, name in enumerate(data_set.label_names):
        recordings = [r for r in data_set.recordings if (r.labels == label).any()]
        n_samples = sum(int((r.labels == label).sum()) for r in recordings)
        count = ClassCount(
            label=name,
            recordings=len(recordings),
            subjects=len({recording.subject for recording in recordings}),
            seconds=n_samples / data_set.rate_hz,
            windows=0 if windows is None else int((windows.labels == label).sum()),
        )
        counts.append(count)
    return counts


def _measure_range(data_set: DataSet, column: int) -> ChannelRange:
    parts = [
        (recording.name, recording.samples[:, column])
        for recording in data_set.recordings
        if len(recording.samples)
    ]
    lowest = min(float(values.min()) for _, values in parts)
    highest = max(float(values.max()) for _, values in parts)
    constant_in = tuple(
        name
        for name, values in parts
        if len(values) > CONSTANT_S * data_set.rate_hz and values.min() == values.max()
    )
    return ChannelRange(
        channel=data_set.channels[column],
        lowest=lowest,
        highest=highest,
        constant_in=constant_in,
        saturated=sum(
            _count_stuck(values, extreme) for _, values in parts for extreme in {lowest, highest}
        ),
    )


def _count_stuck(values: Float32Array, extreme: float) -> int:
    """Count the samples in runs of three or more at the extreme; 0 for a constant recording."""
    if values.min() == values.max():
        return 0
    at_extreme = np.concatenate([[False], values == np.float32(extreme), [False]]).astype(np.int8)
    begins = np.flatnonzero(np.diff(at_extreme) == 1)
    ends = np.flatnonzero(np.diff(at_extreme) == -1)
    lengths = ends - begins
    return int(lengths[lengths >= SATURATED_RUN].sum())


def describe_units(inspection: Inspection) -> str:
    """Return one sentence on what the accelerometer's numbers look like."""
    kinds = inspection.kinds
    if not kinds:
        return (
            "fewer than three accelerometer axes: their unit and gravity cannot be told from the "
            "numbers"
        )
    if kinds.get("si", 0) >= kinds.get("no gravity", 0):
        usual_kind = "si"
        verdict = "looks like m/s^2 with gravity"
    else:
        usual_kind = "no gravity"
        verdict = "looks like m/s^2 without gravity"
    total = sum(kinds.values())
    odd = total - kinds.get(usual_kind, 0)
    if not odd:
        return verdict
    others = ", ".join(f"{n} as {kind}" for kind, n in sorted(kinds.items()) if kind != usual_kind)
    return f"{verdict}; {odd} of {total} recordings look otherwise ({others})"


def list_warnings(inspection: Inspection) -> list[str]:
    """Return one sentence for each thing that a person should look at."""
    sentences = []
    for channel in inspection.channels:
        sentences += _channel_warnings(channel)
    subjects = {recording.subject for recording in inspection.data_set.recordings}
    for count in inspection.classes:
        if not count.seconds:
            continue
        if not count.windows:
            sentences.append(
                f"{count.label} has no window of {inspection.window_s:g} s: its stretches are "
                "shorter"
            )
        if count.subjects == 1 and len(subjects) > 1:
            sentences.append(
                f"{count.label} has one subject only: it cannot be tested on anybody else"
            )
    return sentences


def _channel_warnings(channel: ChannelRange) -> list[str]:
    sentences = []
    if channel.constant_in:
        n_more = len(channel.constant_in) - 1
        more = f" and {n_more} more" if n_more else ""
        sentences.append(
            f"{channel.channel} does not change in {channel.constant_in[0]}{more}: is that axis "
            "dead?"
        )
    if channel.saturated:
        sentences.append(
            f"{channel.channel} stays at {channel.lowest:.4g} or {channel.highest:.4g} for three "
            f"samples in a row or more, {channel.saturated} in all: does the sensor's range end "
            "there?"
        )
    fastest = max(-channel.lowest, channel.highest)
    if channel.channel.startswith("gyro") and fastest > GYRO_LIMIT:
        sentences.append(
            f"{channel.channel} reaches {fastest:.4g}, more than a gyroscope in rad/s can: degrees "
            "per second, or a corrupt sample?"
        )
    return sentences


# ---- as text


def to_text(inspection: Inspection) -> str:
    """Return the report as text, in lines of at most about 100 characters."""
    data_set = inspection.data_set
    seconds = sum(len(recording.samples) for recording in data_set.recordings) / data_set.rate_hz
    lines = [
        f"{data_set.name}: {', '.join(data_set.channels)} at {data_set.rate_hz:g} Hz",
        f"{_recordings_of_people(data_set)}, {_duration(seconds)}, of which "
        f"{_duration(inspection.unlabelled_s)} without a label",
    ]
    if data_set.citation or data_set.licence:
        lines += textwrap.wrap(
            f"licence {data_set.licence or 'not stated'}; {data_set.citation}",
            REPORT_WIDTH,
            subsequent_indent="  ",
        )
    lines += [
        "",
        *_time_lines(inspection.timing),
        *_unit_lines(inspection),
        "",
        *_class_lines(inspection),
    ]
    sentences = list_warnings(inspection)
    if sentences:
        lines += ["", "look at:"]
        for sentence in sentences:
            lines += textwrap.wrap(
                sentence, REPORT_WIDTH, initial_indent="  - ", subsequent_indent="    "
            )
    return "\n".join(lines) + "\n"


def _recordings_of_people(data_set: DataSet) -> str:
    subjects = len({recording.subject for recording in data_set.recordings})
    people = "1 person" if subjects == 1 else f"{subjects} people"
    return f"{_plural(len(data_set.recordings), 'recording')} of {people}"


def _plural(n: int, noun: str) -> str:
    """Return the count with its noun, such as ``1 gap`` or ``2 gaps``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _time_lines(timing: Timing | None) -> list[str]:
    if timing is None:
        return [
            "time     no timestamps: the data come on a uniform grid, so rate, jitter and gaps "
            "cannot be judged"
        ]
    deviations_ms = 1000 * timing.deviations_s
    rates = timing.rates_hz[np.isfinite(timing.rates_hz)]
    if not len(rates):
        return ["time     no two samples within half a second of each other"]
    spread = ""
    if len(rates) > 1:
        spread = f" ({rates.min():.2f} to {rates.max():.2f} over the recordings)"
    low, high = np.percentile(deviations_ms, [1, 99])
    gaps = "no gaps"
    if timing.gaps_s:
        gaps = f"{_plural(len(timing.gaps_s), 'gap')}, the longest {timing.gaps_s[0]:.1f} s"
    return [
        f"rate     {np.median(rates):.2f} Hz measured{spread}",
        f"jitter   {deviations_ms.std():.2f} ms standard deviation of a step, 98 % within "
        f"{low:+.2f} and {high:+.2f} ms of the median",
        f"gaps     {gaps} (more than 0.5 s; recordings are cut there); {timing.repeated} repeated "
        "timestamps",
    ]


def _unit_lines(inspection: Inspection) -> list[str]:
    lines = []
    if len(inspection.magnitudes):
        low, median, high = np.percentile(inspection.magnitudes, [0, 50, 100])
        lines.append(
            f"|acc|    median {median:.2f} m/s^2 ({low:.2f} to {high:.2f} over the recordings)"
        )
    lines.append(f"units    {describe_units(inspection)}")
    for channel in inspection.channels:
        lines.append(f"{channel.channel:8} {channel.lowest:.4g} to {channel.highest:.4g}")
    return lines


def _class_lines(inspection: Inspection) -> list[str]:
    width = max(5, *(len(count.label) for count in inspection.classes))
    lines = [
        f"{'class':{width}}  recordings  people    seconds  windows of {inspection.window_s:g} s"
    ]
    for count in inspection.classes:
        lines.append(
            f"{count.label:{width}}  {count.recordings:10}  {count.subjects:6}  "
            f"{count.seconds:9.1f}  {count.windows:7}"
        )
    return lines


# ---- as a picture


def draw_inspection(inspection: Inspection, path: Path) -> None:
    """Write the picture.

    A row shows the typical window of a class: the one whose acceleration varies as much as the
    median window's. The image next to it is the front end's at the middle resolution. Three plots
    below show the deviations of time steps, the amount of each class, and the length of the
    acceleration.

    Args:
        inspection: with windows.
        path: of the PNG.

    Raises:
        DataError: no window fits into the data, or nothing is labelled.
        OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    windows = inspection.windows
    labelled = [count for count in inspection.classes if count.seconds]
    if windows is None and not labelled:
        raise DataError(
            f"no sample of {inspection.data_set.name} has a label, so there is nothing to draw: "
            "label the recordings"
        )
    if windows is None:
        raise DataError(
            f"no window of {inspection.window_s:g} s fits into {inspection.data_set.name}, so "
            "there is nothing to draw: give a shorter --window-s"
        )
    labels = np.unique(windows.labels)[:MAX_CLASSES].tolist()
    sensors = list(dict.fromkeys(name.partition("_")[0] for name in windows.channels))
    foot_inches = max(FOOT_INCHES, 1 + BAR_INCHES * len(labelled))
    height = HEAD_INCHES + ROW_INCHES * len(labels) + foot_inches
    figure = Figure(figsize=(max(10.5, 3.2 + 4.4 * len(sensors)), height), layout="constrained")
    engine = figure.get_layout_engine()
    engine.set(w_pad=0.1, h_pad=0.06)  # type: ignore[union-attr, call-arg]  # constrained has both
    top, foot = figure.subfigures(
        2, 1, squeeze=False, height_ratios=[height - foot_inches, foot_inches]
    )[:, 0]
    _draw_title(figure, inspection, len(labels))
    _draw_windows(top, windows, labels, sensors)
    jitter, counts, lengths = foot.subplots(1, 3, width_ratios=[1, 1.3, 1])
    _draw_jitter(jitter, inspection.timing)
    _draw_counts(counts, labelled, inspection.window_s)
    _draw_lengths(lengths, inspection)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=110)


def _draw_title(figure: Figure, inspection: Inspection, n_shown: int) -> None:
    data_set = inspection.data_set
    n_classes = sum(count.windows > 0 for count in inspection.classes)
    only = f", the first {n_shown} of {n_classes} classes" if n_shown < n_classes else ""
    colours = "; red = x, green = y, blue = z" if len(data_set.channels) >= 3 else ""
    figure.suptitle(
        f"{data_set.name}: {_recordings_of_people(data_set)} at {data_set.rate_hz:g} Hz\n"
        f"a typical window of {inspection.window_s:g} s of each class{only}{colours}",
        fontsize=11,
    )


def _draw_windows(
    figure: SubFigure, windows: Windows, labels: list[int], sensors: list[str]
) -> None:
    size = windows.samples.shape[1]
    spec = design_front_end(windows.rate_hz, size, windows.channels)
    front_end = FrontEnd(spec, size, len(windows.channels), windows.rate_hz)
    typical = {label: _typical_window(windows.samples[windows.labels == label]) for label in labels}
    axes = figure.subplots(
        len(labels), 2 * len(sensors), squeeze=False, width_ratios=[1.5, 1] * len(sensors)
    )
    middle = len(spec.spectrograms) // 2
    for row, (label, window) in zip(axes, typical.items(), strict=True):
        images = front_end.compute(window).images[middle * len(spec.image_channels) :]
        for number, sensor in enumerate(sensors):
            trace, image = row[2 * number : 2 * number + 2]
            columns = [
                i for i, name in enumerate(windows.channels) if name.startswith(f"{sensor}_")
            ]
            _draw_trace(
                trace, window[:, columns], [windows.channels[i] for i in columns], windows.rate_hz
            )
            _widen(trace, LEAST_SPAN[sensor])
            image.imshow(
                (images[min(number, len(spec.image_channels) - 1)] + 1) / 2,
                aspect="auto",
                interpolation="nearest",
                extent=(0, size / windows.rate_hz, 0, 1),
            )
            _label_frequencies(image, windows.rate_hz, spec.frequency_knee_hz)
        row[0].set_ylabel(
            textwrap.fill(windows.label_names[label].replace("_", " "), 18),
            rotation=0,
            ha="right",
            va="center",
            fontsize=9,
        )
    frame_s = spec.spectrograms[middle].fft_samples / windows.rate_hz
    for number, sensor in enumerate(sensors):
        axes[0][2 * number].set_title(f"{sensor}, {UNITS[sensor]}", fontsize=9)
        axes[0][2 * number + 1].set_title(f"{sensor}, Hz, frames of {frame_s:.3g} s", fontsize=9)
    for row in axes[:-1]:
        for axis in row:
            axis.set_xticklabels([])
    for axis in axes[-1]:
        axis.set_xlabel("s", fontsize=8)


def _typical_window(samples: Float32Array) -> Float32Array:
    """Return the window of (n, samples, channels) with median variation in its first 3 channels."""
    candidates = samples[:: max(1, len(samples) // CANDIDATES)]
    variation = candidates[:, :, :3].std(axis=1).sum(axis=1)
    window: Float32Array = candidates[np.argsort(variation)[len(variation) // 2]]
    return window


def _draw_trace(axis: Axes, values: Float32Array, names: list[str], rate_hz: float) -> None:
    times_s = np.arange(len(values)) / rate_hz
    for column, name in zip(values.T, names, strict=True):
        axis.plot(times_s, column, color=COLOURS["xyz".index(name[-1])], linewidth=0.9)
    axis.margins(x=0)
    axis.grid(alpha=0.3)
    axis.tick_params(labelsize=7)


def _widen(axis: Axes, least: float) -> None:
    """Widen the vertical axis to a least span. Otherwise noise at rest would look like motion."""
    low, high = axis.get_ylim()
    if high - low < least:
        axis.set_ylim((low + high - least) / 2, (low + high + least) / 2)


def _label_frequencies(axis: Axes, rate_hz: float, knee_hz: float) -> None:
    ticks_hz = [f for f in TICKS_HZ if f <= rate_hz / 2]
    axis.set_yticks(
        np.arcsinh(np.array(ticks_hz) / knee_hz) / np.arcsinh(rate_hz / 2 / knee_hz),
        [f"{f:g}" for f in ticks_hz],
    )
    axis.tick_params(labelsize=7)


def _draw_jitter(axis: Axes, timing: Timing | None) -> None:
    axis.set_title("jitter: step less the median step", fontsize=9)
    if timing is None or not len(timing.deviations_s):
        _write_instead(axis, "no timestamps:\nthe data come on\na uniform grid")
        return
    deviations_ms = 1000 * timing.deviations_s
    reach = max(0.1, float(np.quantile(np.abs(deviations_ms), 0.995)))
    outside = float((np.abs(deviations_ms) > reach).mean())
    axis.hist(deviations_ms, bins=np.linspace(-reach, reach, 61).tolist(), color="#555555")
    axis.set_yscale("log")
    beyond = f" ({outside:.1%} beyond)" if outside else ""
    axis.set_xlabel(f"ms{beyond}; {len(timing.gaps_s)} gaps > 0.5 s", fontsize=8)
    axis.set_ylabel("steps", fontsize=8)
    axis.tick_params(labelsize=7)


def _draw_counts(axis: Axes, counts: list[ClassCount], window_s: float) -> None:
    few = len(counts) <= 12
    places = np.arange(len(counts))[::-1]
    axis.barh(places, [count.seconds / 60 for count in counts], color="#4c78a8")
    axis.set_yticks(
        places,
        [_shortened(count.label.replace("_", " ")) for count in counts],
        fontsize=8 if few else 6,
    )
    for place, count in zip(places, counts, strict=True):
        people = "1 person" if count.subjects == 1 else f"{count.subjects} people"
        axis.annotate(
            f"{count.windows} windows, {people}",
            (count.seconds / 60, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7 if few else 5,
        )
    axis.set_xlim(0, 1.7 * max((count.seconds / 60 for count in counts), default=1.0))
    axis.set_title(f"time of each class, and windows of {window_s:g} s", fontsize=9)
    axis.set_xlabel("minutes", fontsize=8)
    axis.tick_params(axis="x", labelsize=7)


def _draw_lengths(axis: Axes, inspection: Inspection) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_title("median |acc| of each recording", fontsize=9)
    if not len(inspection.magnitudes):
        _write_instead(axis, "fewer than three\naccelerometer axes")
        return
    axis.hist(inspection.magnitudes, bins=30, color="#555555")
    axis.set_xlabel(
        textwrap.fill(f"m/s²; {describe_units(inspection).replace('m/s^2', 'm/s²')}", 44),
        fontsize=8,
    )
    axis.set_ylabel("recordings", fontsize=8)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.tick_params(labelsize=7)


def _write_instead(axis: Axes, text: str) -> None:
    """Write a text in place of the plot."""
    axis.text(
        0.5,
        0.5,
        text,
        ha="center",
        va="center",
        fontsize=9,
        color="#777777",
        transform=axis.transAxes,
    )
    axis.axis("off")


def _shortened(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"
