"""``img2imu demo``: learn from ten windows per class, export, and recognise people never seen."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        "--out",
        default="out/demo",
        metavar="DIR",
        help="folder for the results (default: out/demo)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the choice of people and windows (default: 0)"
    )
    parser.add_argument(
        "--windows-per-class",
        type=int,
        default=10,
        metavar="K",
        help="labelled windows per class to learn from (default: 10)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from edge_runtime.errors import OutputError, UserError

    if arguments.seed < 0:
        raise UserError(f"--seed is {arguments.seed}, expected 0 or more: choose another")
    out = Path(arguments.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out} cannot be made ({error.strerror}): choose another place"
        ) from error
    from edge_runtime.files import check_writable
    from export.watch_demo import print_demo_report, run_demo

    check_writable(out / "report.json")
    print_demo_report(run_demo(out, arguments.seed, arguments.windows_per_class))
    model = shlex.quote(str(out / "model.tflite"))
    recording = shlex.quote(str(out / "unseen_person.csv"))
    print(
        f"\npictures: {out}/spectrograms.png, {out}/confusion.png; "
        f"all figures: {out}/report.json\n\nnext:\n"
        f"  img2imu info {model}\n"
        f"  img2imu run {model} --source {recording}\n"
        "  img2imu run --demo"
    )
    return 0
