"""``img2imu data``: which data sets there are, getting one, and looking at one."""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from img2imu.datasets.download import Fetched
    from img2imu.datasets.registry import Entry

PICTURE_ENDING = ".png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the data sets known by name")
    getting = actions.add_parser("get", help="download one from where its authors published it")
    looking = actions.add_parser(
        "inspect", help="rate, jitter, gaps, units, classes, and a picture"
    )
    listing.set_defaults(action=_list)
    getting.set_defaults(action=_get)
    looking.set_defaults(action=_inspect)
    getting.add_argument("name", metavar="NAME", help="as listed")
    for action in (listing, getting):
        action.add_argument(
            "--dir",
            metavar="DIR",
            type=Path,
            default=Path("data"),
            help="where downloads lie (default: %(default)s)",
        )
    getting.add_argument("--accept-licence", action="store_true", help="do not ask")
    getting.add_argument("--url", help="another place to get the same file from")
    getting.add_argument(
        "--sha256", metavar="HEX", type=_sha256, help="checksum that the file must have"
    )
    looking.add_argument(
        "data",
        metavar="NAME_OR_PATH",
        help="whatever img2imu train learns from: NAME, NAME:PATH, "
        "an .npz data set, a .csv with a column of labels, or a folder of recordings",
    )
    looking.add_argument(
        "-o",
        "--output",
        metavar="OUT.png",
        type=Path,
        help="draw traces, images, jitter and counts",
    )
    looking.add_argument(
        "--window-s",
        metavar="S",
        type=float,
        help="length of a window in seconds (default: the "
        "longest of 5, 3, 2 and 1 of which every class has one)",
    )
    looking.add_argument(
        "--rate-hz",
        metavar="R",
        type=float,
        help="samples per second to bring your own recordings to (default: their own)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Do what the action's name says."""
    return int(arguments.action(arguments))


def _sha256(text: str) -> str:
    digits = text.strip().lower()
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(
            f"is {text!r}, expected 64 hexadecimal digits, as sha256sum prints"
        )
    return digits


def _list(arguments: argparse.Namespace) -> int:
    from img2imu.datasets.registry import REGISTRY

    rows = [("name", "subjects", "classes", "Hz", "licence", "on this machine", "what")]
    for entry in REGISTRY.values():
        licence = entry.licence.partition(" (")[0] or "not stated"
        rows.append(
            (
                entry.name,
                entry.subjects,
                str(entry.classes),
                f"{entry.rate_hz:g}",
                licence,
                entry.where(arguments.dir) or "no",
                entry.what,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    print(
        "\nget one:        img2imu data get hapt\nlook at one:    img2imu data inspect watch -o watch.png"
    )
    return 0


def _get(arguments: argparse.Namespace) -> int:
    from edge_runtime.errors import DataError, OutputError
    from img2imu.datasets.download import fetch_zip

    entry = _entry(arguments.name)
    if entry.original is None:
        print(
            f'{entry.name} comes with the package seglearn, which pip install "img2imu[demo]" brings: '
            f"{'it is installed' if entry.where(arguments.dir) else 'it is not installed yet'}"
        )
        return 0
    _print_terms(entry)
    if not arguments.accept_licence and not _agrees("Get it under these terms?"):
        raise DataError(
            f"the terms of {entry.name} were not accepted, so nothing was fetched: answer y, or add "
            "--accept-licence"
        )
    url, place = arguments.url or entry.original.url, entry.place(arguments.dir)
    try:
        arguments.dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{arguments.dir} cannot be made a directory ({error.strerror or error}): give another "
            "--dir"
        ) from error
    known = (
        (arguments.sha256, "given by --sha256")
        if arguments.sha256
        else (entry.original.sha256, "the registry's")
    )
    print(f"{url}\n  -> {place}", flush=True)
    try:
        fetched = fetch_zip(url, place, *known)
    except KeyboardInterrupt:
        print(
            f"what has come is kept in {place}.part; the same command goes on there",
            file=sys.stderr,
        )
        raise
    _print_fetched(entry, fetched, arguments.dir)
    return 0


def _entry(name: str) -> Entry:
    from edge_runtime.errors import DataError
    from img2imu.datasets.registry import REGISTRY

    if name not in REGISTRY:
        raise DataError(
            f"there is no data set {name!r} to get, expected one of {', '.join(REGISTRY)}: img2imu data "
            "list shows them"
        )
    return REGISTRY[name]


def _print_terms(entry: Entry) -> None:
    licence = (
        entry.licence or "not stated by the authors: ask them before you do more than look at it"
    )
    for line in (
        f"{entry.name}: {entry.what}; {entry.subjects}, {entry.classes} classes, {entry.rate_hz:g} Hz",
        f"licence: {licence}",
        f"please cite: {entry.citation}",
        f"homepage: {entry.homepage}",
    ):
        print(textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False))


def _agrees(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _print_fetched(entry: Entry, fetched: Fetched, directory: Path) -> None:
    from img2imu.datasets.download import mebibytes
    from img2imu.datasets.registry import DEFAULT_DIRECTORY

    verb = "was there already" if fetched.was_there else "fetched"
    print(
        f"{verb}: {fetched.path} ({mebibytes(fetched.path.stat().st_size)}), sha256 {fetched.sha256}"
    )
    if fetched.checked:
        print(f"checksum: as expected ({fetched.checked})")
    else:
        print(
            f"checksum: no published one is known; the one above is written to {fetched.path.name}.sha256, and a "
            "later get is checked against it"
        )
    spec = shlex.quote(
        entry.name if directory == DEFAULT_DIRECTORY else f"{entry.name}:{fetched.path}"
    )
    print(
        f"\nnext:\n  img2imu data inspect {spec} -o {entry.name}.png\n"
        f"  img2imu train {spec} -o {entry.name}.npz --windows-per-class 10 --test-subjects 1"
    )


def _inspect(arguments: argparse.Namespace) -> int:
    from edge_runtime.errors import OutputError
    from edge_runtime.files import check_writable

    output: Path | None = arguments.output
    if output is not None:
        check_writable(output)
        if output.suffix.lower() != PICTURE_ENDING:
            raise OutputError(
                f"{output} ends in {output.suffix!r}, expected {PICTURE_ENDING}: write "
                f"-o {output.with_suffix(PICTURE_ENDING)}"
            )
    from img2imu.datasets import load_data_set
    from img2imu.datasets.inspection import inspect_data_set
    from img2imu.datasets.report import to_text

    inspection = inspect_data_set(
        load_data_set(arguments.data, arguments.rate_hz), arguments.window_s
    )
    print(to_text(inspection), end="", flush=True)
    if output is not None:
        from img2imu.datasets.picture import draw_inspection

        draw_inspection(inspection, output)
        print(f"\nwrote {output}")
    return 0
