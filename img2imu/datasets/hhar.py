"""HHAR: six activities of nine people with eight phones of four models at the waist."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.datasets.archive import Archive
from img2imu.datasets.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.raw_time import join_sensors, labelled_pieces, runs
from img2imu.progress import bar

RATE_HZ = 50.0  # the slowest phone's; the others have 100 to 200
ACTIVITIES = ("bike", "sit", "stand", "walk", "stairsup", "stairsdown")
NO_ACTIVITY = "null"
HEADER = "Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt"
ROW = np.dtype(
    [
        ("time_ns", "i8"),
        ("x", "f4"),
        ("y", "f4"),
        ("z", "f4"),
        ("user", "U8"),
        ("device", "U16"),
        ("activity", "U10"),
    ]
)
COLUMNS = (2, 3, 4, 5, 6, 8, 9)  # of HEADER, in the order of ROW
BLOCK_LINES = 500_000  # 13 million lines as text would fill the memory of a small machine
LICENCE = "CC BY 4.0"
CITATION = (
    "A. Stisen, H. Blunck, S. Bhattacharya, T. S. Prentow, M. B. Kjærgaard, A. Dey, T. Sonne, M. M. Jensen: "
    "Smart devices are different: assessing and mitigating mobile sensing heterogeneities for activity "
    "recognition. SenSys 2015, 127-140. doi:10.24432/C5689X"
)

Wearer = tuple[str, str]  # user, device
Compact = np.dtype([("time_ns", "i8"), ("xyz", "f4", 3), ("label", "i2")])


def load_hhar(place: Path) -> DataSet:
    """Read ``Phones_accelerometer.csv`` and ``Phones_gyroscope.csv`` as the archive's readme.txt describes them.

    Columns are those of :data:`HEADER`: Creation_Time is the phone's, in nanoseconds; x, y, z are
    in m/s^2 with gravity and in rad/s; gt is the activity, "null" between two. Each phone of each
    person is one recording. The two sensors have timestamps of their own; the gyroscope is
    interpolated at the accelerometer's.

    Args:
        place: the archive, "Activity recognition exp.zip" in it, or the folder that was in that.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks = []
    with Archive(place, inner=r"Activity recognition exp\.zip$") as files:
        acc, gyro = (
            _read(files, files.one(rf"Phones_{sensor}\.csv"))
            for sensor in ("accelerometer", "gyroscope")
        )
    for (user, device), moving in sorted(acc.items()):
        turning = gyro.get((user, device))
        if turning is None:  # one sensor alone would be another set of channels
            continue
        name = f"user {user} {device}"
        start_ns = int(moving["time_ns"][0])
        times_s, gyro_s = ((rows["time_ns"] - start_ns) / 1e9 for rows in (moving, turning))
        clocks.append(Clock(name, times_s))
        kept, samples = join_sensors(times_s, moving["xyz"], gyro_s, turning["xyz"])
        recordings += labelled_pieces(
            name, user, times_s[kept], samples, moving["label"][kept], RATE_HZ
        )
    return DataSet(
        "hhar", LICENCE, CITATION, RATE_HZ, CHANNELS, ACTIVITIES, tuple(recordings), tuple(clocks)
    )


def _read(files: Archive, name: str) -> dict[Wearer, npt.NDArray[np.void]]:
    """Each phone's rows, those of one timestamp once, in the order of their timestamps."""
    parts: dict[Wearer, list[npt.NDArray[np.void]]] = {}
    for rows in _blocks(files, name):
        for begin, end in runs(rows["user"], rows["device"], rows["activity"]):
            mine = rows[begin:end]
            compact = np.empty(len(mine), Compact)
            compact["time_ns"] = mine["time_ns"]
            compact["xyz"] = np.column_stack([mine["x"], mine["y"], mine["z"]])
            compact["label"] = _label(name, str(mine["activity"][0]))
            parts.setdefault((str(mine["user"][0]), str(mine["device"][0])), []).append(compact)
    whole = {wearer: np.concatenate(rows) for wearer, rows in parts.items()}
    return {
        wearer: rows[np.unique(rows["time_ns"], return_index=True)[1]]
        for wearer, rows in whole.items()
    }


def _blocks(files: Archive, name: str) -> Iterator[npt.NDArray[np.void]]:
    with (
        files.open(name) as file,
        io.TextIOWrapper(file, encoding="utf-8-sig") as text,
        bar(f"reading {name.rpartition('/')[2]}", None) as advance,
    ):
        header = text.readline().strip()
        if header != HEADER:
            raise DataError(
                f"{name} begins with {header[:80]!r}, expected {HEADER}: get the data set again"
            )
        while lines := list(itertools.islice(text, BLOCK_LINES)):
            try:
                yield np.loadtxt(lines, ROW, delimiter=",", usecols=COLUMNS, ndmin=1)
            except ValueError as error:
                raise DataError(
                    f"{name} is not the table that was published ({error}): get the data set again"
                ) from error
            advance(len(lines))


def _label(name: str, activity: str) -> int:
    if activity == NO_ACTIVITY:
        return NO_LABEL
    if activity not in ACTIVITIES:
        raise DataError(
            f"{name} has the activity {activity!r}, expected {NO_ACTIVITY} or one of "
            f"{', '.join(ACTIVITIES)}: get the data set again"
        )
    return ACTIVITIES.index(activity)
