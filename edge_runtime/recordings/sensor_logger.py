"""The zip that the Sensor Logger phone app exports: one table per sensor, each on its own times.

``Accelerometer.csv`` is without gravity (both platforms); ``TotalAcceleration.csv`` and ``Gravity.csv`` are switched
on in the app. On an iPhone, acceleration and gravity have the opposite sign of Android's, unless the app's
"Standardise Units & Frames" is on; the app's own notes say so (github.com/tszheichoi/awesome-sensor-logger,
CROSSPLATFORM.md), and ``Metadata.csv`` says which it was in its columns ``platform`` and ``standardisation``. The
sign is brought to Android's here, which is that of Linux IIO and the web. The gyroscope agrees on both.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import SourceError
from edge_runtime.recordings.recording import Recording
from edge_runtime.recordings.table import read_table

TOTAL, LINEAR, GRAVITY = "TotalAcceleration.csv", "Accelerometer.csv", "Gravity.csv"
GYROSCOPE, METADATA = "Gyroscope.csv", "Metadata.csv"
MAX_TABLE_BYTES = 512 << 20  # 30 hours at 50 Hz; a larger one is no recording of a motion
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class _Signal:
    """One sensor: times_s (n,) float64, values (n, 3) float64."""

    times_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


def read_sensor_logger(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope when it was recorded, on the accelerometer's times.

    Args:
        path: of the zip file. Its ``seconds_elapsed`` are the timestamps.

    Raises:
        OSError: the file cannot be opened.
        SourceError: not such an export, gravity was not recorded, a table that cannot be read, or sensors that were
            not on at the same time.
    """
    tables = _unzip(path)
    signal = _acceleration(path.name, tables)
    if _has_apple_signs(tables.get(METADATA, b"")):
        signal = _Signal(signal.times_s, -signal.values)
    sensors = ["acc"]
    if GYROSCOPE in tables:
        sensors.append("gyro")
        signal, gyroscope = _align(path.name, signal, _read_signal(path.name, GYROSCOPE, tables))
        signal = _Signal(signal.times_s, np.hstack([signal.values, gyroscope.values]))
    with np.errstate(over="ignore"):  # too large for float32: infinite, which the recogniser refuses
        samples = signal.values.astype(np.float32)
    channels = tuple(f"{sensor}_{axis}" for sensor in sensors for axis in AXES)
    return Recording(path.name, signal.times_s, samples, channels)


def _unzip(path: Path) -> dict[str, bytes]:
    """The tables we know by name, in the root of the zip or in a folder (a phone's folder zipped again by hand)."""
    known: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = PurePosixPath(info.filename).name
                if name not in (TOTAL, LINEAR, GRAVITY, GYROSCOPE, METADATA):
                    continue
                if name in known:
                    raise SourceError(f"{path.name} holds {name} twice, expected one recording: zip each recording "
                                      "on its own")
                with archive.open(info) as member:
                    known[name] = member.read(MAX_TABLE_BYTES + 1)
                if len(known[name]) > MAX_TABLE_BYTES:
                    raise SourceError(f"{name} in {path.name} is larger than {MAX_TABLE_BYTES >> 20} MiB: export a "
                                      "shorter recording")
    except (OSError, SourceError):
        raise
    except Exception as error:  # zipfile and its decompressors raise about anything on a damaged file
        raise SourceError(f"{path.name} is not a zip file or is damaged ({error}): export it from the app again "
                          "without a password") from error
    return known


def _acceleration(name: str, tables: dict[str, bytes]) -> _Signal:
    if TOTAL in tables:
        return _read_signal(name, TOTAL, tables)
    if LINEAR not in tables:
        raise SourceError(f"{name} holds neither {TOTAL} nor {LINEAR}, expected an export of the Sensor Logger app: "
                          "switch on Total Acceleration in the app and record again")
    if GRAVITY not in tables:
        raise SourceError(f"{name} holds {LINEAR} alone, which is without gravity, expected {GRAVITY} or {TOTAL} "
                          "beside it: switch on Gravity or Total Acceleration in the app and record again")
    linear, gravity = _align(name, _read_signal(name, LINEAR, tables), _read_signal(name, GRAVITY, tables))
    return _Signal(linear.times_s, linear.values + gravity.values)


def _read_signal(name: str, table_name: str, tables: dict[str, bytes]) -> _Signal:
    wanted = ("seconds_elapsed", *AXES)
    where = f"{table_name} in {name}"
    table = read_table(io.TextIOWrapper(io.BytesIO(tables[table_name]), encoding="utf-8-sig"), where, wanted)
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise SourceError(f"{where} lacks the columns {', '.join(missing)}, its columns are {', '.join(table.header)}: "
                          "export the recording as CSV from the app again")
    return _Signal(table.columns["seconds_elapsed"], np.stack([table.columns[axis] for axis in AXES], axis=1))


def _align(name: str, first: _Signal, second: _Signal) -> tuple[_Signal, _Signal]:
    """Both on the times of ``first``, cut to the time that both cover; ``second`` is interpolated linearly."""
    newest = np.fmax.accumulate(second.times_s)
    increasing = np.concatenate([[not np.isnan(newest[0])], second.times_s[1:] > newest[:-1]])
    times, values = second.times_s[increasing], second.values[increasing]
    if len(times) == 0:
        raise SourceError(f"{name} has a sensor whose seconds_elapsed are no numbers: export it from the app again")
    common = (first.times_s >= times[0]) & (first.times_s <= times[-1])
    if not common.any():
        start_s, end_s = np.fmin.reduce(first.times_s), np.fmax.reduce(first.times_s)
        raise SourceError(f"{name} has one sensor from {start_s:g} to {end_s:g} s and another from {times[0]:g} to "
                          f"{times[-1]:g} s, expected sensors that were on at the same time: record it again")
    at = first.times_s[common]
    interpolated = np.stack([np.interp(at, times, values[:, axis]) for axis in range(values.shape[1])], axis=1)
    return _Signal(at, first.values[common]), _Signal(at, interpolated)


def _has_apple_signs(metadata: bytes) -> bool:
    """Whether the recording comes from an iPhone with "Standardise Units & Frames" off (its default)."""
    lines = csv.reader(io.StringIO(metadata.decode("utf-8-sig", errors="replace")))
    try:
        header, values = next(lines, []), next(lines, [])
    except csv.Error:
        return False
    facts = {name.strip().lower(): value.strip().lower() for name, value in zip(header, values, strict=False)}
    return facts.get("platform") == "ios" and facts.get("standardisation") != "true"
