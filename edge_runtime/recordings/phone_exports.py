"""Recordings that the phone apps Sensor Logger and phyphox export.

**Sensor Logger** exports a zip with one CSV table per sensor, each with its own times, or one JSON
list with the readings of all sensors, every field a string::

    [{"sensor": "TotalAcceleration", "time": "1698501144401773000", "seconds_elapsed": "0.02",
      "x": "..", "y": "..", "z": ".."}, ..]

``Accelerometer`` is without gravity on both platforms. ``TotalAcceleration`` and ``Gravity`` have
to be switched on in the app. On an iPhone, acceleration and gravity have the opposite sign of
Android's, unless the app's option "Standardise Units & Frames" is on. The metadata, a table or an
entry with ``"sensor": "Metadata"``, says which it was (``platform``, ``standardisation``). See
CROSSPLATFORM.md at github.com/tszheichoi/awesome-sensor-logger. The readers here always return
Android's sign, which is also that of Linux IIO and the web. The gyroscope's sign is the same on
both.

**phyphox** exports a zip with one CSV table per sensor, or a single table. The columns are
``Time (s)``, ``Acceleration x (m/s^2)`` and ``Gyroscope x (rad/s)``, with y and z.
``Linear Acceleration x (m/s^2)`` is without gravity. Other columns and the folder ``meta`` are
ignored.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.errors import SourceError
from edge_runtime.recordings.csv_file import Table, read_table
from edge_runtime.recordings.recording import Recording, as_float32

MAX_TABLE_BYTES = 512 << 20  # 30 hours at 50 Hz, more than any recording of a motion

# Sensor Logger: tables of the zip. The JSON names the same sensors, without ".csv".
TOTAL = "TotalAcceleration.csv"
LINEAR = "Accelerometer.csv"
GRAVITY = "Gravity.csv"
GYROSCOPE = "Gyroscope.csv"
METADATA = "Metadata.csv"
READING_FIELDS = ("seconds_elapsed", "x", "y", "z")

# phyphox: columns of its tables.
PHYPHOX_TIME = "Time (s)"
PHYPHOX_ACCELERATION = tuple(f"Acceleration {axis} (m/s^2)" for axis in "xyz")
PHYPHOX_GYROSCOPE = tuple(f"Gyroscope {axis} (rad/s)" for axis in "xyz")
PHYPHOX_LINEAR_X = "Linear Acceleration x (m/s^2)"
PHYPHOX_HEADER_BYTES = 64


@dataclass(frozen=True)
class Signal:
    """One three-axis sensor.

    Attributes:
        times_s: (n,) float64.
        values: (n, 3) float64.
    """

    times_s: Float64Array
    values: Float64Array


def read_sensor_logger_zip(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope if it was recorded.

    The times are the ``seconds_elapsed`` of the accelerometer.

    Raises:
        OSError: the file cannot be opened.
        SourceError: the zip is not an export of the app, gravity was not recorded, a table cannot
            be read, or the sensors were not on at the same time.
    """
    tables = _sensor_logger_tables(path)
    sensors = {
        name: partial(_sensor_logger_signal, text, f"{name} in {path.name}")
        for name, text in tables.items()
        if name != METADATA
    }
    metadata = _first_row(tables.get(METADATA, b""))
    return _sensor_logger_recording(path.name, sensors, metadata)


def _sensor_logger_tables(path: Path) -> dict[str, bytes]:
    """Return the app's tables by name, from the root of the zip or any folder in it.

    A user may have zipped the folder that a phone made.
    """
    tables: dict[str, bytes] = {}
    with _open_zip(path) as archive:
        for info in archive.infolist():
            name = PurePosixPath(info.filename).name
            if name not in (TOTAL, LINEAR, GRAVITY, GYROSCOPE, METADATA):
                continue
            if name in tables:
                raise SourceError(
                    f"{path.name} holds {name} twice, expected one recording: zip each recording "
                    "separately"
                )
            tables[name] = _read_member(archive, info, f"{name} in {path.name}")
    return tables


def _sensor_logger_signal(text: bytes, name: str) -> Signal:
    table = read_table(_as_text(text), name, READING_FIELDS)
    missing = [column for column in READING_FIELDS if column not in table.columns]
    if missing:
        raise SourceError(
            f"{name} lacks the columns {', '.join(missing)}, its columns are "
            f"{', '.join(table.header)}: export the recording as CSV from the app again"
        )
    times_s, *axes = (table.columns[column] for column in READING_FIELDS)
    return Signal(times_s, np.stack(axes, axis=1))


