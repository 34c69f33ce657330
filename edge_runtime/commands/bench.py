"""``img2imu bench``: what recognition costs on this device."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from edge_runtime.bench.results import BenchResult, Machine, ModelResult

# The exit codes of img2imu.cli, which this package does not import.
EXIT_FAILED = 2
EXIT_INTERRUPTED = 130
MAX_DEFAULT_THREADS = 4  # networks this small gain nothing from more
MAX_SECONDS = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="model files (.tflite) to measure (default: the bundled model)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="measure the network with 1 to N CPU threads (default: the number of cores, at most "
        f"{MAX_DEFAULT_THREADS})",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="length of each measurement (default: %(default)g)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures to this file")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A.json", "B.json"),
        help="show two files of --json side by side, and measure nothing",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from pathlib import Path

    from edge_runtime.bench.results import read_result, show_files
    from edge_runtime.commands.run import DEMO_MODEL
    from edge_runtime.errors import UserError
    from edge_runtime.files import check_writable

    if arguments.compare:
        if arguments.models or arguments.json:
            raise UserError(
                "--compare measures nothing, expected neither models nor --json with it: leave "
                "them out"
            )
        a, b = arguments.compare
        _print(show_files((a, b), (read_result(a), read_result(b))))
        return 0
    threads = _threads(arguments.threads)
    if not 0 < arguments.seconds <= MAX_SECONDS:
        raise UserError(
            f"--seconds is {arguments.seconds:g}, expected more than 0 and at most "
            f"{MAX_SECONDS:g}: 10 is a good choice"
        )
    if arguments.json:
        check_writable(arguments.json)
    models = [Path(model) for model in arguments.models] or [DEMO_MODEL]
    return _measure(models, threads, arguments.seconds, arguments.json)


def _threads(option: int | None) -> int:
    """Return the largest number of threads to measure.

    Raises:
        UserError: this machine has fewer cores.
    """
    from edge_runtime.errors import UserError

    cores = _cores()
    if option is None:
        return min(cores, MAX_DEFAULT_THREADS)
    if not 1 <= option <= cores:
        raise UserError(
            f"--threads is {option}, expected 1 to {cores}, the cores of this machine: choose one "
            "of them"
        )
    return option


def _cores() -> int:
    """Return the number of cores that this process may use."""
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _measure(paths: list[Path], threads: int, seconds: float, json_file: str | None) -> int:
    """Measure all models; show and write everything that was finished. Return the exit code."""
    from dataclasses import replace
    from datetime import datetime

    from edge_runtime.bench.results import SCHEMA, BenchResult, write_result
    from edge_runtime.bench.worker import WorkerError, describe, measure
    from edge_runtime.contract.container import read_model
    from edge_runtime.machine import read_state

    # Every file is read before the first is measured, so that a typing error costs no minute.
    results = [describe(path, read_model(path)) for path in paths]
    created = datetime.now().astimezone().isoformat(timespec="seconds")
    before = read_state()
    code = 0
    finished = 0
    try:
        for i, path in enumerate(paths):
            try:
                for result in measure(path, results[i], threads, seconds, _say):
                    results[i] = result
            except WorkerError as error:
                results[i] = replace(results[i], failure=str(error))
                code = EXIT_FAILED
            finished = i + 1
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        _say("interrupted: the figures measured so far follow")
    reached = tuple(result for i, result in enumerate(results) if i < finished or result.starts)
    bench_result = BenchResult(SCHEMA, created, _machine(), before, read_state(), reached)
    try:
        _show(bench_result)
    finally:  # a reader that has gone (| head) must not cost the file
        if json_file:
            write_result(bench_result, json_file)
            _say(
                f"wrote {json_file}; compare it with another: img2imu bench --compare {json_file} "
                "OTHER.json"
            )
    return code


def _machine() -> Machine:
    import platform

    import numpy as np

    from edge_runtime import __version__
    from edge_runtime.bench.results import Machine
    from edge_runtime.machine import cpu_name

    return Machine(
        cpu=cpu_name(),
        cores=_cores(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        numpy=np.__version__,
        img2imu=__version__,
    )


def _show(result: BenchResult) -> None:
    from edge_runtime.bench.results import show_comparison, show_machine, show_model

    _print(show_machine(result.machine, result.before, result.after))
    for model in result.models:
        _print(show_model(model))
    if len(result.models) > 1:
        _print(show_comparison(_headings(result.models)))


def _headings(models: tuple[ModelResult, ...]) -> list[tuple[str, ModelResult]]:
    """Return each model with its file's name, and with a number if two have the same name."""
    names = [model.file for model in models]
    return [
        (name if names.count(name) == 1 else f"{name} ({i})", model)
        for i, (name, model) in enumerate(zip(names, models, strict=True), 1)
    ]


def _print(lines: list[str]) -> None:
    print("\n".join(_printable(line) for line in lines), flush=True)


def _say(text: str) -> None:
    print(_printable(text), file=sys.stderr, flush=True)


def _printable(line: str) -> str:
    """Replace what a terminal could obey or could not show: names come from model files."""
    text = "".join(character if character.isprintable() else "?" for character in line)
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
