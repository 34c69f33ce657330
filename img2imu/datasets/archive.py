"""Published files, read where they lie: in a folder, in a zip, or in a zip within a zip. Nothing is unpacked."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from img2imu.progress import track

# A text table of sensor values shrinks to a quarter or a tenth. What would grow more than this is
# no such table.
MAX_GROWTH = 100
SMALL_BYTES = 1 << 20  # so little harms nobody however it grows
MAX_MEMBER_BYTES = 4 << 30  # the largest table published, HHAR's, has 1.3 GB


class Archive:
    """The files of a data set as it was published.

    Since nothing is written under a name that the archive chose, its names cannot lead anywhere;
    and since no member is read beyond the size that it declares, checked before, a small file
    cannot fill memory or disk.

    Args:
        place: a folder, or a zip.
        inner: pattern of the name of a zip within the zip. When there is one, it is read instead;
            when there is none, the files are taken to lie in ``place`` itself.

    Raises:
        DataError: no such place, no zip, or damaged.
    """

    def __init__(self, place: Path, inner: str | None = None) -> None:
        self.place = place
        self._close = ExitStack()
        self._zip: zipfile.ZipFile | None = None
        if place.is_dir():
            self.names = tuple(
                sorted(
                    path.relative_to(place).as_posix()
                    for path in place.rglob("*")
                    if path.is_file()
                )
            )
            return
        self._zip = self._open_zip(place)
        nested = [
            name for name in self._zip.namelist() if inner is not None and re.search(inner, name)
        ]
        if nested:
            # A deflated member cannot be sought in, and a zip's index is at its end: a copy without
            # a name.
            copy = self._close.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  closed by the stack
            with self.open(nested[0]) as member:
                self._copy(member, copy, nested[0])
            self._zip = self._open_zip(copy)
        self.names = tuple(
            sorted(info.filename for info in self._zip.infolist() if not info.is_dir())
        )

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close.close()

    def match(self, pattern: str) -> dict[str, re.Match[str]]:
        """The files whose whole path ends in what the pattern describes, in order of their names.

        Raises:
            DataError: there is none.
        """
        matcher = re.compile(rf"(?:^|.*/)(?:{pattern})$")
        found = {name: match for name in self.names if (match := matcher.match(name))}
        if not found:
            raise DataError(
                f"{self.place} holds no file like {pattern}, it holds {self._some_names()}: this is not "
                "the data set as it was published, or not whole; get it again"
            )
        return found

    def each(self, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
        """What :meth:`match` finds, with a bar that moves as it is worked through."""
        found = self.match(pattern)
        yield from track(found.items(), f"reading {self.place.name}", len(found))

    def one(self, pattern: str) -> str:
        """The name of the file that the pattern describes, the first when there are several."""
        return next(iter(self.match(pattern)))

    def open(self, name: str) -> BinaryIO:
        """A file to read from.

        Raises:
            DataError: it cannot be read, is larger than any table published, or shrank too well for
            a table.
        """
        try:
            if self._zip is None:
                return (self.place / name).open("rb")
            info = self._zip.getinfo(name)
            grown = info.file_size > max(SMALL_BYTES, MAX_GROWTH * info.compress_size)
            if grown or info.file_size > MAX_MEMBER_BYTES:
                raise DataError(
                    f"{name} in {self.place} would grow from {info.compress_size >> 10} KiB to "
                    f"{info.file_size >> 20} MiB, more than {MAX_GROWTH} times or than "
                    f"{MAX_MEMBER_BYTES >> 30} GiB: this is not the archive as it was published"
                )
            return io.BufferedReader(_Member(self._zip.open(info), self, name))
        except (OSError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
            raise self._damaged(name, error) from error

    def numbers(self, name: str, **how: Any) -> npt.NDArray[Any]:
        """A table of numbers, read by :func:`numpy.loadtxt`; rows first, always (n, columns) or (n,) if structured.

        Raises:
            DataError: it cannot be read.
        """
        try:
            with self.open(name) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
                structured = np.dtype(how.get("dtype", float)).names is not None
                return np.loadtxt(text, ndmin=1 if structured else 2, **how)
        except ValueError as error:
            raise DataError(
                f"{name} in {self.place} is not the table that was published ({error}): get the data set "
                "again"
            ) from error

    def _open_zip(self, source: Path | BinaryIO) -> zipfile.ZipFile:
        try:
            return self._close.enter_context(zipfile.ZipFile(source))
        except FileNotFoundError:
            raise DataError(
                f"there is no {self.place}, expected a folder or a zip: check the path, it is looked up "
                f"from {Path.cwd()}"
            ) from None
        except (OSError, zipfile.BadZipFile) as error:
            raise self._damaged(self.place.name, error) from error

    def _copy(self, member: BinaryIO, copy: BinaryIO, name: str) -> None:
        try:
            shutil.copyfileobj(member, copy, 1 << 20)
        except OSError as error:
            raise DataError(
                f"{name} in {self.place} could not be copied to {tempfile.gettempdir()} "
                f"({error.strerror or error}): free some space there, or set TMPDIR to a place that has "
                "some"
            ) from error

    def _damaged(self, name: str, error: Exception) -> DataError:
        return DataError(
            f"{name} in {self.place} cannot be read ({error}): it is damaged or not a zip, get the data "
            "set again"
        )

    def _some_names(self) -> str:
        return (
            ", ".join(self.names[:3])
            + (f" and {len(self.names) - 3} more" if len(self.names) > 3 else "")
            or "none"
        )


class _Member(io.RawIOBase):
    """A zip's member, whose defects become one sentence wherever they are met."""

    def __init__(self, member: Any, archive: Archive, name: str) -> None:
        self._member, self._archive, self._name = member, archive, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._member.read(len(buffer))
        except Exception as error:  # decompressors raise about anything on damaged bytes
            raise self._archive._damaged(self._name, error) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._member.close()
        super().close()
