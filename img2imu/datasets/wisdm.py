"""WISDM 2019: 18 daily activities of 51 people. Of phone and watch, the watch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.data_set import Clock, DataSet, LabelledRecording
from img2imu.datasets.archive import Archive
from img2imu.datasets.raw import join_sensors, labelled_pieces, runs

RATE_HZ = 20.0
ACTIVITIES = {
    "A": "walking",
    "B": "jogging",
    "C": "stairs",
    "D": "sitting",
    "E": "standing",
    "F": "typing",
    "G": "teeth",
    "H": "soup",
    "I": "chips",
    "J": "pasta",
    "K": "drinking",
    "L": "sandwich",
    "M": "kicking",
    "O": "catch",
    "P": "dribbling",
    "Q": "writing",
    "R": "clapping",
    "S": "folding",
}
ROW = np.dtype(
    [("person", "i4"), ("activity", "U1"), ("time_ns", "i8"), ("x", "f8"), ("y", "f8"), ("z", "f8")]
)
LICENCE = "CC BY 4.0"
CITATION = (
    "G. M. Weiss, K. Yoneda, T. Hayajneh: Smartphone and smartwatch-based biometrics using "
    "activities of daily living. IEEE Access 7 (2019) 133190-133202. doi:10.24432/C5HK59"
)

Rows = npt.NDArray[np.void]  # of the type ROW


def load_wisdm(place: Path) -> DataSet:
    """Read ``raw/watch/`` as WISDM-dataset-description.pdf describes it.

    ``accel/data_1600_accel_watch.txt`` and ``gyro/data_1600_gyro_watch.txt`` have lines
    ``person,activity,nanoseconds, x,y,z;``: acceleration in m/s^2 with gravity, angular rate in
    rad/s. Each sensor has its own timestamps. The gyroscope is interpolated at those of the
    accelerometer. ``activity_key.txt`` lists the activities by letter (there is no N).

    Args:
        place: the archive, the zip in it, or the folder that was in that.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks: list[Clock] = []
    with Archive(place, inner=r"wisdm-dataset\.zip$") as files:
        for acc_name, match in files.walk(r"raw/watch/accel/data_(\d+)_accel_watch\.txt"):
            gyro_name = files.find(rf"raw/watch/gyro/data_{match[1]}_gyro_watch\.txt")
            acc = _read_rows(files, acc_name)
            gyro = _read_rows(files, gyro_name)
            for clock, pieces in _split_activities(match[1], acc, gyro):
                clocks.append(clock)
                recordings += pieces
    return DataSet(
        name="wisdm",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=tuple(ACTIVITIES.values()),
        recordings=tuple(recordings),
        clocks=tuple(clocks),
    )


def _read_rows(files: Archive, name: str) -> Rows:
    without_semicolon = {5: lambda field: float(field.strip().rstrip(";"))}
    rows = files.read_table(name, dtype=ROW, delimiter=",", converters=without_semicolon)
    unknown = set(rows["activity"].tolist()) - set(ACTIVITIES)
    if unknown:
        raise DataError(
            f"{name} has the activity {sorted(unknown)[0]!r}, expected one of "
            f"{', '.join(ACTIVITIES)}: get the data set again"
        )
    return rows


def _split_activities(
    person: str, acc: Rows, gyro: Rows
) -> Iterator[tuple[Clock, list[LabelledRecording]]]:
    for begin, end in runs(acc["activity"]):
        letter = str(acc["activity"][begin])
        name = f"person {person} {ACTIVITIES[letter]}"
        acc_rows = acc[begin:end]
        gyro_rows = gyro[gyro["activity"] == letter]
        # Nanoseconds since start-up lose their last digits as float64, so the start is subtracted
        # before.
        start_ns = int(acc_rows["time_ns"][0])
        times_s = (acc_rows["time_ns"] - start_ns) / 1e9
        gyro_times_s = (gyro_rows["time_ns"] - start_ns) / 1e9
        kept, samples = join_sensors(times_s, _xyz(acc_rows), gyro_times_s, _xyz(gyro_rows))
        labels = np.full(len(samples), list(ACTIVITIES).index(letter), np.int16)
        pieces = labelled_pieces(name, person, times_s[kept], samples, labels, RATE_HZ)
        yield Clock(name, times_s), list(pieces)


def _xyz(rows: Rows) -> Float32Array:
    return np.column_stack([rows["x"], rows["y"], rows["z"]]).astype(np.float32)
