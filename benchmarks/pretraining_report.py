"""What came out of ``benchmarks/pretraining.py``: JSON, Markdown tables and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge_runtime.arrays import Float64Array
from img2imu.fewshot.runner import Result
from img2imu.fewshot.scores import CONFIDENCE, RESAMPLES, Interval

RANDOM, IMAGENET, NO_NETWORK = "random", "imagenet", "no network"
KS = (1, 2, 5)
BATCH_NORM = ("re-estimated", "as trained")
TABLES = tuple(
    (features, batch_norm)
    for features in ("everything", "texture alone")
    for batch_norm in BATCH_NORM
)
Scores = dict[tuple[str, int, int], Result]  # task, k, draw


@dataclass(frozen=True)
class Row:
    """One network in one manner.

    Attributes:
        network: name.
        features: what the head was fitted on.
        batch_norm: whose statistics.
        draws: of each task.
        macro_f1: for each k, and as "mean" for all, the mean over the tasks.
        of_task: the mean over k and draws, for each task.
        against_random: paired difference to the random network without pre-training, for each k and
            for all.
        against_imagenet: the same to the ImageNet weights.
    """

    network: str
    features: str
    batch_norm: str
    draws: int
    macro_f1: dict[str, float]
    of_task: dict[str, float]
    against_random: dict[str, Interval]
    against_imagenet: dict[str, Interval]


def make_rows(results: Sequence[Result], networks: Sequence[str]) -> list[Row]:
    """A row for each network in each manner, the networks in their order.

    A network is compared with the two without pre-training on the draws that both were judged on,
    with the same features. Of the two treatments of batch norm those two have the one that suits
    them better: anything else would make them weaker opponents than they are.
    """
    scores = _by_method(results)
    rows = []
    for features, batch_norm in TABLES:
        references = [
            max((scores[name, treatment, features] for treatment in BATCH_NORM), key=_mean)
            for name in (RANDOM, IMAGENET)
        ]
        for network in networks:
            rows.append(
                _row(
                    network, features, batch_norm, scores[network, batch_norm, features], references
                )
            )
        if features == "everything":
            rows.append(
                _row(
                    NO_NETWORK,
                    features,
                    batch_norm,
                    scores[IMAGENET, batch_norm, NO_NETWORK],
                    references,
                )
            )
    return rows


def ablate(results: Sequence[Result], networks: Sequence[str]) -> dict[str, dict[str, Interval]]:
    """What leaving out changes: for each network, in each manner, its paired difference to the last of ``networks``."""
    scores = _by_method(results)
    return {
        network: {
            f"{features}, {batch_norm}": difference(
                scores[network, batch_norm, features],
                scores[networks[-1], batch_norm, features],
                KS,
            )
            for features, batch_norm in TABLES
        }
        for network in networks[:-1]
    }


def _by_method(results: Sequence[Result]) -> dict[tuple[str, ...], Scores]:
    """Results of each (network, batch norm, features)."""
    scores: dict[tuple[str, ...], Scores] = {}
    for result in results:
        cell = result.cell
        scores.setdefault(tuple(cell.method.split(" | ")), {})[cell.task, cell.k, cell.draw] = (
            result
        )
    return scores


def _mean(scores: Scores) -> float:
    """Over the tasks of the means over k and draws."""
    tasks = {task for task, _, _ in scores}
    return float(
        np.mean(
            [
                np.mean([r.scores.macro_f1 for (of, _, _), r in scores.items() if of == task])
                for task in tasks
            ]
        )
    )


def _row(
    network: str, features: str, batch_norm: str, own: Scores, references: Sequence[Scores]
) -> Row:
    ks = sorted({k for _, k, _ in own})
    groups = {str(k): (k,) for k in ks} | {"mean": tuple(ks)}
    tasks = dict.fromkeys(task for task, _, _ in own)
    return Row(
        network,
        features,
        batch_norm,
        len({draw for _, _, draw in own}),
        {
            name: _mean({cell: r for cell, r in own.items() if cell[1] in of})
            for name, of in groups.items()
        },
        {task: _mean({cell: r for cell, r in own.items() if cell[0] == task}) for task in tasks},
        *(
            {name: difference(own, reference, of) for name, of in groups.items()}
            for reference in references
        ),
    )


def difference(own: Scores, other: Scores, ks: Sequence[int], seed: int = 0) -> Interval:
    """Mean over the tasks of the paired difference over people, with its confidence interval.

    Each person's difference of macro-F1 is averaged over the draws that tested this person and over
    k. The people of each task are drawn with replacement, as many as there are; the tasks stay what
    they are (a bootstrap stratified by task, Efron and Tibshirani 1993). So the interval says what
    to expect of other people in the same tasks, not of other tasks, other photographs or another
    seed of the pre-training.
    """
    random = np.random.default_rng(seed)
    means, resampled = [], []
    for task in dict.fromkeys(task for task, _, _ in own):
        people: dict[str, list[float]] = {}
        for (of, k, draw), result in own.items():
            if of == task and k in ks and (of, k, draw) in other:
                theirs = other[of, k, draw].scores.score_of_subject
                for person, score in result.scores.score_of_subject.items():
                    people.setdefault(person, []).append(score - theirs[person])
        if not people:  # a task with too few windows for this k
            continue
        each: Float64Array = np.array([np.mean(values) for values in people.values()])
        means.append(each.mean())
        resampled.append(each[random.integers(0, len(each), (RESAMPLES, len(each)))].mean(1))
    low, high = np.quantile(np.mean(resampled, 0), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(np.mean(means)), float(low), float(high))


def markdown(
    rows: Sequence[Row], ablations: Sequence[dict[str, dict[str, Interval]]], about: str
) -> str:
    """The networks judged longest in each manner and task by task, and a table for each ablation."""
    longest = max(row.draws for row in rows)
    chosen = [row for row in rows if row.draws == longest]
    parts = [
        f"{about}. Macro-F1 in points, mean over the tasks. Differences are paired over people, with their 95 % "
        f"interval. {longest} draws; the ablation has fewer."
    ]
    for features, batch_norm in TABLES:
        lines = [
            "| network | k = 1 | k = 2 | k = 5 | mean | against random | against ImageNet |",
            "|---" * 7 + "|",
        ]
        for row in (
            row for row in chosen if (row.features, row.batch_norm) == (features, batch_norm)
        ):
            values = " | ".join(f"{100 * value:.1f}" for value in row.macro_f1.values())
            lines.append(
                f"| {row.network} | {values} | {_signed(row.against_random['mean'])} | "
                f"{_signed(row.against_imagenet['mean'])} |"
            )
        parts.append(f"### Features: {features}; batch norm: {batch_norm}\n\n" + "\n".join(lines))
    tasks = list(chosen[0].of_task)
    lines = [
        f"| features | batch norm | network | {' | '.join(tasks)} |",
        "|---" * (len(tasks) + 3) + "|",
    ]
    lines += [
        f"| {row.features} | {row.batch_norm} | {row.network} | "
        + " | ".join(f"{100 * row.of_task[task]:.1f}" for task in tasks)
        + " |"
        for row in chosen
    ]
    parts.append("### Task by task, mean over k\n\n" + "\n".join(lines))
    for ablation in ablations:
        manners = list(next(iter(ablation.values())))
        lines = [
            f"| against all augmentations | {' | '.join(manners)} |",
            "|---" * (len(manners) + 1) + "|",
        ]
        lines += [
            f"| {network} | " + " | ".join(map(_signed, differences.values())) + " |"
            for network, differences in ablation.items()
        ]
        parts.append(f"### Ablation from {next(iter(ablation))} weights\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _signed(interval: Interval) -> str:
    if interval.low == interval.high == interval.mean:  # compared with itself
        return "–"
    return f"{100 * interval.mean:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def plot(rows: Sequence[Row], path: Path) -> None:
    """Differences to the ImageNet weights with their intervals, a panel for each kind of features."""
    from matplotlib.figure import Figure

    most = max(sum((row.features, row.batch_norm) == table for row in rows) for table in TABLES)
    figure = Figure(figsize=(15, 2 * (0.8 + 0.24 * most)), layout="constrained")
    for (features, batch_norm), panel in zip(
        TABLES, figure.subplots(2, 2, sharey="row").ravel(), strict=True
    ):
        of_panel = [
            row for row in rows if (row.features, row.batch_norm) == (features, batch_norm)
        ][::-1]
        for place, row in enumerate(of_panel):
            d = row.against_imagenet["mean"]
            colour = (
                "C1"
                if row.network.startswith(RANDOM)
                else "C7"
                if row.network == NO_NETWORK
                else "C0"
            )
            panel.plot(
                [100 * (d.low or 0), 100 * (d.high or 0)], [place, place], color=colour, linewidth=2
            )
            panel.plot(100 * d.mean, place, "o", color=colour, markersize=4)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(range(len(of_panel)), [row.network for row in of_panel])
        panel.set(
            title=f"{features}, batch norm {batch_norm}",
            xlabel="macro-F1, points more than ImageNet weights",
        )
        panel.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)


def write_report(
    directory: Path,
    results: Sequence[Result],
    networks: Sequence[str],
    ablated: Sequence[Sequence[str]],
    about: str,
) -> list[Path]:
    """Write ``results.json``, ``table.md`` and ``differences.png``; the paths written.

    Args:
        directory: exists.
        results: of all networks.
        networks: their names, in order.
        ablated: names for each ablation table, the network with all augmentations last.
        about: what was run where.
    """
    rows, ablations = make_rows(results, networks), [ablate(results, names) for names in ablated]
    paths = [directory / name for name in ("results.json", "table.md", "differences.png")]
    content = {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "ablations": [
            {
                network: {manner: asdict(d) for manner, d in differences.items()}
                for network, differences in ablation.items()
            }
            for ablation in ablations
        ],
    }
    paths[0].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(markdown(rows, ablations, about), encoding="utf-8")
    plot(rows, paths[2])
    return paths
