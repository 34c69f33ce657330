"""Reports of the results: a JSON file, Markdown tables and pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2imu.baselines import OURS
from img2imu.fewshot.manifest import Json
from img2imu.fewshot.runner import Result
from img2imu.fewshot.scores import Interval, interval_over_subjects
from img2imu.markdown import markdown_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIN_RANKED_METHODS = 3  # Friedman's test compares three or more
ALPHA = 0.05
MARKERS = "osD^v<>PXph*"


@dataclass(frozen=True)
class Summary:
    """One method on one task at one k.

    Attributes:
        task: name of the task.
        method: name of the method.
        k: labelled windows per class.
        draws: number of draws that were run.
        macro_f1: mean over the draws.
        subjects: mean score of a subject, with its confidence interval. The tables show its half
            width after ``macro_f1``.
        f1_of_class: mean over the draws that test a class.
        fit_s: median seconds of fitting.
    """

    task: str
    method: str
    k: int
    draws: int
    macro_f1: float
    subjects: Interval
    f1_of_class: dict[str, float]
    fit_s: float


@dataclass(frozen=True)
class Margin:
    """The lead of ``MotionClassifier`` over the best other method on one task at one k.

    Attributes:
        task: name of the task.
        k: labelled windows per class.
        rival: the other method with the highest mean macro-F1.
        macro_f1: difference of the mean macro-F1, ours minus the rival's.
        subjects: paired difference of a subject's score, with its confidence interval.
    """

    task: str
    k: int
    rival: str
    macro_f1: float
    subjects: Interval


def write_report(directory: Path, results: Sequence[Result], protocol: Json) -> list[Path]:
    """Write ``results.json``, ``table.md`` and ``classes.md``, and return their paths.

    Args:
        directory: exists.
        results: results of one grid.
        protocol: description of the grid for the JSON file.
    """
    summaries = summarise(results)
    margins = compute_margins(results, summaries)
    content = {
        "protocol": protocol,
        "summaries": [asdict(summary) for summary in summaries],
        "margins": [asdict(margin) for margin in margins],
    }
    texts = {
        "results.json": json.dumps(content, indent=1) + "\n",
        "table.md": markdown_report(summaries, margins),
        "classes.md": markdown_of_classes(summaries),
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]


def summarise(results: Iterable[Result]) -> list[Summary]:
    """Return a summary for each task, method and k, in the order of the results."""
    groups: dict[tuple[str, str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.cell.task, result.cell.method, result.cell.k), []).append(result)
    return [_summary(*key, of_key) for key, of_key in groups.items()]


def _summary(task: str, method: str, k: int, results: Sequence[Result]) -> Summary:
    by_class: dict[str, list[float]] = {}
    for result in results:
        for name, f1 in result.scores.f1_of_class.items():
            by_class.setdefault(name, []).append(f1)
    return Summary(
        task=task,
        method=method,
        k=k,
        draws=len(results),
        macro_f1=float(np.mean([result.scores.macro_f1 for result in results])),
        subjects=interval_over_subjects([result.scores.score_of_subject for result in results]),
        f1_of_class={name: float(np.mean(f1)) for name, f1 in sorted(by_class.items())},
        fit_s=float(np.median([result.fit_s for result in results])),
    )


def compute_margins(results: Sequence[Result], summaries: Sequence[Summary]) -> list[Margin]:
    """Compare ours with the best other method, wherever both were run on the same draws."""
    scores = {
        (r.cell.task, r.cell.k, r.cell.method, r.cell.draw): r.scores.score_of_subject
        for r in results
    }
    margins = []
    for ours in summaries:
        rivals = [s for s in summaries if (s.task, s.k) == (ours.task, ours.k) and s.method != OURS]
        if ours.method != OURS or not rivals:
            continue
        rival = max(rivals, key=lambda summary: summary.macro_f1)
        differences = []
        for (task, k, method, draw), our_scores in scores.items():
            rival_scores = scores.get((ours.task, ours.k, rival.method, draw))
            if (task, k, method) == (ours.task, ours.k, OURS) and rival_scores is not None:
                differences.append(
                    {person: our_scores[person] - rival_scores[person] for person in our_scores}
                )
        if differences:
            margins.append(
                Margin(
                    task=ours.task,
                    k=ours.k,
                    rival=rival.method,
                    macro_f1=ours.macro_f1 - rival.macro_f1,
                    subjects=interval_over_subjects(differences),
                )
            )
    return margins


def shared_tasks(summaries: Sequence[Summary], k: int) -> list[str]:
    """Return the tasks on which every method has a result for k.

    A mean over these tasks is comparable between all methods.
    """
    methods = _different(summary.method for summary in summaries)
    tasks = _different(summary.task for summary in summaries)
    of_k = {(summary.task, summary.method) for summary in summaries if summary.k == k}
    return [task for task in tasks if all((task, method) in of_k for method in methods)]


def markdown_report(
    summaries: Sequence[Summary], margins: Sequence[Margin], tested_on: str = "new people"
) -> str:
    """Return a table for each k (a row per method, a column per task), and one of the margins.

    Args:
        summaries: of all tasks, methods and ks.
        margins: may be empty.
        tested_on: human-readable description of the test windows.
    """
    parts = [
        f"Macro-F1 in points on {tested_on}: mean over the draws, ± half of the 95 % confidence "
        "interval over people. The best value of a column is bold. The mean over all tasks is "
        "given for methods that ran on all of them. If there is a second mean, it is over the "
        "tasks that every method ran on.",
        *_fewer_draws(summaries),
    ]
    for k in sorted({summary.k for summary in summaries}):
        parts.append(f"### {heading_of_k(k)}\n\n{_table_of_k(summaries, k)}")
    if margins:
        header = [
            "task",
            "k",
            "best other",
            "difference of macro-F1",
            "paired difference over people",
        ]
        rows = [
            [
                margin.task,
                margin.k,
                margin.rival,
                f"{100 * margin.macro_f1:+.1f}",
                signed_points(margin.subjects.mean, margin.subjects),
            ]
            for margin in margins
        ]
        parts.append(f"### {OURS} against the best other method\n\n{markdown_table(header, rows)}")
    return "\n\n".join(parts) + "\n"


def heading_of_k(k: int) -> str:
    """Return "1 labelled window per class", "2 labelled windows per class" and so on."""
    noun = "window" if k == 1 else "windows"
    return f"{k} labelled {noun} per class"


def signed_points(difference: float, interval: Interval) -> str:
    """Return a difference and its interval in points, such as "+1.2 (-0.3 to +2.5)"."""
    if interval.low is None or interval.high is None:
        return f"{100 * difference:+.1f}"
    return f"{100 * difference:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def _fewer_draws(summaries: Sequence[Summary]) -> list[str]:
    """Return a sentence that names the methods with fewer draws, if there are any."""
    draws_of_method: dict[str, int] = {}
    for summary in summaries:
        draws = draws_of_method.get(summary.method, 0)
        draws_of_method[summary.method] = max(draws, summary.draws)
    most = max(draws_of_method.values(), default=0)
    fewer = [f"{method} ({n})" for method, n in draws_of_method.items() if n < most]
    return [f"{most} draws; fewer for {', '.join(fewer)}."] if fewer else []


def _table_of_k(summaries: Sequence[Summary], k: int) -> str:
    """Return the table of one k: macro-F1 of each task, and means over tasks."""
    of_method: dict[str, dict[str, Summary]] = {summary.method: {} for summary in summaries}
    for summary in summaries:
        if summary.k == k:
            of_method[summary.method][summary.task] = summary
    tasks_of_k = {summary.task for summary in summaries if summary.k == k}
    tasks = [task for task in _different(s.task for s in summaries) if task in tasks_of_k]
    shared = shared_tasks(summaries, k)
    averaged = [tasks]
    if shared and shared != tasks:
        averaged.append(shared)

    columns = []
    for task in tasks:
        values = {m: s[task].macro_f1 for m, s in of_method.items() if task in s}
        spreads = {m: _spread(s[task].subjects) for m, s in of_method.items() if task in s}
        columns.append(_mark_best(values, spreads))
    for over in averaged:
        values = {
            method: float(np.mean([by_task[task].macro_f1 for task in over]))
            for method, by_task in of_method.items()
            if set(over) <= set(by_task)
        }
        columns.append(_mark_best(values, {}))
    header = ["method", *tasks, *(f"mean of {len(over)}" for over in averaged)]
    rows = [[method, *(column.get(method, "–") for column in columns)] for method in of_method]
    return markdown_table(header, rows)


def _spread(interval: Interval) -> str:
    return " ±?" if interval.half_width is None else f" ±{100 * interval.half_width:.1f}"


def _mark_best(values: dict[str, float], spreads: dict[str, str]) -> dict[str, str]:
    """Return the text of each method's value in a column; the best is bold, with all its ties."""
    printed = {method: round(1000 * value) for method, value in values.items()}  # tenths of a point
    best = max(printed.values(), default=0)
    texts = {}
    for method, value in values.items():
        text = f"{100 * value:.1f}"
        if printed[method] == best:
            text = f"**{text}**"
        texts[method] = text + spreads.get(method, "")
    return texts


