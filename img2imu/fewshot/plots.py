"""Pictures of the results: F1 against k, and which methods differ at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2imu.fewshot.report import OURS, Summary, shared_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_METHODS = 3  # Friedman's test compares three or more
ALPHA = 0.05
MARKERS = "osD^v<>PXph*"


def plot_curves(summaries: Sequence[Summary], path: Path) -> None:
    """Macro-F1 against k, a panel for each task, a line with a band (the 95 % interval's width) for each method."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(summary.task for summary in summaries))
    methods = list(dict.fromkeys(summary.method for summary in summaries))
    n_columns = min(4, len(tasks) + 1)  # one more panel, for the legend
    n_rows = math.ceil((len(tasks) + 1) / n_columns)
    figure = Figure(figsize=(3.6 * n_columns, 3.2 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for task, panel in zip(tasks, panels, strict=False):
        for number, method in enumerate(methods):
            _draw_line(
                panel, [s for s in summaries if (s.task, s.method) == (task, method)], number
            )
        ks = sorted({summary.k for summary in summaries if summary.task == task})
        panel.set_xscale("log")
        panel.set_xticks(ks, [str(k) for k in ks])
        panel.minorticks_off()
        panel.set(title=task, xlabel="labelled windows per class", ylabel="macro-F1 (%)")
        panel.grid(alpha=0.3)
    for panel in panels[len(tasks) :]:
        panel.axis("off")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[len(tasks)].legend(handles, labels, loc="upper left", frameon=False)
    figure.savefig(path, dpi=150)


def _draw_line(panel: Axes, summaries: Sequence[Summary], number: int) -> None:
    if not summaries:
        return
    points = sorted(summaries, key=lambda summary: summary.k)
    ks = [point.k for point in points]
    f1 = 100 * np.array([point.macro_f1 for point in points])
    half = 100 * np.array([point.subjects.half_width or 0.0 for point in points])
    ours = points[0].method == OURS
    colour = "black" if ours else f"C{number % 10}"
    panel.plot(
        ks,
        f1,
        color=colour,
        linestyle="-" if number < 10 else "--",
        marker=MARKERS[number % len(MARKERS)],
        markersize=4,
        linewidth=2.2 if ours else 1.2,
        zorder=3 if ours else 2,
        label=points[0].method,
    )
    panel.fill_between(
        ks, f1 - half, f1 + half, color=colour, alpha=0.15 if ours else 0.08, linewidth=0
    )


def plot_critical_difference(summaries: Sequence[Summary], path: Path) -> str | None:
    """Mean ranks over tasks and k, with bars over methods that the Nemenyi test does not tell apart.

    Demsar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets". Every task at
    every k counts as one problem, with its mean macro-F1; those of one task are not independent,
    which makes the test bolder than it says.

    Returns:
        Why there is no picture, or None.
    """
    methods = list(dict.fromkeys(summary.method for summary in summaries))
    value = {(s.task, s.k, s.method): s.macro_f1 for s in summaries}
    problems = [
        (task, k) for k in sorted({s.k for s in summaries}) for task in shared_tasks(summaries, k)
    ]
    if len(methods) < LEAST_METHODS or len(problems) < 2:
        return (
            f"no critical-difference diagram: {len(methods)} methods on {len(problems)} problems, it takes "
            f"{LEAST_METHODS} methods or more on two problems or more"
        )
    scores = np.array([[value[task, k, method] for method in methods] for task, k in problems])
    import matplotlib

    matplotlib.use("Agg")  # aeon draws through pyplot, which would look for a screen
    from aeon.visualisation import plot_critical_difference as draw  # type: ignore[import-untyped]  # no types
    from matplotlib import pyplot

    figure, _ = draw(
        scores,
        methods,
        highlight={OURS: "#c00000"},
        test="nemenyi",
        alpha=ALPHA,
        width=8,
        textspace=2.2,
    )
    figure.savefig(path, dpi=150, bbox_inches="tight")
    pyplot.close(figure)
    return None
