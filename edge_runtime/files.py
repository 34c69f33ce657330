"""Write files so that nobody ever reads half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge_runtime.errors import OutputError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears at ``path`` only when the block ends without an error.

    On an error an existing file at ``path`` stays as it was, and nothing else is left behind.

    Raises:
        OutputError: the place cannot be written or the disk is full.
    """
    path = Path(path)
    # in the same directory, so that renaming is atomic
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}): choose another place, or free "
            "some space"
        ) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written, before long work is done for it.

    Raises:
        OutputError: the directory is missing or not writable, or ``path`` is a directory, a device
            or a pipe.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a directory, expected the name of a file: add one")
    # renaming a file over a device or a pipe would replace it
    if path.exists() and not path.is_file():
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
