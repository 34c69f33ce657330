"""An inspection as a picture: for each class a window as the sensor gave it and as the network sees it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.errors import DataError
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import design_front_end
from img2imu.datasets.inspection import Inspection, describe_units, plural
from img2imu.windows import Windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MAX_CLASSES = 20  # what is left of a row's height is too little for more
CANDIDATES = 200  # windows to choose the typical one from
COLOURS = ("#d62728", "#2ca02c", "#1f77b4")  # x, y, z as the images have them: red, green, blue
UNITS = {"acc": "m/s²", "gyro": "rad/s"}
LEAST_SPAN = {"acc": 6.0, "gyro": 1.5}  # of a trace's scale
TICKS_HZ = (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
ROW_INCHES, FOOT_INCHES, HEAD_INCHES = 1.25, 2.9, 0.8
BAR_INCHES = 0.16  # a class in the foot needs at least this, and its axis and title an inch


def draw_inspection(inspection: Inspection, path: Path) -> None:
    """Write the picture.

    A class is shown by its typical window: the one whose acceleration varies as the median of its
    windows does. The image beside it is the front end's of the middle resolution. Below are how far
    steps in time deviate, how much of each class there is, and how long the acceleration is.

    Args:
        inspection: with windows.
        path: of the PNG.

    Raises:
        DataError: no window fits into the data, or nothing is labelled.
        OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    windows = inspection.windows
    if windows is None and not any(count.seconds for count in inspection.classes):
        raise DataError(
            f"no sample of {inspection.data_set.name} has a label, so there is nothing to draw: label the "
            "recordings"
        )
    if windows is None:
        raise DataError(
            f"no window of {inspection.window_s:g} s fits into {inspection.data_set.name}, so there is "
            "nothing to draw: give a shorter --window-s"
        )
    shown = np.unique(windows.labels)[:MAX_CLASSES].tolist()
    sensors = list(dict.fromkeys(name.partition("_")[0] for name in windows.channels))
    foot_inches = max(
        FOOT_INCHES, 1 + BAR_INCHES * sum(count.seconds > 0 for count in inspection.classes)
    )
    height = HEAD_INCHES + ROW_INCHES * len(shown) + foot_inches
    figure = Figure(figsize=(max(10.5, 3.2 + 4.4 * len(sensors)), height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)  # type: ignore[union-attr, call-arg]  # constrained has both
    top, foot = figure.subfigures(
        2, 1, squeeze=False, height_ratios=[height - foot_inches, foot_inches]
    )[:, 0]
    _draw_title(figure, inspection, len(shown))
    _draw_windows(top, windows, shown, sensors)
    jitter, counts, length = foot.subplots(1, 3, width_ratios=[1, 1.3, 1])
    _draw_jitter(jitter, inspection)
    _draw_counts(counts, inspection)
    _draw_length(length, inspection)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=110)


def _draw_title(figure: Figure, inspection: Inspection, n_shown: int) -> None:
    data_set = inspection.data_set
    n_classes = sum(count.windows > 0 for count in inspection.classes)
    only = f", the first {n_shown} of {n_classes} classes" if n_shown < n_classes else ""
    subjects = len({recording.subject for recording in data_set.recordings})
    colours = "; red = x, green = y, blue = z" if len(data_set.channels) >= 3 else ""
    figure.suptitle(
        f"{data_set.name}: {plural(len(data_set.recordings), 'recording')} of {subjects} "
        f"{'person' if subjects == 1 else 'people'} at {data_set.rate_hz:g} Hz\n"
        f"a typical window of {inspection.window_s:g} s of each class{only}{colours}",
        fontsize=11,
    )


def _draw_windows(
    figure: SubFigure, windows: Windows, shown: list[int], sensors: list[str]
) -> None:
    size = windows.samples.shape[1]
    spec = design_front_end(windows.rate_hz, size, windows.channels)
    front_end = FrontEnd(spec, size, len(windows.channels), windows.rate_hz)
    typical = {label: _typical(windows.samples[windows.labels == label]) for label in shown}
    axes = figure.subplots(
        len(shown), 2 * len(sensors), squeeze=False, width_ratios=[1.5, 1] * len(sensors)
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


def _typical(samples: Float32Array) -> Float32Array:
    """Of windows (n, samples, channels), the one of median variation in its first three channels."""
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
    """A scale of its own for each class, but not so fine that noise at rest looks like motion."""
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


def _draw_jitter(axis: Axes, inspection: Inspection) -> None:
    timing = inspection.timing
    axis.set_title("jitter: step less the median step", fontsize=9)
    if timing is None or not len(timing.deviations_s):
        _say(axis, "no timestamps:\nthe data come on\na uniform grid")
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


def _draw_counts(axis: Axes, inspection: Inspection) -> None:
    counts = [count for count in inspection.classes if count.seconds]
    places = np.arange(len(counts))[::-1]
    axis.barh(places, [count.seconds / 60 for count in counts], color="#4c78a8")
    axis.set_yticks(
        places,
        [_shortened(count.label.replace("_", " ")) for count in counts],
        fontsize=8 if len(counts) <= 12 else 6,
    )
    for place, count in zip(places, counts, strict=True):
        who = "1 person" if count.subjects == 1 else f"{count.subjects} people"
        axis.annotate(
            f"{count.windows} windows, {who}",
            (count.seconds / 60, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7 if len(counts) <= 12 else 5,
        )
    axis.set_xlim(0, 1.7 * max((count.seconds / 60 for count in counts), default=1.0))
    axis.set_title(f"time of each class, and windows of {inspection.window_s:g} s", fontsize=9)
    axis.set_xlabel("minutes", fontsize=8)
    axis.tick_params(axis="x", labelsize=7)


def _draw_length(axis: Axes, inspection: Inspection) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_title("median |acc| of each recording", fontsize=9)
    if not len(inspection.magnitudes):
        _say(axis, "fewer than three\naccelerometer axes")
        return
    axis.hist(inspection.magnitudes, bins=30, color="#555555")
    axis.set_xlabel(
        textwrap.fill(f"m/s²; {describe_units(inspection).replace('m/s^2', 'm/s²')}", 44),
        fontsize=8,
    )
    axis.set_ylabel("recordings", fontsize=8)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.tick_params(labelsize=7)


def _say(axis: Axes, text: str) -> None:
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
