"""``img2imu bench``: what recognition costs on this device."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from edge_runtime.bench.results import BenchResult, Machine, ModelResult

EXIT_FAILED, EXIT_INTERRUPTED = 2, 130  # as img2imu.cli has them
MOST_THREADS = 4  # by default; networks this small gain nothing from more
MAX_SECONDS = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="model files, written by img2imu export (.tflite); default: the bundled one",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="measure the network with 1 to N threads (default: as "
        f"many as there are cores, at most {MOST_THREADS})",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="length of each measurement (default: %(default)g)",
    )
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured there")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A.json", "B.json"),
        help="measure nothing; show two results of --json side by side",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from pathlib import Path

    from edge_runtime.bench.report import show_files
    from edge_runtime.bench.results import read_result
    from edge_runtime.commands.run import DEMO_MODEL
    from edge_runtime.errors import UserError
    from edge_runtime.files import check_writable

    if arguments.compare:
        if arguments.models or arguments.json:
            raise UserError(
                "--compare measures nothing, expected neither models nor --json beside it: leave them out"
            )
        a, b = arguments.compare
        _print(show_files((a, b), (read_result(a), read_result(b))))
        return 0
    threads = _threads(arguments.threads)
    if not 0 < arguments.seconds <= MAX_SECONDS:
        raise UserError(
            f"--seconds is {arguments.seconds:g}, expected more than 0 and at most {MAX_SECONDS:g}: 10 is "
            "a good choice"
        )
    if arguments.json:
        check_writable(arguments.json)
    return _measure(
        [Path(model) for model in arguments.models] or [DEMO_MODEL],
        threads,
        arguments.seconds,
        arguments.json,
    )


def _threads(wanted: int | None) -> int:
    from edge_runtime.errors import UserError

    cores = _cores()
    if wanted is None:
        return min(cores, MOST_THREADS)
    if not 1 <= wanted <= cores:
        raise UserError(
            f"--threads is {wanted}, expected 1 to {cores}, the cores of this machine: choose one of them"
        )
    return wanted


def _measure(paths: list[Path], threads: int, seconds: float, json_file: str | None) -> int:
    """Measure all models; show, and write, whatever was finished when it ends."""
    from dataclasses import replace
    from datetime import datetime

    from edge_runtime.bench.results import SCHEMA, BenchResult
    from edge_runtime.bench.runner import WorkerError, describe, measure
    from edge_runtime.contract.container import read_model
    from edge_runtime.machine import read_state

    # every file is read before the first is measured: a mistyped name should not cost a minute
    results = [describe(path, read_model(path)) for path in paths]
    created, before = datetime.now().astimezone().isoformat(timespec="seconds"), read_state()
    code, done = 0, 0
    try:
        for i, path in enumerate(paths):
            try:
                for result in measure(path, results[i], threads, seconds, _say):
                    results[i] = result
            except WorkerError as error:
                results[i] = replace(results[i], failure=str(error))
                code = EXIT_FAILED
            done = i + 1
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        _say("interrupted: what follows is what was finished")
    reached = tuple(result for i, result in enumerate(results) if i < done or result.starts)
    found = BenchResult(SCHEMA, created, _machine(), before, read_state(), reached)
    try:
        _report(found)
    finally:  # a reader that has gone (| head) does not cost the file
        if json_file:
            from edge_runtime.bench.results import write_result

            write_result(found, json_file)
            _say(
                f"wrote {json_file}; compare with another: img2imu bench --compare {json_file} OTHER.json"
            )
    return code


def _report(found: BenchResult) -> None:
    from edge_runtime.bench.report import show_comparison, show_machine, show_model

    _print(show_machine(found.machine, found.before, found.after))
    for result in found.models:
        _print(show_model(result))
    if len(found.models) > 1:
        _print(show_comparison(_headings(found.models)))


def _headings(models: tuple[ModelResult, ...]) -> list[tuple[str, ModelResult]]:
    """Each model under its file's name, with a number where two have the same."""
    names = [model.file for model in models]
    return [
        (name if names.count(name) == 1 else f"{name} ({i})", model)
        for i, (name, model) in enumerate(zip(names, models, strict=True), 1)
    ]


def _machine() -> Machine:
    import platform

    import numpy as np

    from edge_runtime import __version__
    from edge_runtime.bench.results import Machine
    from edge_runtime.machine import cpu_name

    return Machine(
        cpu_name(),
        _cores(),
        f"{platform.system()} {platform.machine()}",
        platform.python_version(),
        np.__version__,
        __version__,
    )


def _cores() -> int:
    """That this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print(lines: list[str]) -> None:
    print("\n".join(_printable(line) for line in lines), flush=True)


def _printable(line: str) -> str:
    """A model's name comes with its file: it must not steer the terminal, nor stop a terminal that cannot show it."""
    text = "".join(character if character.isprintable() else "?" for character in line)
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _say(text: str) -> None:
    print(_printable(text), file=sys.stderr, flush=True)
