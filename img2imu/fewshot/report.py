"""What came out: a JSON file and Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from img2imu.fewshot.manifest import Json
from img2imu.fewshot.runner import Result
from img2imu.fewshot.scores import Interval, interval_over_subjects

OURS = "img2imu"


@dataclass(frozen=True)
class Summary:
    """One method on one task at one k.

    Attributes:
        task: name.
        method: name.
        k: labelled windows per class.
        draws: how many were run.
        macro_f1: mean over the draws.
        subjects: mean score of a subject, with its confidence interval; the interval's half width
            stands beside ``macro_f1`` in the tables.
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
    """How far ours is ahead of the best other method on one task at one k.

    Attributes:
        task: name.
        k: labelled windows per class.
        rival: the other method with the highest mean macro-F1.
        macro_f1: difference of the mean macro-F1, ours less the rival's.
        subjects: paired difference of a subject's score, with its confidence interval.
    """

    task: str
    k: int
    rival: str
    macro_f1: float
    subjects: Interval


def summarise(results: Iterable[Result]) -> list[Summary]:
    """A summary for each task, method and k, in the order of the results."""
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
        task,
        method,
        k,
        len(results),
        float(np.mean([result.scores.macro_f1 for result in results])),
        interval_over_subjects([result.scores.score_of_subject for result in results]),
        {name: float(np.mean(f1)) for name, f1 in sorted(by_class.items())},
        float(np.median([result.fit_s for result in results])),
    )


def margins(results: Sequence[Result], summaries: Sequence[Summary]) -> list[Margin]:
    """Ours against the best other method, wherever both were run on the same draws."""
    scores = {
        (r.cell.task, r.cell.k, r.cell.method, r.cell.draw): r.scores.score_of_subject
        for r in results
    }
    found = []
    for ours in (summary for summary in summaries if summary.method == OURS):
        rivals = [s for s in summaries if (s.task, s.k) == (ours.task, ours.k) and s.method != OURS]
        if not rivals:
            continue
        rival = max(rivals, key=lambda summary: summary.macro_f1)
        pairs = [
            (own, scores[task, k, rival.method, draw])
            for (task, k, method, draw), own in scores.items()
            if (task, k, method) == (ours.task, ours.k, OURS)
            and (task, k, rival.method, draw) in scores
        ]
        if pairs:
            differences = [
                {subject: own[subject] - other[subject] for subject in own} for own, other in pairs
            ]
            found.append(
                Margin(
                    ours.task,
                    ours.k,
                    rival.method,
                    ours.macro_f1 - rival.macro_f1,
                    interval_over_subjects(differences),
                )
            )
    return found


def shared_tasks(summaries: Sequence[Summary], k: int) -> list[str]:
    """Tasks on which every method has a result for k: a mean over these is one for all methods alike."""
    methods = _names(summaries, "method")
    have = {(summary.task, summary.method) for summary in summaries if summary.k == k}
    return [
        task
        for task in _names(summaries, "task")
        if all((task, method) in have for method in methods)
    ]


def markdown(summaries: Sequence[Summary], ahead: Sequence[Margin]) -> str:
    """A table for each k (rows methods, columns tasks and their mean), and one of the margins."""
    parts = [
        "Macro-F1 in points on people who were not learnt from: mean over the draws, ± half of the 95 % "
        "confidence interval over people. The best of a column is bold. A mean over all tasks stands where a "
        "method has them all; the last one is over the tasks that every method can take.",
        *_fewer_draws(summaries),
    ]
    for k in sorted({summary.k for summary in summaries}):
        parts.append(
            f"### {k} labelled window{'s' * (k > 1)} per class\n\n{_table_of_k(summaries, k)}"
        )
    if ahead:
        rows = [
            [
                margin.task,
                str(margin.k),
                margin.rival,
                f"{100 * margin.macro_f1:+.1f}",
                _signed(margin.subjects),
            ]
            for margin in ahead
        ]
        header = [
            "task",
            "k",
            "best other",
            "difference of macro-F1",
            "paired difference over people",
        ]
        parts.append(f"### {OURS} against the best other method\n\n{_table(header, rows)}")
    return "\n\n".join(parts) + "\n"


