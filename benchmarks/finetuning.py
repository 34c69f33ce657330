"""Which head, which views to learn from, and whether to fine-tune the backbone, by k: ``make finetuning``.

Everything runs on the few-shot benchmark's tasks, manifests and scores (docs/fewshot.md), against
the default head ("lda"). A rule for each k is chosen on the draws of one seed and reported on those
of another. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from finetuning_backbone import tuned_methods
from finetuning_heads import HEADS, VIEWED, frozen_methods

from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.methods import Factory
from img2imu.fewshot.runner import Result, run_grid
from img2imu.fewshot.scores import Interval, interval_over_subjects
from img2imu.fewshot.tasks import TaskData, load_tasks, pick_tasks

DEFAULT = "lda"
CHOOSE_SEED, REPORT_SEED = 1, 0


@dataclass(frozen=True)
class Difference:
    """A rule less the default on one task at one k, on the draws that both were run on.

    Attributes:
        task: name.
        rule: name.
        k: labelled windows per class.
        draws: how many.
        macro_f1: of the rule, mean over the draws.
        gain: difference of the mean macro-F1.
        subjects: paired difference of a subject's score, with its confidence interval over people.
    """

    task: str
    rule: str
    k: int
    draws: int
    macro_f1: float
    gain: float
    subjects: Interval

    @property
    def sign(self) -> int:
        """1 or -1 where the interval excludes zero, else 0."""
        low, high = self.subjects.low, self.subjects.high
        return 0 if low is None or high is None else int(low > 0) - int(high < 0)


def main() -> None:
    """Run what is missing, print Markdown, write ``OUT/finetuning.json`` and ``OUT/finetuning.md``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", type=Path, default=Path("data"), help="as of img2imu fewshot (default: data)"
    )
    parser.add_argument("--tasks", metavar="A,B", help="default: all")
    parser.add_argument("--k", metavar="K,K", default="1,2,5,10", help="default: 1,2,5,10")
    parser.add_argument("--draws", type=int, default=10, help="to report on (default: 10)")
    parser.add_argument(
        "--choose-draws", type=int, default=5, metavar="N", help="to choose by (default: 5)"
    )
    parser.add_argument(
        "--tuned-draws",
        type=int,
        default=1,
        metavar="N",
        help="the same for the rules that change the backbone, which are slow; 0 leaves them out "
        "(default: 1)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("out/finetuning"))
    arguments = parser.parse_args()
    ks = [int(k) for k in arguments.k.split(",")]
    tasks, missing = load_tasks(
        pick_tasks(arguments.tasks and arguments.tasks.split(",")), arguments.data_dir
    )
    print(*missing, sep="\n")

    cells = arguments.out / "cells.jsonl"

    def run(methods: Mapping[str, Factory], seed: int, draws: int) -> list[Result]:
        results: list[Result] = []
        for data in tasks:  # one after the other, for a line that says how far it has come
            print(
                f"{data.task.name}: {len(methods)} rules, {draws} draws of seed {seed}", flush=True
            )
            found, failures = run_grid(
                [data], [make_manifest(data, ks, draws, seed)], methods, cells, arguments.jobs
            )
            for failure in failures:
                print(
                    f"{failure.cell.method} failed on {failure.cell.task}, k = {failure.cell.k}: {failure.why}"
                )
            results += found
        return results

    chosen_on = differences(run(frozen_methods(), CHOOSE_SEED, arguments.choose_draws), tasks, ks)
    reported = run(frozen_methods(), REPORT_SEED, arguments.draws)
    if arguments.tuned_draws:
        reported += run(tuned_methods(), REPORT_SEED, arguments.tuned_draws)
    report(arguments.out, chosen_on, differences(reported, tasks, ks), reported)


def differences(
    results: Sequence[Result], tasks: Sequence[TaskData], ks: Sequence[int]
) -> list[Difference]:
    """Every rule against the default."""
    by_cell = {(r.cell.task, r.cell.method, r.cell.k, r.cell.draw): r.scores for r in results}
    rules = dict.fromkeys(r.cell.method for r in results)
    found = []
    for task in (data.task.name for data in tasks):
        for rule in rules:
            for k in ks:
                pairs = [
                    (scores, by_cell[task, DEFAULT, k, draw])
                    for (t, method, at, draw), scores in by_cell.items()
                    if (t, method, at) == (task, rule, k) and (task, DEFAULT, k, draw) in by_cell
                ]
                if pairs:
                    people = [
                        {
                            person: own.score_of_subject[person] - default.score_of_subject[person]
                            for person in own.score_of_subject
                        }
                        for own, default in pairs
                    ]
                    f1 = float(np.mean([own.macro_f1 for own, _ in pairs]))
                    gain = f1 - float(np.mean([default.macro_f1 for _, default in pairs]))
                    found.append(
                        Difference(
                            task, rule, k, len(pairs), f1, gain, interval_over_subjects(people)
                        )
                    )
    return found


def report(
    out: Path,
    chosen_on: Sequence[Difference],
    reported: Sequence[Difference],
    results: Sequence[Result],
) -> None:
    """Tables and JSON."""
    ks = sorted({d.k for d in reported})
    fit_s = {
        rule: float(np.median([r.fit_s for r in results if r.cell.method == rule]))
        for rule in dict.fromkeys(r.cell.method for r in results)
    }
    best = {k: max((*HEADS, *VIEWED), key=lambda rule: mean_gain(chosen_on, rule, k)) for k in ks}
    lines = [
        f"Mean macro-F1 over tasks of the default head ({DEFAULT}) in points, and every rule's difference to it "
        f"on the same draws (seed {REPORT_SEED}). In brackets: on how many tasks the rule is better and worse "
        "than the default beyond the 95 % interval of the paired difference over people.",
        "",
        *table(
            ["rule", *(f"k = {k}" for k in ks), "draws"],
            [
                [
                    rule,
                    *(cell(reported, rule, k) for k in ks),
                    str(max(d.draws for d in reported if d.rule == rule)),
                ]
                for rule in fit_s
            ],
        ),
        "",
        f"Best rule by k on the draws of seed {CHOOSE_SEED} "
        f"({', '.join(f'k = {k}: {best[k]} {100 * mean_gain(chosen_on, best[k], k):+.1f}' for k in ks)}), and its "
        f"difference to the default on those of seed {REPORT_SEED}, with the paired interval over people:",
        "",
        *table(
            ["task", *(f"k = {k}: {best[k]}" for k in ks)],
            [
                [task, *(shown(reported, task, best[k], k) for k in ks)]
                for task in dict.fromkeys(d.task for d in reported)
            ],
        ),
    ]
    text = "\n".join(lines) + "\n"
    (out / "finetuning.md").write_text(text, encoding="utf-8")
    (out / "finetuning.json").write_text(
        json.dumps(
            {
                "best_by_k": best,
                "fit_s": fit_s,
                "choose": [asdict(d) for d in chosen_on],
                "report": [asdict(d) for d in reported],
            },
            indent=1,
        ),
        encoding="utf-8",
    )
    print(f"\n{text}\nwrote {out / 'finetuning.md'} and {out / 'finetuning.json'}")


def mean_gain(found: Sequence[Difference], rule: str, k: int) -> float:
    """Mean over tasks."""
    return float(np.mean([d.gain for d in found if (d.rule, d.k) == (rule, k)] or [np.nan]))


def cell(found: Sequence[Difference], rule: str, k: int) -> str:
    """A rule at one k, over all tasks."""
    of = [d for d in found if (d.rule, d.k) == (rule, k)]
    if rule == DEFAULT:
        return f"{100 * float(np.mean([d.macro_f1 for d in of])):.1f}"
    signs = [d.sign for d in of]
    return (
        f"{100 * mean_gain(found, rule, k):+.1f} ({signs.count(1)}, {signs.count(-1)})"
        if of
        else "–"
    )


def shown(found: Sequence[Difference], task: str, rule: str, k: int) -> str:
    """A rule on one task at one k."""
    for d in found:
        if (d.task, d.rule, d.k) == (task, rule, k):
            low, high = d.subjects.low, d.subjects.high
            spread = (
                "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
            )
            return f"{100 * d.gain:+.1f}{spread}"
    return "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of Markdown."""
    return ["| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows)]


if __name__ == "__main__":
    main()
