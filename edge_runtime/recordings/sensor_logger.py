"""The zip that the Sensor Logger phone app exports: one table per sensor, each on its own times.

``Accelerometer.csv`` is without gravity (both platforms); ``TotalAcceleration.csv`` and
``Gravity.csv`` are switched on in the app. On an iPhone, acceleration and gravity have the opposite
sign of Android's, unless the app's "Standardise Units & Frames" is on; the app's own notes say so
(github.com/tszheichoi/awesome-sensor-logger, CROSSPLATFORM.md), and ``Metadata.csv`` says which it
was in its columns ``platform`` and ``standardisation``. The sign is brought to Android's here,
which is that of Linux IIO and the web. The gyroscope agrees on both.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.errors import SourceError
from edge_runtime.recordings.recording import Recording
from edge_runtime.recordings.table import read_table

TOTAL, LINEAR, GRAVITY = "TotalAcceleration.csv", "Accelerometer.csv", "Gravity.csv"
GYROSCOPE, METADATA = "Gyroscope.csv", "Metadata.csv"
MAX_TABLE_BYTES = 512 << 20  # 30 hours at 50 Hz; a larger one is no recording of a motion
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Signal:
    """One sensor.

    Attributes:
        times_s: (n,) float64.
        values: (n, 3) float64.
    """

    times_s: Float64Array
    values: Float64Array


def read_sensor_logger(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope when it was recorded, on the accelerometer's times.

    Args:
        path: of the zip file. Its ``seconds_elapsed`` are the timestamps.

    Raises:
        OSError: the file cannot be opened. SourceError: not such an export, gravity was not
        recorded, a table that cannot be read, or sensors that were
            not on at the same time.
    """
    tables = _unzip(path)
    sensors = {
        name: partial(_read_signal, path.name, name, tables) for name in tables if name != METADATA
    }
    return combine(path.name, sensors, _has_apple_signs(tables.get(METADATA, b"")))


def combine(name: str, sensors: Mapping[str, Callable[[], Signal]], apple_signs: bool) -> Recording:
    """Acceleration with gravity from whatever holds it, and the gyroscope if there is one.

    Args:
        name: of the file, for messages.
        sensors: of the app, by the name of their table; read when they are needed.
        apple_signs: whether acceleration and gravity have the opposite sign.

    Raises:
        SourceError: gravity was not recorded, or the sensors were not on at the same time.
    """
    signal = _acceleration(name, sensors)
    if apple_signs:
        signal = Signal(signal.times_s, -signal.values)
    return to_recording(name, signal, sensors[GYROSCOPE]() if GYROSCOPE in sensors else None)


def to_recording(name: str, acceleration: Signal, gyroscope: Signal | None) -> Recording:
    """One recording of two sensors, on the accelerometer's times.

    Raises:
        SourceError: the sensors were not on at the same time.
    """
    signal, kinds = acceleration, ["acc"]
    if gyroscope is not None:
        kinds.append("gyro")
        signal, gyroscope = align(name, signal, gyroscope)
        signal = Signal(signal.times_s, np.hstack([signal.values, gyroscope.values]))
    with np.errstate(
        over="ignore"
    ):  # too large for float32: infinite, which the recogniser refuses
        samples = signal.values.astype(np.float32)
    channels = tuple(f"{kind}_{axis}" for kind in kinds for axis in AXES)
    return Recording(name, signal.times_s, samples, channels)


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
                    raise SourceError(
                        f"{path.name} holds {name} twice, expected one recording: zip each recording "
                        "on its own"
                    )
                with archive.open(info) as member:
                    known[name] = member.read(MAX_TABLE_BYTES + 1)
                if len(known[name]) > MAX_TABLE_BYTES:
                    raise SourceError(
                        f"{name} in {path.name} is larger than {MAX_TABLE_BYTES >> 20} MiB: export a "
                        "shorter recording"
                    )
    except (OSError, SourceError):
        raise
    except (
        Exception
    ) as error:  # zipfile and its decompressors raise about anything on a damaged file
        raise SourceError(
            f"{path.name} is not a zip file or is damaged ({error}): export it from the app again "
            "without a password"
        ) from error
    return known


def _acceleration(name: str, sensors: Mapping[str, Callable[[], Signal]]) -> Signal:
    if TOTAL in sensors:
        return sensors[TOTAL]()
    if LINEAR not in sensors:
        raise SourceError(
            f"{name} holds neither {TOTAL} nor {LINEAR}, expected an export of the Sensor Logger app: "
            "switch on Total Acceleration in the app and record again"
        )
    if GRAVITY not in sensors:
        raise SourceError(
            f"{name} holds {LINEAR} alone, which is without gravity, expected {GRAVITY} or {TOTAL} "
            "beside it: switch on Gravity or Total Acceleration in the app and record again"
        )
    linear, gravity = align(name, sensors[LINEAR](), sensors[GRAVITY]())
    return Signal(linear.times_s, linear.values + gravity.values)


def _read_signal(name: str, table_name: str, tables: dict[str, bytes]) -> Signal:
    wanted = ("seconds_elapsed", *AXES)
    where = f"{table_name} in {name}"
    table = read_table(
        io.TextIOWrapper(io.BytesIO(tables[table_name]), encoding="utf-8-sig"), where, wanted
    )
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise SourceError(
            f"{where} lacks the columns {', '.join(missing)}, its columns are {', '.join(table.header)}: "
            "export the recording as CSV from the app again"
        )
    return Signal(
        table.columns["seconds_elapsed"], np.stack([table.columns[axis] for axis in AXES], axis=1)
    )


def align(name: str, first: Signal, second: Signal) -> tuple[Signal, Signal]:
    """Both on the times of ``first``, cut to the time that both cover; ``second`` is interpolated linearly.

    Raises:
        SourceError: they have no time in common.
    """
    newest = np.fmax.accumulate(second.times_s)
    increasing = np.concatenate([[not np.isnan(newest[0])], second.times_s[1:] > newest[:-1]])
    times, values = second.times_s[increasing], second.values[increasing]
    if len(times) == 0:
        raise SourceError(
            f"{name} has a sensor whose seconds_elapsed are no numbers: export it from the app again"
        )
    common = (first.times_s >= times[0]) & (first.times_s <= times[-1])
    if not common.any():
        start_s, end_s = np.fmin.reduce(first.times_s), np.fmax.reduce(first.times_s)
        raise SourceError(
            f"{name} has one sensor from {start_s:g} to {end_s:g} s and another from {times[0]:g} to "
            f"{times[-1]:g} s, expected sensors that were on at the same time: record it again"
        )
    at = first.times_s[common]
    interpolated = np.stack(
        [np.interp(at, times, values[:, axis]) for axis in range(values.shape[1])], axis=1
    )
    return Signal(at, first.values[common]), Signal(at, interpolated)


def _has_apple_signs(metadata: bytes) -> bool:
    """Whether the recording comes from an iPhone with "Standardise Units & Frames" off (its default)."""
    lines = csv.reader(io.StringIO(metadata.decode("utf-8-sig", errors="replace")))
    try:
        header, values = next(lines, []), next(lines, [])
    except csv.Error:
        return False
    return apple_signs(dict(zip((name.strip() for name in header), values, strict=False)))


def apple_signs(facts: Mapping[str, str]) -> bool:
    """Whether metadata with the keys ``platform`` and ``standardisation`` means the signs of an iPhone."""
    lower = {key.lower(): value.strip().lower() for key, value in facts.items()}
    return lower.get("platform") == "ios" and lower.get("standardisation") != "true"
