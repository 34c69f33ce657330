"""``img2imu data``: list, download and inspect data sets."""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from img2imu.datasets.archive import Download
    from img2imu.datasets.registry import Entry

PICTURE_ENDING = ".png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    list_ = actions.add_parser("list", help="list the data sets known by name")
    list_.set_defaults(action=_list)
    get = actions.add_parser("get", help="download a data set from where its authors published it")
    get.set_defaults(action=_get)
    get.add_argument("name", metavar="NAME", help="a name that img2imu data list shows")
    for action in (list_, get):
        action.add_argument(
            "--dir",
            metavar="DIR",
            type=Path,
            default=Path("data"),
            help="directory of the downloads (default: %(default)s)",
        )
    get.add_argument(
        "--accept-licence", action="store_true", help="accept the licence without being asked"
    )
    get.add_argument("--url", help="another address of the same file")
    get.add_argument(
        "--sha256", metavar="HEX", type=_sha256, help="checksum that the file must have"
    )
    inspect = actions.add_parser(
        "inspect", help="show rate, jitter, gaps, units and classes, and draw a picture"
    )
    inspect.set_defaults(action=_inspect)
    inspect.add_argument(
        "data",
        metavar="NAME_OR_PATH",
        help="the same as for img2imu train: NAME, NAME:PATH, an .npz data set, a .csv with a "
        "column of labels, or a folder of recordings",
    )
    inspect.add_argument(
        "-o",
        "--output",
        metavar="OUT.png",
        type=Path,
        help="draw traces, images, jitter and counts to this file",
    )
    inspect.add_argument(
        "--window-s",
        metavar="S",
        type=float,
        help="length of a window in seconds (default: the longest of 5, 3, 2 and 1 of which every "
        "class has one)",
    )
    inspect.add_argument(
        "--rate-hz",
        metavar="R",
        type=float,
        help="samples per second to resample your own recordings to (default: their own rate)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the action that was named."""
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
        row = (
            entry.name,
            entry.subjects,
            str(entry.classes),
            f"{entry.rate_hz:g}",
            entry.licence.partition(" (")[0] or "not stated",
            entry.where(arguments.dir) or "no",
            entry.what,
        )
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    print("\nget one:        img2imu data get hapt")
    print("look at one:    img2imu data inspect watch -o watch.png")
    return 0


def _get(arguments: argparse.Namespace) -> int:
    from edge_runtime.errors import DataError, OutputError
    from img2imu.datasets.archive import fetch_zip

    entry = _find_entry(arguments.name)
    if entry.original is None:
        state = "is installed" if entry.where(arguments.dir) else "is not installed yet"
        print(
            f"{entry.name} comes with the package seglearn, which "
            f'pip install "img2imu[demo]" brings: it {state}'
        )
        return 0
    _print_terms(entry)
    if not arguments.accept_licence and not _agrees("Get it under these terms?"):
        raise DataError(
            f"the terms of {entry.name} were not accepted, so nothing was downloaded: answer y, or "
            "add --accept-licence"
        )
    url = arguments.url or entry.original.url
    path = entry.place(arguments.dir)
    try:
        arguments.dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{arguments.dir} cannot be made a directory ({error.strerror or error}): give another "
            "--dir"
        ) from error
    sha256 = entry.original.sha256
    source = "the registry's"
    if arguments.sha256:
        sha256 = arguments.sha256
        source = "given by --sha256"
    print(f"{url}\n  -> {path}", flush=True)
    try:
        download = fetch_zip(url, path, sha256, source)
    except KeyboardInterrupt:
        print(
            f"the partial download is kept in {path}.part; run the same command again to continue",
            file=sys.stderr,
        )
        raise
    _print_download(entry, download, arguments.dir)
    return 0


def _find_entry(name: str) -> Entry:
    from edge_runtime.errors import DataError
    from img2imu.datasets.registry import REGISTRY

    if name not in REGISTRY:
        raise DataError(
            f"there is no data set {name!r} to get, expected one of {', '.join(REGISTRY)}: img2imu "
            "data list shows them"
        )
    return REGISTRY[name]


def _print_terms(entry: Entry) -> None:
    licence = (
        entry.licence or "not stated by the authors: ask them before you do more than look at it"
    )
    for line in (
        f"{entry.name}: {entry.what}; {entry.subjects}, {entry.classes} classes, "
        f"{entry.rate_hz:g} Hz",
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


def _print_download(entry: Entry, download: Download, directory: Path) -> None:
    from img2imu.datasets.archive import mebibytes
    from img2imu.datasets.registry import DEFAULT_DIRECTORY

    path = download.path
    verb = "was there already" if download.was_there else "downloaded"
    print(f"{verb}: {path} ({mebibytes(path.stat().st_size)}), sha256 {download.sha256}")
    if download.checked:
        print(f"checksum: as expected ({download.checked})")
    else:
        print(
            "checksum: no published checksum is known; this one is written to "
            f"{path.name}.sha256, and a later get is checked against it"
        )
    spec = shlex.quote(entry.name if directory == DEFAULT_DIRECTORY else f"{entry.name}:{path}")
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
    from img2imu.datasets.inspection import draw_inspection, inspect_data_set, to_text

    data_set = load_data_set(arguments.data, arguments.rate_hz)
    inspection = inspect_data_set(data_set, arguments.window_s)
    print(to_text(inspection), end="", flush=True)
    if output is not None:
        draw_inspection(inspection, output)
        print(f"\nwrote {output}")
    return 0