def _fewer_draws(summaries: Sequence[Summary]) -> list[str]:
    most = max((summary.draws for summary in summaries), default=0)
    draws = {
        method: max(s.draws for s in summaries if s.method == method)
        for method in _names(summaries, "method")
    }
    fewer = [f"{method} ({n})" for method, n in draws.items() if n < most]
    return [f"{most} draws; fewer for {', '.join(fewer)}."] if fewer else []


def _table_of_k(summaries: Sequence[Summary], k: int) -> str:
    tasks = [
        task
        for task in _names(summaries, "task")
        if any((s.task, s.k) == (task, k) for s in summaries)
    ]
    shared = shared_tasks(summaries, k)
    of_method = {
        method: {s.task: s for s in summaries if (s.method, s.k) == (method, k)}
        for method in _names(summaries, "method")
    }
    columns: list[dict[str, tuple[float, str]]] = [
        {
            method: (own[task].macro_f1, _spread(own[task].subjects))
            for method, own in of_method.items()
            if task in own
        }
        for task in tasks
    ]
    averaged = [tasks] + ([shared] if shared and shared != tasks else [])
    columns += [
        {
            method: (float(np.mean([own[task].macro_f1 for task in over])), "")
            for method, own in of_method.items()
            if set(over) <= set(own)
        }
        for over in averaged
    ]
    cells = [_mark_best(column) for column in columns]
    rows = [[method, *(column.get(method, "–") for column in cells)] for method in of_method]
    return _table(["method", *tasks, *(f"mean of {len(over)}" for over in averaged)], rows)


def _spread(interval: Interval) -> str:
    return " ±?" if interval.half_width is None else f" ±{100 * interval.half_width:.1f}"


def _signed(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{100 * interval.mean:+.1f}"
    return f"{100 * interval.mean:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def _mark_best(column: dict[str, tuple[float, str]]) -> dict[str, str]:
    best = max(
        (round(1000 * value) for value, _ in column.values()), default=0
    )  # ties as they are printed
    return {
        method: (f"**{100 * value:.1f}**" if round(1000 * value) == best else f"{100 * value:.1f}")
        + spread
        for method, (value, spread) in column.items()
    }


def markdown_of_classes(summaries: Sequence[Summary]) -> str:
    """F1 of every class: a table for each task and k, rows methods."""
    parts = ["F1 of each class in points, mean over the draws that test it."]
    for task in _names(summaries, "task"):
        of_task = [summary for summary in summaries if summary.task == task]
        for k in sorted({summary.k for summary in of_task}):
            of_k = [summary for summary in of_task if summary.k == k]
            names = sorted({name for summary in of_k for name in summary.f1_of_class})
            rows = [
                [
                    s.method,
                    *(
                        f"{100 * s.f1_of_class[name]:.1f}" if name in s.f1_of_class else "–"
                        for name in names
                    ),
                ]
                for s in of_k
            ]
            parts.append(f"### {task}, k = {k}\n\n{_table(['method', *names], rows)}")
    return "\n\n".join(parts) + "\n"


def write_report(directory: Path, results: Sequence[Result], protocol: Json) -> list[Path]:
    """Write ``results.json``, ``table.md`` and ``classes.md``; the paths written.

    Args:
        directory: exists.
        results: of one grid.
        protocol: what the grid was, for the JSON file.
    """
    summaries = summarise(results)
    ahead = margins(results, summaries)
    content = {
        "protocol": protocol,
        "summaries": [asdict(summary) for summary in summaries],
        "margins": [asdict(margin) for margin in ahead],
    }
    texts = {
        "results.json": json.dumps(content, indent=1) + "\n",
        "table.md": markdown(summaries, ahead),
        "classes.md": markdown_of_classes(summaries),
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]


def _names(summaries: Sequence[Summary], attribute: str) -> list[str]:
    """Different values, in the order of their first coming."""
    return list(dict.fromkeys(getattr(summary, attribute) for summary in summaries))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
