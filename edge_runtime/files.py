"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge_runtime.errors import OutputError


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to; it takes its place at ``path`` when the block ends well, and leaves no trace otherwise.

    Raises:
        OutputError: the place cannot be written or the disk is full.
    """
    path = Path(path)
    aside = path.with_name(
        f".{path.name}.{os.getpid()}.part"
    )  # the same directory, so that renaming is atomic
    try:
        try:
            with aside.open("wb") as file:
                yield file
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}): choose another place, or free some "
            "space"
        ) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written, before long work is done for it.

    Raises:
        OutputError: the directory is missing or may not be written, or something that is no file
        lies there.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a directory, expected the name of a file: add one")
    if (
        path.exists() and not path.is_file()
    ):  # a file would take its place, and a device would be gone
        raise OutputError(
            f"{path} is a device or a pipe, expected the name of a file: choose another place"
        )
    if not path.parent.is_dir():
        raise OutputError(
            f"{path} cannot be written: the directory {path.parent} does not exist; make it first"
        )
    if not os.access(path.parent, os.W_OK):
        raise OutputError(
            f"{path} cannot be written: no permission in {path.parent}; choose another place"
        )
