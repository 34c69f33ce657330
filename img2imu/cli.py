"""The ``img2imu`` command. A subcommand is imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Subcommand:
    """A subcommand.

    Attributes:
        name: what the user types.
        summary: one line for ``img2imu --help``.
        module: has ``add_arguments(parser)`` and ``main(arguments) -> int``, and imports heavy
            packages only in ``main``.
        extra: the extra of ``pip install "img2imu[...]"`` that the command needs; None if the base
            install is enough.
    """

    name: str
    summary: str
    module: str
    extra: str | None = None


COMMANDS = (
    Subcommand(
        "run", "recognise motions in a live or recorded stream", "edge_runtime.commands.run"
    ),
    Subcommand(
        "record",
        "record a motion from a live source, with its label",
        "edge_runtime.commands.record",
    ),
    Subcommand(
        "teach",
        "learn new motions on this device, from a few examples each",
        "edge_runtime.commands.teach",
    ),
    Subcommand(
        "doctor",
        "look at a live source for some seconds and say what is wrong with it",
        "edge_runtime.commands.doctor",
    ),
    Subcommand(
        "bench",
        "measure what recognition costs on this device: latency, CPU share, memory",
        "edge_runtime.commands.bench",
    ),
    Subcommand(
        "cert",
        "make a certificate, so that phones can open the pages by https",
        "edge_runtime.commands.cert",
    ),
    Subcommand(
        "info",
        "show the contract of a model file: what it expects, what it recognises",
        "edge_runtime.commands.info",
    ),
    Subcommand(
        "verify",
        "check that a model file answers here as it did where it was made",
        "edge_runtime.commands.verify",
    ),
    Subcommand("data", "list, download and inspect data sets", "img2imu.commands.data", "demo"),
    Subcommand("train", "train a model on labelled recordings", "img2imu.commands.train", "train"),
    Subcommand(
        "pretrain",
        "pre-train a backbone on photographs, for few-shot learning",
        "img2imu.commands.pretrain",
        "train",
    ),
    Subcommand(
        "export",
        "convert a trained model to one quantised .tflite file",
        "export.commands.export",
        "export",
    ),
    Subcommand(
        "fewshot",
        "compare methods that learn from one to ten labelled windows per class",
        "img2imu.commands.fewshot",
        "bench",
    ),
    Subcommand(
        "demo",
        "train, export and recognise real recordings, and show the accuracy",
        "export.commands.demo",
        "demo",
    ),
)
PACKAGES = ("edge_runtime", "img2imu", "export")
EXIT_USER_ERROR = 2  # what argparse uses too
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    # The matrices here are too small to share between threads, and idle BLAS threads cost memory.
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        try:
            return _run(argv)
        finally:
            # Here, and not when Python ends: there a reader that has gone gives an error message.
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone (| head): nothing is wrong
        _drop_output()
        return 0
    except OSError as error:  # an error that no command expects, such as a full disk
        _drop_output()
        place = f" ({error.filename})" if error.filename else ""
        return _fail(
            f"the system refused to go on: {error.strerror or error}{place}; free some space or "
            "check permissions, then try again"
        )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    from edge_runtime.errors import MissingExtraError, UserError

    arguments = _parser(argv).parse_args(argv)
    command: Subcommand = arguments.command
    try:
        return int(importlib.import_module(command.module).main(arguments))
    except UserError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if command.extra is None or missing.partition(".")[0] in PACKAGES:
            raise
        return _fail(str(MissingExtraError(missing, command.extra)))


def _parser(argv: Sequence[str] | None) -> argparse.ArgumentParser:
    """Return a parser with every subcommand, but only the arguments of the one that is called.

    This keeps start-up short.
    """
    from edge_runtime import __version__

    words = sys.argv[1:] if argv is None else argv
    called = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="img2imu",
        description="Recognise motions from an accelerometer and gyroscope, after one to ten "
        "labelled recordings each.",
    )
    parser.add_argument("--version", action="version", version=f"img2imu {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        )
        if command.name == called:
            importlib.import_module(command.module).add_arguments(subparser)
        subparser.set_defaults(command=command)
    return parser


def _drop_output() -> None:
    """Discard buffered output, so that Python does not fail on it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    print(f"img2imu: {message}", file=sys.stderr)
    return EXIT_USER_ERROR
