"""Download a published data set as one zip, and read its files in place, without unpacking."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import io
import re
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from edge_runtime import __version__
from edge_runtime.errors import DataError, OutputError
from img2imu.progress import bar, track

BLOCK_BYTES = 1 << 18
TIMEOUT_S = 30.0  # without receiving a byte

# A text table of sensor values compresses to a quarter or a tenth of its size. A member that
# compresses better than MAX_GROWTH is not such a table.
MAX_GROWTH = 100
SMALL_BYTES = 1 << 20  # a member of this size is harmless, however well it was compressed
MAX_MEMBER_BYTES = 4 << 30  # the largest published table, HHAR's, has 1.3 GB


@dataclass(frozen=True)
class Download:
    """A complete file.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        checked: the source of the checksum that it was compared with, human-readable; None if
            there was no checksum.
        was_there: the file existed already.
    """

    path: Path
    sha256: str
    checked: str | None
    was_there: bool


def fetch_zip(
    url: str, path: Path, sha256: str | None = None, source: str = "the checksum given"
) -> Download:
    """Download a zip to ``path``, or check the one that is there.

    A partial download is kept in ``NAME.part``. The next call asks the server for the rest, if the
    file there is still the same. The SHA-256 of the complete file is written to ``NAME.sha256``.
    Without a known checksum, a later download is compared with that one: trust on first use.

    Args:
        url: http or https.
        path: of the file to write. Its directory must exist.
        sha256: that the file must have; None if unknown.
        source: where the checksum comes from, human-readable.

    Raises:
        DataError: no connection, the server has no such file, the connection broke, or the
            checksum differs.
        OutputError: the disk is full, or the file cannot be written.
    """
    note = path.with_name(f"{path.name}.sha256")
    if sha256 is None and (noted := _read_note(note)) is not None:
        sha256 = noted
        source = f"{note.name}, written at the first download"
    was_there = path.is_file()
    part = path if was_there else path.with_name(f"{path.name}.part")
    try:
        if not was_there:
            _fetch_rest(url, part)
        digest = _sha256_of(part)
        _check_download(part, path, digest, sha256, source)
        part.replace(path)
        if _read_note(note) != digest:
            # The format that sha256sum -c reads.
            note.write_text(f"{digest}  {path.name}\n", encoding="ascii")
        _tag_file(part).unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return Download(path, digest, source if sha256 else None, was_there)


def mebibytes(n_bytes: int) -> str:
    """Return a size as text, such as ``1.5 MiB``."""
    return f"{n_bytes / 2**20:,.1f} MiB"


def _fetch_rest(url: str, part: Path) -> None:
    """Append to ``part`` what is missing of the file."""
    have = part.stat().st_size if part.is_file() else 0
    with _request(url, have, _tag_file(part)) as response:
        if response.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _total_bytes(response) == have:
                return  # the file was complete, and a later step failed
            part.unlink()
            return _fetch_rest(url, part)
        if response.status != http.client.PARTIAL_CONTENT or _first_byte(response) != have:
            have = 0  # the server sends the whole file: it has changed, or ranges are unsupported
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
        _tag_file(part).write_text(tag or "", encoding="utf-8")
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        _check_space(part, total, have)
        with part.open("ab" if have else "wb") as file:
            received = have + _receive(response, file, part, total, have)
    if total is not None and received < total:
        raise _connection_ended(url, received, total, part)


def _request(url: str, have: int, tag_file: Path) -> http.client.HTTPResponse:
    """Ask for the bytes from ``have`` on, if the server still has the version in ``tag_file``."""
    if not url.startswith(("http://", "https://")):
        raise DataError(
            f"the address {url!r} begins neither with http:// nor with https://: correct --url"
        )
    headers = {"User-Agent": f"img2imu/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
        with contextlib.suppress(OSError):
            if tag := tag_file.read_text(encoding="utf-8"):
                headers["If-Range"] = tag
    try:
        request = urllib.request.Request(url, headers=headers)
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)
        return response
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return error  # type: ignore[return-value]  # an HTTPError is a response too
        raise DataError(
            f"{url} answers {error.code} {error.reason}, expected the file: try again later, or "
            "look for its new address on the homepage and give that with --url"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{url} cannot be reached ({reason}): check the connection, and run the same command "
            "again"
        ) from error


def _receive(
    response: http.client.HTTPResponse, file: BinaryIO, part: Path, total: int | None, have: int
) -> int:
    """Write the response to a file. Returns the number of bytes."""
    received = 0
    with bar(part.name.removesuffix(".part"), total, in_bytes=True, done=have) as advance:
        while True:
            try:
                # read1 returns what has arrived, even if it is less: none of it is lost.
                block = response.read1(BLOCK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _connection_ended(response.url, have + received, total, part) from error
            if not block:
                return received
            file.write(block)
            received += len(block)
            advance(len(block))


def _connection_ended(url: str, received: int, total: int | None, part: Path) -> DataError:
    of_total = f" of {mebibytes(total)}" if total is not None else ""
    return DataError(
        f"the connection to {url} ended after {mebibytes(received)}{of_total}, which are kept in "
        f"{part}: run the same command again to continue there"
    )


def _check_space(part: Path, total: int | None, have: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - have > free:
        raise OutputError(
            f"{part.parent} has {mebibytes(free)} free, the file needs {mebibytes(total - have)} "
            "more: free some space, or give another --dir"
        )


def _check_download(part: Path, path: Path, digest: str, sha256: str | None, source: str) -> None:
    if sha256 is not None and digest != sha256.lower():
        raise DataError(
            f"{part} has the sha256 {digest}, expected {sha256.lower()} ({source}): delete it and "
            f"get it again, or add --sha256 {digest} if the authors changed the file and you trust "
            "it"
        )
    if zipfile.is_zipfile(part):
        return
    with part.open("rb") as file:
        begin = file.read(40)
    if begin.startswith(b"PK"):
        raise DataError(
            f"{part} is a zip without its end: run the same command again to continue there, or "
            "delete it first if that does not help"
        )
    if part != path:
        part.unlink()
    raise DataError(
        f"the answer for {path.name} is not a zip, it begins with {begin!r}: look for the file on "
        "the homepage, and give its address with --url"
    )


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, bar("checksum", path.stat().st_size, in_bytes=True) as advance:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def _cannot_write(path: Path, error: OSError) -> OutputError:
    if error.errno == errno.ENOSPC:
        remedy = "free some space and run the same command again to continue there"
    else:
        remedy = "give another --dir"
    return OutputError(f"{path} cannot be written ({error.strerror or error}): {remedy}")


def _read_note(note: Path) -> str | None:
    """Return the checksum in a file that ``sha256sum -c`` can read; None if there is none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if match := re.match(r"[0-9a-f]{64}\b", note.read_text(encoding="ascii")):
            return match[0]
    return None


