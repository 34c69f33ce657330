"""Recorded files, read whole: the toolkit's CSV and npz, and what the phone apps Sensor Logger and phyphox export."""

from __future__ import annotations

import errno
from pathlib import Path

from edge_runtime.errors import SourceError
from edge_runtime.recordings.csv_file import read_csv, write_csv
from edge_runtime.recordings.npz_file import read_npz
from edge_runtime.recordings.phyphox import is_phyphox, read_phyphox
from edge_runtime.recordings.recording import Recording
from edge_runtime.recordings.sensor_logger import read_sensor_logger
from edge_runtime.recordings.sensor_logger_json import read_sensor_logger_json

__all__ = ["Recording", "read_recording", "write_csv"]

_ENDINGS = {
    ".csv": "a table with a header",
    ".npz": "numpy arrays",
    ".zip": "an export of the Sensor Logger or phyphox app",
    ".json": "an export of the Sensor Logger app",
}


def read_recording(
    path: str | Path, *, rate_hz: float | None = None, recording: int | None = None
) -> Recording:
    """Read one recording; the ending of the file's name says how.

    Args:
        path: of a ``.csv``, ``.npz``, ``.zip`` or ``.json`` file.
        rate_hz: samples per second, for a CSV or npz file that has no ``time_s``.
        recording: which one, for a data set in an ``.npz`` file that holds several.

    Raises:
        SourceError: no such file, not a file, no permission, an unknown ending, contents that
            cannot be read, or an option that this file has no use for.
    """
    path = Path(path)
    if rate_hz is not None and not 0 < rate_hz < float("inf"):
        raise SourceError(
            f"rate_hz is {rate_hz:g}, expected a number above 0: give the samples per second of {path}"
        )
    try:
        with path.open(
            "rb"
        ):  # a file that cannot be opened is the first thing to say, whatever its ending
            pass
        return _read(path, rate_hz, recording)
    except OSError as error:
        raise SourceError(_why_unreadable(path, error)) from error


def _read(path: Path, rate_hz: float | None, recording: int | None) -> Recording:
    ending = path.suffix.lower()
    if ending == ".npz":
        return read_npz(path, rate_hz=rate_hz, recording=recording)
    if ending not in _ENDINGS:
        known = ", ".join(f"{name} ({what})" for name, what in _ENDINGS.items())
        raise SourceError(f"{path} ends in {ending!r}, expected one of {known}: convert it to CSV")
    if recording is not None:
        raise SourceError(
            f"{path} holds one recording, but recording={recording} was asked for: leave that out"
        )
    if ending == ".csv" and not is_phyphox(path):
        return read_csv(path, rate_hz=rate_hz)
    if rate_hz is not None:
        raise SourceError(
            f"{path} has its own timestamps, but rate_hz={rate_hz:g} was given: leave that out"
        )
    if ending == ".json":
        return read_sensor_logger_json(path)
    return read_phyphox(path) if is_phyphox(path) else read_sensor_logger(path)


def _why_unreadable(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"there is no file {path}: check the path, it is looked up from {Path.cwd()}"
    if error.errno == errno.EISDIR:
        return f"{path} is a directory, expected one recorded file: name a file in it"
    if error.errno == errno.EACCES:
        return f"{path} may not be read by this user: chmod +r {path}"
    return f"{path} cannot be read ({error}): check the path"
