"""Getting one large file: resumable, checked, and never half there under its own name."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import re
import shutil
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edge_runtime import __version__
from edge_runtime.errors import DataError, OutputError
from img2imu.progress import bar

BLOCK_BYTES = 1 << 18
TIMEOUT_S = 30.0  # without a byte


@dataclass(frozen=True)
class Fetched:
    """A file that is whole.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        checked: what it was compared with, for people; None when there was nothing to compare with.
        was_there: nothing had to be fetched.
    """

    path: Path
    sha256: str
    checked: str | None
    was_there: bool


def fetch_zip(
    url: str, path: Path, sha256: str | None = None, source: str = "the checksum given"
) -> Fetched:
    """Get a zip to ``path``, or check the one that is there.

    What has come so far is kept in ``NAME.part``, and the next call asks the server for the rest,
    if the file there is still the same one. The SHA-256 of the whole is written to ``NAME.sha256``.
    When no checksum is known, a file that is fetched again is compared with the one written then:
    trust on first use.

    Args:
        url: http or https.
        path: where to; its directory exists.
        sha256: that the file must have; None when none is known.
        source: where the checksum comes from, for people.

    Raises:
        DataError: no connection, an answer that is no such file, a connection that broke, or
        another checksum. OutputError: the disk is full, or the place cannot be written.
    """
    note = path.with_name(f"{path.name}.sha256")
    if sha256 is None and (written := _read_note(note)) is not None:
        sha256, source = written, f"{note.name}, written when it was fetched first"
    was_there = path.is_file()
    part = path if was_there else path.with_name(f"{path.name}.part")
    try:
        if not was_there:
            _fetch_rest(url, part)
        digest = _sha256(part)
        _check(part, path, digest, sha256, source)
        part.replace(path)
        if _read_note(note) != digest:
            note.write_text(
                f"{digest}  {path.name}\n", encoding="ascii"
            )  # as sha256sum -c reads it
        _tag_of(part).unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return Fetched(path, digest, source if sha256 else None, was_there)


def _fetch_rest(url: str, part: Path) -> None:
    have = part.stat().st_size if part.is_file() else 0
    with _open(url, have, _tag_of(part)) as response:
        if response.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _total(response) == have:
                return  # everything had come, and something after that went wrong
            part.unlink()
            return _fetch_rest(url, part)
        if response.status != http.client.PARTIAL_CONTENT or _first_byte(response) != have:
            have = 0  # the server begins anew: the file has changed, or it knows no ranges
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
        _tag_of(part).write_text(tag or "", encoding="utf-8")
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        _check_space(part, total, have)
        with part.open("ab" if have else "wb") as file:
            came = have + _copy(response, file, part, total, have)
    if total is not None and came < total:
        raise _broken(url, came, total, part)


def _open(url: str, have: int, tag: Path) -> http.client.HTTPResponse:
    if not url.startswith(("http://", "https://")):
        raise DataError(
            f"the address {url!r} begins neither with http:// nor with https://: correct --url"
        )
    headers = {"User-Agent": f"img2imu/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
        with contextlib.suppress(OSError):
            headers |= {"If-Range": version} if (version := tag.read_text(encoding="utf-8")) else {}
    try:
        response: http.client.HTTPResponse = (
            urllib.request.urlopen(  # only http(s) and whatever a user typed
                urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S
            )
        )
        return response
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return error  # type: ignore[return-value]  # an HTTPError is a response, too
        raise DataError(
            f"{url} answers {error.code} {error.reason}, expected the file: try later, look on the "
            "homepage where it has gone, and give --url"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{url} cannot be reached ({reason}): check the connection, and run the same command "
            "again"
        ) from error


def _copy(
    response: http.client.HTTPResponse, file: BinaryIO, part: Path, total: int | None, have: int
) -> int:
    """Bytes that came."""
    came = 0
    with bar(part.name.removesuffix(".part"), total, in_bytes=True, done=have) as advance:
        while True:
            try:
                block = response.read1(
                    BLOCK_BYTES
                )  # what has come, though less: none of it is lost
            except (OSError, http.client.HTTPException) as error:
                raise _broken(response.url, have + came, total, part) from error
            if not block:
                return came
            file.write(block)
            came += len(block)
            advance(len(block))


def _broken(url: str, came: int, total: int | None, part: Path) -> DataError:
    whole = f" of {mebibytes(total)}" if total is not None else ""
    return DataError(
        f"the connection to {url} ended after {mebibytes(came)}{whole}, which are kept in {part}: run the "
        "same command again, it goes on there"
    )


def _check_space(part: Path, total: int | None, have: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - have > free:
        raise OutputError(
            f"{part.parent} has {mebibytes(free)} free, the file needs {mebibytes(total - have)} more: "
            "free some space, or give another --dir"
        )


def _check(part: Path, path: Path, digest: str, sha256: str | None, source: str) -> None:
    if sha256 is not None and digest != sha256.lower():
        raise DataError(
            f"{part} has the sha256 {digest}, expected {sha256.lower()} ({source}): delete it and get it "
            f"again, or add --sha256 {digest} if the authors changed the file and you trust it"
        )
    if not zipfile.is_zipfile(part):
        with part.open("rb") as file:
            begin = file.read(40)
        if begin.startswith(b"PK"):
            raise DataError(
                f"{part} is a zip without its end: run the same command again, it goes on there, or delete "
                "it first if that does not help"
            )
        if part != path:
            part.unlink()
        raise DataError(
            f"what came for {path.name} is no zip, it begins with {begin!r}: look on the homepage where "
            "the file has gone, and give --url"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, bar("checksum", path.stat().st_size, in_bytes=True) as advance:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def _cannot_write(path: Path, error: OSError) -> OutputError:
    remedy = (
        "free some space and run the same command again, it goes on where it was"
        if error.errno == errno.ENOSPC
        else "give another --dir"
    )
    return OutputError(f"{path} cannot be written ({error.strerror or error}): {remedy}")


def _read_note(note: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if match := re.match(r"[0-9a-f]{64}\b", note.read_text(encoding="ascii")):
            return match[0]
    return None


def _tag_of(part: Path) -> Path:
    """Where the server's name for the version of the file is kept, so that two versions are never joined."""
    return part.with_name(f"{part.name}.tag")


def _first_byte(response: http.client.HTTPResponse) -> int | None:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return int(match[1]) if match else None


def _total(response: http.client.HTTPResponse) -> int | None:
    match = re.match(r"bytes \*/(\d+)", response.headers.get("Content-Range") or "")
    return int(match[1]) if match else None


def mebibytes(n: int) -> str:
    """For people."""
    return f"{n / 2**20:,.1f} MiB"