def markdown_of_classes(summaries: Sequence[Summary]) -> str:
    """Return a table of every class's F1 for each task and k, a row per method."""
    parts = ["F1 of each class in points, mean over the draws that test it."]
    for task in _different(summary.task for summary in summaries):
        of_task = [summary for summary in summaries if summary.task == task]
        for k in sorted({summary.k for summary in of_task}):
            of_k = [summary for summary in of_task if summary.k == k]
            names = sorted({name for summary in of_k for name in summary.f1_of_class})
            rows = []
            for summary in of_k:
                f1 = {name: f"{100 * value:.1f}" for name, value in summary.f1_of_class.items()}
                rows.append([summary.method, *(f1.get(name, "–") for name in names)])
            table = markdown_table(["method", *names], rows)
            parts.append(f"### {task}, k = {k}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def plot_curves(summaries: Sequence[Summary], path: Path) -> None:
    """Plot macro-F1 against k: a panel for each task, a line for each method.

    The band around a line is as wide as the 95 % interval.
    """
    from matplotlib.figure import Figure

    tasks = _different(summary.task for summary in summaries)
    methods = _different(summary.method for summary in summaries)
    n_panels = len(tasks) + 1  # the last one holds the legend
    n_columns = min(4, n_panels)
    n_rows = math.ceil(n_panels / n_columns)
    figure = Figure(figsize=(3.6 * n_columns, 3.2 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for task, panel in zip(tasks, panels, strict=False):
        for number, method in enumerate(methods):
            line = [s for s in summaries if (s.task, s.method) == (task, method)]
            if line:
                _draw_line(panel, line, number)
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
    """Plot mean ranks over tasks and k.

    Bars connect methods that the Nemenyi test cannot separate. Demsar 2006, "Statistical
    Comparisons of Classifiers over Multiple Data Sets". Every task at every k counts as one
    problem, with its mean macro-F1. Those of one task are not independent, so the test finds more
    differences than it should.

    Returns:
        The reason if there is no picture, else None.
    """
    methods = _different(summary.method for summary in summaries)
    f1 = {(s.task, s.k, s.method): s.macro_f1 for s in summaries}
    problems = [
        (task, k) for k in sorted({s.k for s in summaries}) for task in shared_tasks(summaries, k)
    ]
    if len(methods) < MIN_RANKED_METHODS or len(problems) < 2:
        return (
            f"no critical-difference diagram: {len(methods)} methods on {len(problems)} problems, "
            f"expected {MIN_RANKED_METHODS} methods or more on two problems or more"
        )
    scores = np.array([[f1[task, k, method] for method in methods] for task, k in problems])
    import matplotlib

    matplotlib.use("Agg")  # aeon draws through pyplot, which would look for a screen
    from aeon import visualisation  # type: ignore[import-untyped]  # no type information
    from matplotlib import pyplot

    figure, _ = visualisation.plot_critical_difference(
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


def _different(names: Iterable[str]) -> list[str]:
    """Return the different names, in the order of their first occurrence."""
    return list(dict.fromkeys(names))
