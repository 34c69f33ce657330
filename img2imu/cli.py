"""The ``img2imu`` command. Subcommands are named here and imported only when called."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        name: as typed.
        summary: one line for ``img2imu --help``.
        module: has ``add_arguments(parser)`` and ``main(arguments) -> int``, and imports heavy
            packages only in ``main``.
        extra: of ``pip install "img2imu[...]"`` that brings what the command needs beyond the base
            install.
    """

    name: str
    summary: str
    module: str
    extra: str | None = None


COMMANDS = (
    Command(
        "run", "recognise a live or recorded stream with a model file", "edge_runtime.commands.run"
    ),
    Command(
        "record",
        "record a labelled motion to learn from, out of any live source",
        "edge_runtime.commands.record",
    ),
    Command(
        "teach",
        "learn new motions on this device, from a few examples each",
        "edge_runtime.commands.teach",
    ),
    Command(
        "doctor",
        "look at a live source for some seconds and say what is wrong with it",
        "edge_runtime.commands.doctor",
    ),
    Command(
        "bench",
        "measure what recognition costs on this device: latency, CPU share, memory",
        "edge_runtime.commands.bench",
    ),
    Command(
        "cert",
        "make a certificate, so that phones on the network may open pages by https",
        "edge_runtime.commands.cert",
    ),
    Command(
        "info", "show what a model file takes, gives, and comes from", "edge_runtime.commands.info"
    ),
    Command(
        "verify",
        "replay the windows inside a model file on this device",
        "edge_runtime.commands.verify",
    ),
    Command("data", "list, get and inspect data sets", "img2imu.commands.data", "demo"),
    Command("train", "learn from labelled recordings", "img2imu.commands.train", "train"),
    Command(
        "pretrain",
        "teach a backbone on photographs, for few-shot learning",
        "img2imu.commands.pretrain",
        "train",
    ),
    Command(
        "export", "make a trained model one quantised .tflite", "export.commands.export", "export"
    ),
    Command(
        "fewshot",
        "compare methods on one to ten labelled windows per class",
        "img2imu.commands.fewshot",
        "bench",
    ),
    Command(
        "demo",
        "learn, export and recognise real recordings, and show how well",
        "export.commands.demo",
        "demo",
    ),
)
EXIT_USER_ERROR = 2  # what argparse uses too
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code."""
    # The matrices here are far too small to share between threads, and idle BLAS threads cost
    # memory.
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()  # here and not when Python ends, where a reader that has gone makes a noise
    except BrokenPipeError:  # the reader of our output has gone (| head): nothing is wrong
        _drop_output()
        return 0
    except OSError as error:  # what no command foresaw: standard output on a full disk, say
        _drop_output()
        place = f" ({error.filename})" if error.filename else ""
        return _fail(
            f"the system refused to go on: {error.strerror or error}{place}; free some space or check "
            "permissions, then try again"
        )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    from edge_runtime.errors import MissingExtraError, UserError

    arguments = _parser(argv).parse_args(argv)
    command: Command = arguments.command
    try:
        return int(importlib.import_module(command.module).main(arguments))
    except UserError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        if command.extra is None or (error.name or "").partition(".")[0] in (
            "edge_runtime",
            "img2imu",
            "export",
        ):
            raise
        return _fail(str(MissingExtraError(error.name or "", command.extra)))


def _parser(argv: Sequence[str] | None) -> argparse.ArgumentParser:
    """Every subcommand's name and summary; the arguments only of the one that is called, to keep start-up short."""
    from edge_runtime import __version__

    words = sys.argv[1:] if argv is None else argv
    called = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="img2imu",
        description="Motion recognition from a few labelled recordings, "
        "on phones and Raspberry Pis.",
    )
    parser.add_argument("--version", action="version", version=f"img2imu {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        )
        if command.name == called:
            importlib.import_module(command.module).add_arguments(sub)
        sub.set_defaults(command=command)
    return parser


def _drop_output() -> None:
    """What is still buffered goes nowhere, so that Python does not fail on it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str) -> int:
    print(f"img2imu: {sentence}", file=sys.stderr)
    return EXIT_USER_ERROR
