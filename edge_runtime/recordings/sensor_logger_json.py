"""The JSON that the Sensor Logger phone app exports: one list of readings of all sensors, every field a string.

``[{"sensor": "TotalAcceleration", "time": "1698501144401773000", "seconds_elapsed": "0.02", "x":
"..", "y": "..", "z": ".."}, ..]``, with one entry ``"sensor": "Metadata"`` that names the platform.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.recordings.recording import Recording
from edge_runtime.recordings.sensor_logger import (
    AXES,
    MAX_TABLE_BYTES,
    Signal,
    apple_signs,
    combine,
)

METADATA = "Metadata"
FIELDS = ("seconds_elapsed", *AXES)


def read_sensor_logger_json(path: Path) -> Recording:
    """Read acceleration with gravity, and the gyroscope when it was recorded, on the accelerometer's times.

    Raises:
        OSError: the file cannot be opened.
        SourceError: not such an export, gravity was not recorded, or a reading that is none.
    """
    with path.open("rb") as file:
        text = file.read(MAX_TABLE_BYTES + 1)
    if len(text) > MAX_TABLE_BYTES:
        raise SourceError(
            f"{path.name} is larger than {MAX_TABLE_BYTES >> 20} MiB: export a shorter recording"
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path.name} is not JSON ({str(error)[:120]}): export it from the app again"
        ) from error
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise SourceError(
            f"{path.name} holds no list of readings, expected an export of the Sensor Logger app: export "
            "it again as JSON, or as a zip of CSV"
        )
    readings: dict[str, list[dict[str, Any]]] = {}
    for entry in document:
        readings.setdefault(str(entry.get("sensor")), []).append(entry)
    facts = {key: str(value) for key, value in readings.pop(METADATA, [{}])[0].items()}
    sensors = {
        f"{name}.csv": partial(_signal, path.name, name, entries)
        for name, entries in readings.items()
    }
    return combine(path.name, sensors, apple_signs(facts))


def _signal(name: str, sensor: str, entries: list[dict[str, Any]]) -> Signal:
    try:
        table = np.array([[float(entry[field]) for field in FIELDS] for entry in entries])
    except (KeyError, TypeError, ValueError):
        number, entry = next(
            (i, entry) for i, entry in enumerate(entries, 1) if not _is_reading(entry)
        )
        raise SourceError(
            f"reading {number} of {sensor} in {name} is {str(entry)[:80]}, expected numbers in "
            f"{', '.join(FIELDS)}: remove it, or export the recording again"
        ) from None
    return Signal(table[:, 0], table[:, 1:])


def _is_reading(entry: dict[str, Any]) -> bool:
    try:
        return len([float(entry[field]) for field in FIELDS]) > 0
    except (KeyError, TypeError, ValueError):
        return False
