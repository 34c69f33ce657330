"""How well a device knows its own person: taught on an earlier block, tested on a later one, and on everything else.

Run it as ``make personalisation DATA=...``; it prints Markdown and writes it to
``OUT/personalisation.md``. A run that was stopped goes on where it was. docs/teach.md has the
protocol and what came out.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core, as the figures say

import numpy as np
from personalisation_open import Found, open_set

from edge_runtime.contract.head import fit_head
from edge_runtime.machine import cpu_name
from edge_runtime.teaching import Teacher
from edge_runtime.teaching.embedder import Embedder
from img2imu.datasets import load_data_set
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.personal import make_personal_manifest
from img2imu.fewshot.report import markdown, summarise
from img2imu.fewshot.runner import run_grid
from img2imu.fewshot.tasks import Task, TaskData, load_tasks, pick_tasks
from img2imu.fewshot.taught import TaughtOnDevice

SHORT_S = 2.0  # what img2imu teach takes unless told otherwise
FIT_CLASSES, FIT_WINDOWS, FIT_RUNS = 10, 10, 20
BACKGROUND_S, LIVE_RUNS = 300.0, 5


def main() -> None:
    """Run what is missing and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", type=Path, default=Path("data"), help="as of img2imu fewshot (default: data)"
    )
    parser.add_argument(
        "--tasks", default="hapt,watch", help="whose subjects are people (default: hapt,watch)"
    )
    parser.add_argument(
        "--k", default="1,2,5,10", help="examples of each class (default: 1,2,5,10)"
    )
    parser.add_argument("--draws", type=int, default=10, help="(default: 10)")
    parser.add_argument(
        "--open-draws", type=int, default=1, help="of the open-set half (default: 1)"
    )
    parser.add_argument("--out", type=Path, default=Path("out/personalisation"))
    arguments = parser.parse_args()
    ks = [int(k) for k in arguments.k.split(",")]
    arguments.out.mkdir(parents=True, exist_ok=True)
    tasks = [
        each
        for task in pick_tasks(arguments.tasks.split(","))
        for each in (task, replace(task, name=f"{task.name} {SHORT_S:g} s", window_s=SHORT_S))
    ]
    loaded, missing = load_tasks(tasks, arguments.data_dir)
    print(*missing, sep="\n")
    parts = [_fitting(), _to_live(), _closed(loaded, ks, arguments.draws, arguments.out)]
    parts += [
        _open(task, arguments.data_dir, ks, arguments.open_draws, arguments.out)
        for task in tasks
        if task.window_s == SHORT_S
    ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    (arguments.out / "personalisation.md").write_text(text, encoding="utf-8")


def _fitting() -> str:
    """Milliseconds of fitting, on made embeddings of the size of six axes at 50 Hz in windows of 2 s."""
    spec = Embedder.bundled("acc+gyro", 50.0, SHORT_S).draft.taught
    assert spec is not None
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(FIT_CLASSES), FIT_WINDOWS)
    means = random.normal(size=(FIT_CLASSES, spec.embedding_size))
    embeddings = (means[classes] + random.normal(size=(len(classes), spec.embedding_size))).astype(
        np.float32
    )
    taken_ms = []
    for _ in range(FIT_RUNS):
        started = time.perf_counter()
        fit_head(embeddings, classes, spec.blocks)
        taken_ms.append(1e3 * (time.perf_counter() - started))
    return (
        f"Fitting {FIT_CLASSES} classes of {FIT_WINDOWS} windows of {SHORT_S:g} s, six axes ({spec.embedding_size} "
        f"values each), one core of {cpu_name()}: {np.median(taken_ms):.0f} ms at the median of {FIT_RUNS} runs, "
        f"{max(taken_ms):.0f} ms at most."
    )