def _first_row(table: bytes) -> dict[str, str]:
    """Return the first row of a CSV table by column name, empty if the table is unreadable."""
    lines = csv.reader(io.StringIO(table.decode("utf-8-sig", errors="replace")))
    try:
        header = next(lines, [])
        values = next(lines, [])
    except csv.Error:
        return {}
    return dict(zip((name.strip() for name in header), values, strict=False))


def read_sensor_logger_json(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope if it was recorded.

    The times are the ``seconds_elapsed`` of the accelerometer.

    Raises:
        OSError: the file cannot be opened.
        SourceError: the file is not an export of the app, gravity was not recorded, a reading is
            malformed, or the sensors were not on at the same time.
    """
    with path.open("rb") as file:
        text = file.read(MAX_TABLE_BYTES + 1)
    _check_size(text, path.name)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path.name} is not JSON ({str(error)[:120]}): export it from the app again"
        ) from error
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise SourceError(
            f"{path.name} holds no list of readings, expected an export of the Sensor Logger app: "
            "export it again as JSON, or as a zip of CSV"
        )
    readings: dict[str, list[dict[str, Any]]] = {}
    for entry in document:
        readings.setdefault(str(entry.get("sensor")), []).append(entry)
    metadata = {key: str(value) for key, value in readings.pop("Metadata", [{}])[0].items()}
    sensors = {
        f"{name}.csv": partial(_json_signal, path.name, name, entries)
        for name, entries in readings.items()
    }
    return _sensor_logger_recording(path.name, sensors, metadata)


def _json_signal(name: str, sensor: str, entries: list[dict[str, Any]]) -> Signal:
    rows = []
    for number, entry in enumerate(entries, 1):
        try:
            rows.append([float(entry[field]) for field in READING_FIELDS])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise SourceError(
                f"reading {number} of {sensor} in {name} is {str(entry)[:80]}, expected numbers in "
                f"{', '.join(READING_FIELDS)}: remove it, or export the recording again"
            ) from None
    table = np.array(rows)
    return Signal(table[:, 0], table[:, 1:])


def _sensor_logger_recording(
    name: str, sensors: Mapping[str, Callable[[], Signal]], metadata: Mapping[str, str]
) -> Recording:
    """Combine acceleration with gravity, from whichever sensors hold it, and the gyroscope.

    Args:
        name: file name, for messages.
        sensors: name of a sensor's table to a function that reads it. Sensors that are not needed
            are not read.
        metadata: with the keys ``platform`` and ``standardisation``.

    Raises:
        SourceError: gravity was not recorded, or the sensors were not on at the same time.
    """
    acceleration = _sensor_logger_acceleration(name, sensors)
    facts = {key.lower(): value.strip().lower() for key, value in metadata.items()}
    if facts.get("platform") == "ios" and facts.get("standardisation") != "true":
        acceleration = Signal(acceleration.times_s, -acceleration.values)
    gyroscope = sensors[GYROSCOPE]() if GYROSCOPE in sensors else None
    return _to_recording(name, acceleration, gyroscope)


def _sensor_logger_acceleration(name: str, sensors: Mapping[str, Callable[[], Signal]]) -> Signal:
    if TOTAL in sensors:
        return sensors[TOTAL]()
    if LINEAR not in sensors:
        raise SourceError(
            f"{name} holds neither {TOTAL} nor {LINEAR}, expected an export of the Sensor Logger "
            "app: switch on Total Acceleration in the app and record again"
        )
    if GRAVITY not in sensors:
        raise SourceError(
            f"{name} holds only {LINEAR}, which is without gravity, expected {GRAVITY} or {TOTAL} "
            "too: switch on Gravity or Total Acceleration in the app and record again"
        )
    linear, gravity = _align(name, sensors[LINEAR](), sensors[GRAVITY]())
    return Signal(linear.times_s, linear.values + gravity.values)


def is_phyphox(path: Path) -> bool:
    """Return whether a CSV table, or a table in a zip, begins with phyphox's column of times.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        if _is_phyphox_table(file):
            return True
        # A damaged zip, or a file that is no zip, is reported by the reader that comes next.
        with contextlib.suppress(Exception), zipfile.ZipFile(file) as archive:
            for info in _phyphox_members(archive):
                with archive.open(info) as member:
                    if _is_phyphox_table(member):
                        return True
    return False


def read_phyphox(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope if it was recorded.

    The times are the accelerometer's.

    Raises:
        OSError: the file cannot be opened.
        SourceError: there is no accelerometer, a table cannot be read, or the sensors were not on
            at the same time.
    """
    tables = _phyphox_tables(path)
    acceleration = _phyphox_signal(tables, PHYPHOX_ACCELERATION)
    if acceleration is None:
        columns = ", ".join(dict.fromkeys(column for table in tables for column in table.header))
        without_gravity = "which is without gravity, " if PHYPHOX_LINEAR_X in columns else ""
        raise SourceError(
            f"{path.name} has the columns {columns}, {without_gravity}expected "
            f"{PHYPHOX_ACCELERATION[0]}, y and z: record with the experiment "
            '"Acceleration with g", or one of your own with accelerometer and gyroscope'
        )
    return _to_recording(path.name, acceleration, _phyphox_signal(tables, PHYPHOX_GYROSCOPE))


def _phyphox_tables(path: Path) -> list[Table]:
    if not zipfile.is_zipfile(path):
        return [_read_phyphox_table(path.read_bytes(), path.name)]
    tables = []
    with _open_zip(path) as archive:
        for info in _phyphox_members(archive):
            name = f"{info.filename} in {path.name}"
            text = _read_member(archive, info, name)
            if _is_phyphox_table(io.BytesIO(text)):
                tables.append(_read_phyphox_table(text, name))
    return tables


def _phyphox_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        info
        for info in archive.infolist()
        if info.filename.lower().endswith(".csv") and "meta/" not in info.filename
    ]


def _is_phyphox_table(file: IO[bytes]) -> bool:
    head = file.read(PHYPHOX_HEADER_BYTES)
    file.seek(0)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b'"').startswith(PHYPHOX_TIME.encode())


def _read_phyphox_table(text: bytes, name: str) -> Table:
    columns = (PHYPHOX_TIME, *PHYPHOX_ACCELERATION, *PHYPHOX_GYROSCOPE)
    return read_table(_as_text(text), name, columns)


def _phyphox_signal(tables: list[Table], axes: tuple[str, ...]) -> Signal | None:
    """Return the three columns ``axes`` of the first table that has them."""
    for table in tables:
        if all(column in table.columns for column in (PHYPHOX_TIME, *axes)):
            values = np.stack([table.columns[column] for column in axes], axis=1)
            return Signal(table.columns[PHYPHOX_TIME], values)
    return None


def _to_recording(name: str, acceleration: Signal, gyroscope: Signal | None) -> Recording:
    """Return one recording of both sensors, on the accelerometer's times.

    Raises:
        SourceError: the sensors were not on at the same time.
    """
    sensors = ["acc"]
    times_s = acceleration.times_s
    values = acceleration.values
    if gyroscope is not None:
        sensors.append("gyro")
        acceleration, gyroscope = _align(name, acceleration, gyroscope)
        times_s = acceleration.times_s
        values = np.hstack([acceleration.values, gyroscope.values])
    channels = tuple(f"{sensor}_{axis}" for sensor in sensors for axis in "xyz")
    return Recording(name, times_s, as_float32(values), channels)


def _align(name: str, first: Signal, second: Signal) -> tuple[Signal, Signal]:
    """Return both signals on the times of ``first``, cut to the span that both cover.

    ``second`` is interpolated linearly. Its samples whose time runs backwards are left out.

    Raises:
        SourceError: the signals do not overlap in time.
    """
    newest = np.fmax.accumulate(second.times_s)
    increasing = np.concatenate([[not np.isnan(newest[0])], second.times_s[1:] > newest[:-1]])
    times_s = second.times_s[increasing]
    values = second.values[increasing]
    if len(times_s) == 0:
        raise SourceError(
            f"{name} has a sensor whose seconds_elapsed are not numbers: export it from the app "
            "again"
        )
    common = (first.times_s >= times_s[0]) & (first.times_s <= times_s[-1])
    if not common.any():
        start_s = np.fmin.reduce(first.times_s)
        end_s = np.fmax.reduce(first.times_s)
        raise SourceError(
            f"{name} has one sensor from {start_s:g} to {end_s:g} s and another from "
            f"{times_s[0]:g} to {times_s[-1]:g} s, expected sensors that were on at the same time: "
            "record it again"
        )
    common_s = first.times_s[common]
    interpolated = np.stack([np.interp(common_s, times_s, axis) for axis in values.T], axis=1)
    return Signal(common_s, first.values[common]), Signal(common_s, interpolated)


@contextlib.contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file. Whatever is wrong with it inside the block becomes a SourceError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, SourceError):
        raise
    # zipfile and its decompressors raise almost anything on a damaged file.
    except Exception as error:
        raise SourceError(
            f"{path.name} is not a zip file or is damaged ({error}): export it from the app again "
            "without a password"
        ) from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    with archive.open(info) as member:
        text = member.read(MAX_TABLE_BYTES + 1)
    _check_size(text, name)
    return text


def _check_size(text: bytes, name: str) -> None:
    if len(text) > MAX_TABLE_BYTES:
        raise SourceError(
            f"{name} is larger than {MAX_TABLE_BYTES >> 20} MiB: export a shorter recording"
        )


def _as_text(text: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8-sig")
