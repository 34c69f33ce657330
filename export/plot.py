"""Accuracy against latency against size, one mark per file."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from edge_runtime.files import atomic_write
from export.report import Report

BYTES_PER_POINT = 400  # of a mark's area: 100 KiB make a mark 16 points wide


def draw(path: Path, report: Report) -> None:
    """Draw the files that were made; the area of a mark is the size of the file.

    Args:
        path: of the PNG.
        report: of the export.

    Raises:
        OutputError: the place cannot be written.
    """
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    heights: list[float] = []
    for file in report.files:
        if file.comparison is None or file.cost is None:
            continue
        latency_ms = file.cost.one_thread.p50_us / 1e3
        axis.scatter(
            latency_ms, file.comparison.macro_f1, s=file.n_bytes / BYTES_PER_POINT, alpha=0.5
        )
        # recipes often lie on top of each other: names take turns above and below
        above = len(heights) % 2 == 0
        axis.annotate(
            f"{file.recipe}, {file.n_bytes / 1024:.0f} KiB",
            (latency_ms, file.comparison.macro_f1),
            textcoords="offset points",
            xytext=(0, (1 if above else -1) * (18 + 11 * (len(heights) // 2))),
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "grey"},
        )
        heights.append(file.comparison.macro_f1)
    if heights:
        axis.axhline(
            max(file.comparison.macro_f1_float for file in report.files if file.comparison),
            linewidth=0.8,
            linestyle="--",
            color="grey",
            label="before quantising",
        )
        axis.legend(fontsize=8, loc="lower right")
        axis.set_xscale("log")
        axis.set_ylim(min(heights) - 0.06, max(heights) + 0.06)
        axis.margins(x=0.3)
    axis.set_xlabel(f"latency of the network, ms, one thread of {report.machine}", fontsize=8)
    axis.set_ylabel(f"macro-F1 on {report.n_verification_windows} windows")
    axis.set_title(f"{report.contract.name}: the larger the mark, the larger the file", fontsize=10)
    with atomic_write(path) as target:
        figure.savefig(target, format="png", dpi=120)