def _to_live() -> str:
    """Seconds from the last example of many to a recogniser, on made motion."""
    random, rate_hz = np.random.default_rng(0), 50.0

    def motion(kind: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        times_s = np.arange(round(seconds * rate_hz)) / rate_hz
        samples = random.normal(0, 0.1, (len(times_s), 6))
        samples[:, kind % 6] += 3 * np.sin(
            2 * np.pi * (0.5 + 0.4 * kind) * times_s + random.uniform(0, 6)
        )
        samples[:, 2] += 9.81
        return times_s, samples.astype(np.float32)

    teacher, taken_s = Teacher.begin("acc+gyro", rate_hz, SHORT_S), []
    teacher.set_background(*motion(FIT_CLASSES, BACKGROUND_S))
    for kind in range(FIT_CLASSES):
        teacher.add(f"motion {kind}", *motion(kind, FIT_WINDOWS * SHORT_S))
    for _ in range(LIVE_RUNS):
        last = motion(0, SHORT_S)
        started = time.perf_counter()
        teacher.add("motion 0", *last)
        teacher.recognizer()
        taken_s.append(time.perf_counter() - started)
    return (
        f"From the last example to a recogniser, with {FIT_CLASSES} classes of {FIT_WINDOWS} windows and "
        f"{BACKGROUND_S:g} s of background, the review included: {np.median(taken_s):.2f} s at the median of "
        f"{LIVE_RUNS} runs, {max(taken_s):.2f} s at most."
    )


def _closed(tasks: Sequence[TaskData], ks: Sequence[int], draws: int, out: Path) -> str:
    """The same person, beside other people at the same k."""
    manifests = [make_personal_manifest(data, ks, draws, 0) for data in tasks]
    others = [make_manifest(data, ks, draws, 0) for data in tasks]
    run = functools.partial(run_grid, tasks)
    results, failures = run(
        manifests, {"taught by the same person": TaughtOnDevice}, out / "same_person.jsonl"
    )
    unseen, more = run(
        others, {"taught by other people": TaughtOnDevice}, out / "other_people.jsonl"
    )
    for failure in (*failures, *more):
        print(f"{failure.cell}: {failure.why}", file=sys.stderr)
    left_out = [line for manifest in manifests for line in manifest.left_out]
    text = markdown(summarise([*results, *unseen]), [])
    return "\n".join(
        [
            text.replace(
                "people who were not learnt from",
                "a later block of the same person (the last row: people who were not learnt from)",
            ),
            *left_out,
        ]
    )


def _open(task: Task, data_dir: Path, ks: Sequence[int], draws: int, out: Path) -> str:
    """False triggers, misses and AUROC, per k."""
    data_set = load_data_set(str(data_dir / task.data) if task.data.endswith(".npz") else task.data)
    found = open_set(
        task.name,
        data_set,
        task.labels or data_set.label_names,
        task.window_s,
        ks,
        draws,
        out / "open_set.jsonl",
        _say,
    )
    lines = [
        f"### {task.name}: one class taught as the target, all else is other activity",
        "",
        "| k | teachings | hours of other activity | false triggers per hour | decisions missed | stretches "
        "missed | AUROC | AUROC, a class held out |",
        "|" + " --- |" * 8,
    ]
    for k in ks:
        target = [each for each in found if each.k == k and each.kind == "target"]
        held = [each for each in found if each.k == k and each.kind == "held out"]
        if target:
            hours = sum(each.other_h for each in target)
            cells = (
                k,
                len(target),
                f"{hours:.1f}",
                f"{sum(each.false_triggers for each in target) / hours:.2f}",
                f"{_mean(target, lambda each: each.missed):.0%}",
                f"{sum(each.unseen for each in target) / sum(each.stretches for each in target):.0%}",
                f"{_mean(target, lambda each: each.auroc):.3f}",
                f"{_mean(held, lambda each: each.auroc):.3f}" if held else "–",
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _mean(found: Sequence[Found], value: Callable[[Found], float]) -> float:
    return float(np.mean([value(each) for each in found]))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
