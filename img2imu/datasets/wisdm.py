"""WISDM 2019, "smartphone and smartwatch activity and biometrics": 18 activities of 51 people; the watch of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.datasets.archive import Archive
from img2imu.datasets.data_set import Clock, DataSet, LabelledRecording
from img2imu.datasets.raw_time import join_sensors, labelled_pieces, runs

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
    "G. M. Weiss, K. Yoneda, T. Hayajneh: Smartphone and smartwatch-based biometrics using activities of daily "
    "living. IEEE Access 7 (2019) 133190-133202. doi:10.24432/C5HK59"
)

Rows = npt.NDArray[np.void]


def load_wisdm(place: Path) -> DataSet:
    """Read ``raw/watch/`` as WISDM-dataset-description.pdf describes it.

    ``accel/data_1600_accel_watch.txt`` and ``gyro/data_1600_gyro_watch.txt`` have lines
    ``person,activity,nanoseconds, x,y,z;``, acceleration in m/s^2 with gravity, angular rate in
    rad/s. The two sensors have timestamps of their own; the gyroscope is interpolated at the
    accelerometer's. ``activity_key.txt`` has the activities by letter (no N).

    Args:
        place: the archive, the zip in it, or the folder that was in that.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks: list[Clock] = []
    with Archive(place, inner=r"wisdm-dataset\.zip$") as files:
        for name, match in files.each(r"raw/watch/accel/data_(\d+)_accel_watch\.txt"):
            gyro_name = files.one(rf"raw/watch/gyro/data_{match[1]}_gyro_watch\.txt")
            for clock, pieces in _read_person(
                match[1], _rows(files, name), _rows(files, gyro_name)
            ):
                clocks.append(clock)
                recordings += pieces
    return DataSet(
        "wisdm",
        LICENCE,
        CITATION,
        RATE_HZ,
        CHANNELS,
        tuple(ACTIVITIES.values()),
        tuple(recordings),
        tuple(clocks),
    )


def _read_person(
    person: str, acc: Rows, gyro: Rows
) -> Iterator[tuple[Clock, list[LabelledRecording]]]:
    for begin, end in runs(acc["activity"]):
        letter = str(acc["activity"][begin])
        name = f"person {person} {ACTIVITIES[letter]}"
        mine, turning = acc[begin:end], gyro[gyro["activity"] == letter]
        start_ns = int(
            mine["time_ns"][0]
        )  # nanoseconds since start-up do not fit into float64 to the last digit
        times_s, gyro_s = ((rows["time_ns"] - start_ns) / 1e9 for rows in (mine, turning))
        kept, samples = join_sensors(times_s, _xyz(mine), gyro_s, _xyz(turning))
        label = list(ACTIVITIES).index(letter)
        yield (
            Clock(name, times_s),
            list(
                labelled_pieces(
                    name,
                    person,
                    times_s[kept],
                    samples,
                    np.full(len(samples), label, np.int16),
                    RATE_HZ,
                )
            ),
        )


def _rows(files: Archive, name: str) -> Rows:
    with_semicolons = {5: lambda field: float(field.strip().rstrip(";"))}
    rows = files.numbers(name, dtype=ROW, delimiter=",", converters=with_semicolons)
    unknown = set(rows["activity"].tolist()) - set(ACTIVITIES)
    if unknown:
        raise DataError(
            f"{name} has the activity {sorted(unknown)[0]!r}, expected one of {', '.join(ACTIVITIES)}: get "
            "the data set again"
        )
    return rows


def _xyz(rows: Rows) -> Float32Array:
    return np.column_stack([rows["x"], rows["y"], rows["z"]]).astype(np.float32)
