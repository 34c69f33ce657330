"""The demo's pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract
from edge_runtime.frontend import FrontEnd


def draw_spectrograms(path: Path, contract: Contract, windows: dict[str, Float32Array]) -> None:
    """What the network sees: a row per class, a column per image; red, green, blue are x, y, z.

    Args:
        path: of the PNG.
        contract: names the channels and the front end.
        windows: class name to one window (window_samples, channels).
    """
    spec, stream = contract.front_end, contract.stream
    front_end = FrontEnd.of(contract)
    titles = [
        f"{stream.channels[rgb[0]].partition('_')[0]}, frames of {s.fft_samples / stream.rate_hz:.3g} s"
        for s in spec.spectrograms
        for rgb in spec.image_channels
    ]
    figure = Figure(
        figsize=(1.2 + 2.1 * spec.n_images, 1.2 + 1.45 * len(windows)), layout="constrained"
    )
    axes = figure.subplots(len(windows), spec.n_images, squeeze=False, sharex=True, sharey=True)
    ticks_hz = [f for f in (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if f <= stream.rate_hz / 2]
    top = np.arcsinh(stream.rate_hz / 2 / spec.frequency_knee_hz)
    ticks = [
        spec.image_height * (1 - np.arcsinh(f / spec.frequency_knee_hz) / top) - 0.5
        for f in ticks_hz
    ]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    for row, (label, window) in zip(axes, windows.items(), strict=True):
        images = front_end.compute(window).images
        for axis, image in zip(row, images, strict=True):
            axis.imshow(
                (image + 1) / 2,
                aspect="auto",
                interpolation="nearest",
                extent=(0, contract.window_s, spec.image_height - 0.5, -0.5),
            )
            axis.set_yticks(ticks, [f"{f:g}" for f in ticks_hz])
            axis.tick_params(labelsize=7)
        row[0].set_ylabel(f"{label}\nHz", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("s", fontsize=8)
    figure.suptitle(
        "What the network sees: log spectrograms, red = x, green = y, blue = z", fontsize=11
    )
    figure.savefig(path, dpi=100)


def draw_confusion(
    path: Path, labels: tuple[str, ...], counts: npt.NDArray[np.int64], title: str
) -> None:
    """The confusion matrix: rows are the truth, columns what was recognised.

    Args:
        path: of the PNG.
        labels: class names.
        counts: (classes, classes) windows.
        title: of the picture.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(
        figsize=(2.6 + 0.7 * len(labels), 2.2 + 0.6 * len(labels)), layout="constrained"
    )
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        if counts[i, j]:
            axis.text(
                j,
                i,
                f"{counts[i, j]}",
                ha="center",
                va="center",
                color="white" if shares[i, j] > 0.5 else "black",
            )
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xlabel("recognised")
    axis.set_ylabel("performed")
    axis.set_title(title, fontsize=10)
    figure.savefig(path, dpi=120)