def _tag_file(part: Path) -> Path:
    """Return the file that holds the server's tag of the version, so versions never mix."""
    return part.with_name(f"{part.name}.tag")


def _first_byte(response: http.client.HTTPResponse) -> int | None:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return int(match[1]) if match else None


def _total_bytes(response: http.client.HTTPResponse) -> int | None:
    match = re.match(r"bytes \*/(\d+)", response.headers.get("Content-Range") or "")
    return int(match[1]) if match else None


class Archive:
    """The files of a published data set: in a folder, in a zip, or in a zip inside a zip.

    Nothing is written under a name from the archive, so its names cannot lead anywhere. No member
    is read beyond its declared size, which is checked before, so a small file cannot fill memory or
    disk.

    Args:
        place: a folder, or a zip.
        inner: pattern of the name of a zip inside the zip. If there is such a zip, it is read.
            Otherwise the files are expected in ``place`` itself.

    Attributes:
        names: of all files, sorted.

    Raises:
        DataError: no such place, not a zip, or damaged.
    """

    def __init__(self, place: Path, inner: str | None = None) -> None:
        self.place = place
        self._close = ExitStack()
        self._zip: zipfile.ZipFile | None = None
        if place.is_dir():
            files = (path for path in place.rglob("*") if path.is_file())
            self.names = tuple(sorted(path.relative_to(place).as_posix() for path in files))
            return
        self._zip = self._open_zip(place)
        nested = [
            name for name in self._zip.namelist() if inner is not None and re.search(inner, name)
        ]
        if nested:
            # A compressed member cannot be sought in, and a zip's index is at its end. So the
            # nested zip is copied to a temporary file without a name.
            copy = self._close.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  closed by the stack
            with self.open(nested[0]) as member:
                self._copy_member(member, copy, nested[0])
            self._zip = self._open_zip(copy)
        members = (member for member in self._zip.infolist() if not member.is_dir())
        self.names = tuple(sorted(member.filename for member in members))

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close.close()

    def find_all(self, pattern: str) -> dict[str, re.Match[str]]:
        """Return the files whose path ends in what the pattern describes, in order of their names.

        Raises:
            DataError: there is none.
        """
        matcher = re.compile(rf"(?:^|.*/)(?:{pattern})$")
        matches = {name: match for name in self.names if (match := matcher.match(name))}
        if not matches:
            raise DataError(
                f"{self.place} holds no file like {pattern}, it holds {self._some_names()}: this "
                "is not the data set as it was published, or it is incomplete; get it again"
            )
        return matches

    def walk(self, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Yield what :meth:`find_all` returns, and draw a progress bar.

        Raises:
            DataError: there is none.
        """
        matches = self.find_all(pattern)
        yield from track(matches.items(), f"reading {self.place.name}", len(matches))

    def find(self, pattern: str) -> str:
        """Return the name of the file that the pattern describes, the first if there are several.

        Raises:
            DataError: there is none.
        """
        return next(iter(self.find_all(pattern)))

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            DataError: it cannot be read, is larger than any published table, or was compressed too
                well for a table.
        """
        try:
            if self._zip is None:
                return (self.place / name).open("rb")
            info = self._zip.getinfo(name)
            is_bomb = info.file_size > max(SMALL_BYTES, MAX_GROWTH * info.compress_size)
            if is_bomb or info.file_size > MAX_MEMBER_BYTES:
                raise DataError(
                    f"{name} in {self.place} would grow from {info.compress_size >> 10} KiB to "
                    f"{info.file_size >> 20} MiB, more than {MAX_GROWTH} times or than "
                    f"{MAX_MEMBER_BYTES >> 30} GiB: this is not the archive as it was published"
                )
            return io.BufferedReader(_Member(self._zip.open(info), self, name))
        except (OSError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
            raise self._damaged(name, error) from error

    def read_table(self, name: str, **options: Any) -> npt.NDArray[Any]:
        """Read a table of numbers with :func:`numpy.loadtxt`.

        Args:
            name: of the file.
            **options: of :func:`numpy.loadtxt`.

        Returns:
            (rows, columns), or (rows,) for a structured ``dtype``.

        Raises:
            DataError: it cannot be read.
        """
        try:
            with self.open(name) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
                structured = np.dtype(options.get("dtype", float)).names is not None
                return np.loadtxt(text, ndmin=1 if structured else 2, **options)
        except ValueError as error:
            raise DataError(
                f"{name} in {self.place} is not the table that was published ({error}): get the "
                "data set again"
            ) from error

    def _open_zip(self, source: Path | BinaryIO) -> zipfile.ZipFile:
        try:
            return self._close.enter_context(zipfile.ZipFile(source))
        except FileNotFoundError:
            raise DataError(
                f"there is no {self.place}, expected a folder or a zip: check the path, it is "
                f"looked up from {Path.cwd()}"
            ) from None
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise self._damaged(self.place.name, error) from error

    def _copy_member(self, member: BinaryIO, copy: BinaryIO, name: str) -> None:
        try:
            shutil.copyfileobj(member, copy, 1 << 20)
        except OSError as error:
            raise DataError(
                f"{name} in {self.place} could not be copied to {tempfile.gettempdir()} "
                f"({error.strerror or error}): free some space there, or set TMPDIR to a place "
                "that has some"
            ) from error

    def _damaged(self, name: str, error: Exception) -> DataError:
        return DataError(
            f"{name} in {self.place} cannot be read ({error}): it is damaged or not a zip, get the "
            "data set again"
        )

    def _some_names(self) -> str:
        if not self.names:
            return "none"
        more = f" and {len(self.names) - 3} more" if len(self.names) > 3 else ""
        return ", ".join(self.names[:3]) + more


class _Member(io.RawIOBase):
    """A member of a zip. Any damage found while reading becomes one :class:`DataError`."""

    def __init__(self, member: Any, archive: Archive, name: str) -> None:
        self._member = member
        self._archive = archive
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._member.read(len(buffer))
        # On damaged bytes decompressors raise almost any exception.
        except Exception as error:
            raise self._archive._damaged(self._name, error) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._member.close()
        super().close()
