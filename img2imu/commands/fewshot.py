"""``img2imu fewshot``: run the few-shot benchmark, in parallel and resumable."""

from __future__ import annotations

import argparse
import importlib.metadata
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from img2imu.commands.arguments import names

if TYPE_CHECKING:
    from img2imu.fewshot.manifest import Json, Manifest
    from img2imu.fewshot.runner import Failure, Result
    from img2imu.fewshot.tasks import TaskData

CELLS = "cells.jsonl"
EXIT_INCOMPLETE = 1  # some cells failed; the report shows the others
LIBRARIES = ("img2imu", "numpy", "scikit-learn", "torch", "aeon")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        default=Path("data"),
        help="directory of hapt.npz, swim.npz, umafall.npz, driver.npz and road.npz; a task "
        "without its file is left out (default: %(default)s)",
    )
    parser.add_argument("--tasks", metavar="A,B", type=names, help="tasks to run (default: all)")
    parser.add_argument(
        "--methods", metavar="X,Y", type=names, help="methods to run (default: all)"
    )
    parser.add_argument(
        "--k",
        metavar="K,K",
        type=_whole_numbers,
        default=[1, 2, 5, 10],
        help="labelled windows per class (default: 1,2,5,10)",
    )
    parser.add_argument(
        "--draws",
        metavar="N",
        type=int,
        default=10,
        help="number of draws of test people and of windows to learn from (default: %(default)d)",
    )
    parser.add_argument(
        "--jobs", metavar="N", type=int, default=2, help="parallel cells (default: %(default)d)"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("out/fewshot"),
        help="directory of the results; cells with results there are not run again "
        "(default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default: %(default)d)")


def main(arguments: argparse.Namespace) -> int:
    """Write the manifests, run the missing cells, and write tables and pictures."""
    from edge_runtime.errors import DataError
    from img2imu.baselines import pick_methods
    from img2imu.fewshot.manifest import make_manifest
    from img2imu.fewshot.runner import run_grid
    from img2imu.fewshot.tasks import load_tasks, pick_tasks

    _check_arguments(arguments)
    out: Path = arguments.out
    picked_tasks = pick_tasks(arguments.tasks)
    methods = pick_methods(arguments.methods)
    tasks, missing = load_tasks(picked_tasks, arguments.data_dir)
    for sentence in missing:
        print(sentence)
    if not tasks:
        raise DataError(
            f"none of the tasks {', '.join(task.name for task in picked_tasks)} has its data, "
            "expected at least one: see above, and give --data-dir"
        )
    manifests = [
        make_manifest(data, arguments.k, arguments.draws, arguments.seed) for data in tasks
    ]
    _print_tasks(tasks, manifests)
    if not any(draw.support for manifest in manifests for draw in manifest.draws):
        raise DataError(
            f"no task has {min(arguments.k)} windows of every class to learn from, which is the "
            "smallest k asked for: ask for fewer with --k"
        )
    _write_manifests(out / "manifests", manifests)
    results, failures = run_grid(tasks, manifests, methods, out / CELLS, arguments.jobs)
    _print_failures(failures)
    if results:
        _write_report(out, results, _protocol(arguments, tasks, manifests, failures))
    return EXIT_INCOMPLETE if failures else 0


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in names(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"is {text!r}, expected whole numbers such as 1,2,5,10"
        ) from None


def _check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse arguments that would fail only after minutes of work."""
    from edge_runtime.errors import DataError, OutputError

    if arguments.seed < 0:
        raise DataError(f"--seed is {arguments.seed}, expected 0 or more: give another")
    if arguments.jobs == 0:
        raise DataError("--jobs is 0, expected 1 or more, or -1 for all processors: give another")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{arguments.out} cannot be made a directory ({error.strerror}): give another --out"
        ) from error


def _print_tasks(tasks: Sequence[TaskData], manifests: Sequence[Manifest]) -> None:
    import numpy as np

    for data, manifest in zip(tasks, manifests, strict=True):
        n_subjects = len(np.unique(data.windows.subjects))
        print(
            f"{data.task.name}: {len(data.windows)} windows of {data.task.window_s:g} s, "
            f"{len(data.class_names)} classes, {n_subjects} subjects ({data.task.subject}), "
            f"manifest {manifest.sha256[:12]}"
        )
        for line in (
            f"licence {data.licence or 'not stated'}; "
            f"{data.citation or 'see the source of the file'}",
            *data.notes,
            *manifest.left_out,
        ):
            print(textwrap.fill(line, 110, initial_indent="  ", subsequent_indent="    "))
    print(flush=True)


def _write_manifests(directory: Path, manifests: Sequence[Manifest]) -> None:
    directory.mkdir(exist_ok=True)
    for manifest in manifests:
        (directory / f"{manifest.task}.json").write_text(manifest.to_json(), encoding="utf-8")


def _print_failures(failures: Sequence[Failure]) -> None:
    tasks_by_failure: dict[tuple[str, str], list[str]] = {}  # method and reason to tasks
    for failure in failures:
        key = (failure.cell.method, failure.why)
        tasks_by_failure.setdefault(key, []).append(failure.cell.task)
    for (method, why), tasks in tasks_by_failure.items():
        print(f"{method} failed in {len(tasks)} cells of {', '.join(dict.fromkeys(tasks))}: {why}")


def _protocol(
    arguments: argparse.Namespace,
    tasks: Sequence[TaskData],
    manifests: Sequence[Manifest],
    failures: Sequence[Failure],
) -> Json:
    return {
        "k": arguments.k,
        "draws": arguments.draws,
        "seed": arguments.seed,
        "versions": {name: _version(name) for name in LIBRARIES},
        "tasks": [
            {
                "task": data.task.name,
                "windows": len(data.windows),
                "subject": data.task.subject,
                "classes": data.class_names,
                "licence": data.licence,
                "citation": data.citation,
                "notes": [*data.notes, *manifest.left_out],
                "manifest_sha256": manifest.sha256,
            }
            for data, manifest in zip(tasks, manifests, strict=True)
        ],
        "failures": [f"{failure.cell}: {failure.why}" for failure in failures],
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _write_report(out: Path, results: Sequence[Result], protocol: Json) -> None:
    from img2imu.fewshot.report import (
        plot_critical_difference,
        plot_curves,
        summarise,
        write_report,
    )

    paths = [*write_report(out, results, protocol)]
    summaries = summarise(results)
    curves = out / "curves.png"
    plot_curves(summaries, curves)
    paths.append(curves)
    ranks = out / "ranks.png"
    why_not = plot_critical_difference(summaries, ranks)
    if not why_not:
        paths.append(ranks)
    print((out / "table.md").read_text(encoding="utf-8"))
    print("wrote " + ", ".join(map(str, paths)))
    if why_not:
        print(why_not)
