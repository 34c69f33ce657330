"""Options and start of the benchmarks that run on the tasks of ``img2imu fewshot``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from img2imu.commands.arguments import names
from img2imu.fewshot.runner import Failure
from img2imu.fewshot.tasks import Task, TaskData, load_tasks


def make_parser(
    description: str,
    *,
    out: str,
    data_dir: str = "data",
    tasks: str | None = None,
    draws_help: str = "number of draws",
) -> argparse.ArgumentParser:
    """Return a parser with ``--data-dir``, ``--tasks``, ``--draws`` and ``--out``.

    Args:
        description: one line for ``--help``.
        out: default of ``--out``.
        data_dir: default of ``--data-dir``.
        tasks: default of ``--tasks``; None means all tasks.
        draws_help: text for ``--help``.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(data_dir),
        help="directory of the data sets, as for img2imu fewshot (default: %(default)s)",
    )
    parser.add_argument(
        "--tasks",
        metavar="A,B",
        type=names,
        default=tasks,
        help=f"tasks to run (default: {tasks or 'all'})",
    )
    parser.add_argument("--draws", type=int, default=10, help=f"{draws_help} (default: 10)")
    parser.add_argument(
        "--out", type=Path, default=Path(out), help="directory of results (default: %(default)s)"
    )
    return parser


def add_k(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--k``, a list of numbers."""
    parser.add_argument(
        "--k",
        metavar="K,K",
        type=lambda text: [int(k) for k in names(text)],
        default=default,
        help="labelled windows per class (default: %(default)s)",
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``."""
    parser.add_argument(
        "--jobs", type=int, default=1, help="cells that run at the same time (default: 1)"
    )


def load(tasks: Sequence[Task], data_dir: Path) -> list[TaskData]:
    """Load the tasks whose data are there, and print a sentence about each of the others."""
    loaded, missing = load_tasks(tasks, data_dir)
    for sentence in missing:
        print(sentence, flush=True)
    return loaded


def print_failures(failures: Sequence[Failure]) -> None:
    """Print the cells that failed."""
    for failure in failures:
        cell = failure.cell
        print(
            f"{cell.method} failed on {cell.task}, k = {cell.k}, draw {cell.draw}: {failure.why}",
            file=sys.stderr,
        )
