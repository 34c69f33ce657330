"""What the phyphox phone app exports as CSV: a zip with one table per sensor, or one of its tables.

The columns are ``Time (s)``, ``Acceleration x (m/s^2)`` and ``Gyroscope x (rad/s)``, with y and z;
``Linear Acceleration x (m/s^2)`` is without gravity. Other columns, and the folder ``meta``, are
passed over.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.recordings.recording import Recording
from edge_runtime.recordings.sensor_logger import AXES, MAX_TABLE_BYTES, Signal, to_recording
from edge_runtime.recordings.table import Table, read_table

TIME = "Time (s)"
ACCELERATION = tuple(f"Acceleration {axis} (m/s^2)" for axis in AXES)
GYROSCOPE = tuple(f"Gyroscope {axis} (rad/s)" for axis in AXES)
LINEAR = "Linear Acceleration x (m/s^2)"
HEADER_BYTES = 64


def is_phyphox(path: Path) -> bool:
    """Whether a table, or a table in a zip, begins with the app's column of times.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        if _is_table(file):
            return True
        try:
            with zipfile.ZipFile(file) as archive:
                for info in _tables(archive):
                    with archive.open(info) as member:
                        if _is_table(member):
                            return True
        except Exception:  # damaged, or no zip: the reader of other zips says so
            return False
    return False


def read_phyphox(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope when it was recorded, on the accelerometer's times.

    Raises:
        OSError: the file cannot be opened.
        SourceError: no accelerometer, or a table that cannot be read.
    """
    tables = _read_zip(path) if zipfile.is_zipfile(path) else [_read(path.read_bytes(), path.name)]
    acceleration = next(
        (signal for table in tables if (signal := _signal(table, ACCELERATION))), None
    )
    if acceleration is None:
        found = ", ".join(dict.fromkeys(column for table in tables for column in table.header))
        why = "which is without gravity, " if LINEAR in found else ""
        raise SourceError(
            f"{path.name} has the columns {found}, {why}expected {ACCELERATION[0]}, y and z: record with "
            'the experiment "Acceleration with g", or one of your own with accelerometer and gyroscope'
        )
    gyroscope = next((signal for table in tables if (signal := _signal(table, GYROSCOPE))), None)
    return to_recording(path.name, acceleration, gyroscope)


def _read_zip(path: Path) -> list[Table]:
    tables = []
    try:
        with zipfile.ZipFile(path) as archive:
            for info in _tables(archive):
                with archive.open(info) as member:
                    text = member.read(MAX_TABLE_BYTES + 1)
                if len(text) > MAX_TABLE_BYTES:
                    raise SourceError(
                        f"{info.filename} in {path.name} is larger than {MAX_TABLE_BYTES >> 20} MiB: "
                        "export a shorter recording"
                    )
                if _is_table(io.BytesIO(text)):
                    tables.append(_read(text, f"{info.filename} in {path.name}"))
    except (OSError, SourceError):
        raise
    except (
        Exception
    ) as error:  # zipfile and its decompressors raise about anything on a damaged file
        raise SourceError(
            f"{path.name} is damaged ({error}): export it from the app again"
        ) from error
    return tables


def _tables(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        info
        for info in archive.infolist()
        if info.filename.lower().endswith(".csv") and "meta/" not in info.filename
    ]


def _is_table(file: IO[bytes]) -> bool:
    head = file.read(HEADER_BYTES)
    file.seek(0)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b'"').startswith(TIME.encode())


def _read(text: bytes, name: str) -> Table:
    file = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8-sig")
    return read_table(file, name, (TIME, *ACCELERATION, *GYROSCOPE))


def _signal(table: Table, columns: tuple[str, ...]) -> Signal | None:
    if TIME not in table.columns or not all(column in table.columns for column in columns):
        return None
    return Signal(
        table.columns[TIME], np.stack([table.columns[column] for column in columns], axis=1)
    )
