"""Recorded files, read whole: CSV, npz, and exports of the apps Sensor Logger and phyphox."""

from __future__ import annotations

import errno
from pathlib import Path

from edge_runtime.errors import SourceError
from edge_runtime.recordings.csv_file import read_csv, write_csv
from edge_runtime.recordings.npz_file import read_npz
from edge_runtime.recordings.phone_exports import (
    is_phyphox,
    read_phyphox,
    read_sensor_logger_json,
    read_sensor_logger_zip,
)
from edge_runtime.recordings.recording import Recording

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
    """Read one recording. The ending of the file name decides the format.

    Args:
        path: a ``.csv``, ``.npz``, ``.zip`` or ``.json`` file.
        rate_hz: samples per second, for a CSV or npz file without ``time_s``.
        recording: number of the recording, for an ``.npz`` data set that holds several.

    Raises:
        SourceError: the file is missing, is not a file, may not be read, has an unknown ending or
            unreadable contents, or does not take one of the options.
    """
    path = Path(path)
    if rate_hz is not None and not 0 < rate_hz < float("inf"):
        raise SourceError(
            f"rate_hz is {rate_hz:g}, expected a number above 0: give the samples per second of "
            f"{path}"
        )
    try:
        # Report a file that cannot be opened first, whatever its ending.
        with path.open("rb"):
            pass
        return _read(path, rate_hz, recording)
    except OSError as error:
        raise SourceError(_why_unreadable(path, error)) from error


def _read(path: Path, rate_hz: float | None, recording: int | None) -> Recording:
    ending = path.suffix.lower()
    if ending == ".npz":
        return read_npz(path, rate_hz=rate_hz, recording=recording)
    if ending not in _ENDINGS:
        endings = ", ".join(f"{name} ({what})" for name, what in _ENDINGS.items())
        raise SourceError(
            f"{path} ends in {ending!r}, expected one of {endings}: convert it to CSV"
        )
    if recording is not None:
        raise SourceError(
            f"{path} holds one recording, but recording={recording} was requested: remove that "
            "option"
        )
    if ending == ".csv" and not is_phyphox(path):
        return read_csv(path, rate_hz=rate_hz)
    if rate_hz is not None:
        raise SourceError(
            f"{path} has its own timestamps, but rate_hz={rate_hz:g} was given: remove that option"
        )
    if ending == ".json":
        return read_sensor_logger_json(path)
    if is_phyphox(path):
        return read_phyphox(path)
    return read_sensor_logger_zip(path)


def _why_unreadable(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"there is no file {path}: check the path, it is relative to {Path.cwd()}"
    if error.errno == errno.EISDIR:
        return f"{path} is a directory, expected one recorded file: name a file in it"
    if error.errno == errno.EACCES:
        return f"{path} may not be read by this user: chmod +r {path}"
    return f"{path} cannot be read ({error}): check the path"
