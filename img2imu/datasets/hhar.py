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
from img2imu.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.archive import Archive
from img2imu.datasets.raw import join_sensors, labelled_pieces, runs
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
BLOCK_LINES = 500_000  # all 13 million lines as text would fill the memory of a small machine
COMPACT_ROW = np.dtype([("time_ns", "i8"), ("xyz", "f4", 3), ("label", "i2")])
LICENCE = "CC BY 4.0"
CITATION = (
    "A. Stisen, H. Blunck, S. Bhattacharya, T. S. Prentow, M. B. Kjærgaard, A. Dey, T. Sonne, "
    "M. M. Jensen: Smart devices are different: assessing and mitigating mobile sensing "
    "heterogeneities for activity recognition. SenSys 2015, 127-140. doi:10.24432/C5689X"
)

Wearer = tuple[str, str]  # user, device


def load_hhar(place: Path) -> DataSet:
    """Read ``Phones_accelerometer.csv`` and ``Phones_gyroscope.csv``, as the readme.txt says.

    Columns are those of :data:`HEADER`. Creation_Time is the phone's, in nanoseconds. x, y, z are
    in m/s^2 with gravity and in rad/s. gt is the activity, "null" between two activities. Each
    phone of each person is one recording. Each sensor has its own timestamps. The gyroscope is
    interpolated at those of the accelerometer.

    Args:
        place: the archive, "Activity recognition exp.zip" in it, or the folder that was in that.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks = []
    with Archive(place, inner=r"Activity recognition exp\.zip$") as files:
        acc = _read_phones(files, files.find(r"Phones_accelerometer\.csv"))
        gyro = _read_phones(files, files.find(r"Phones_gyroscope\.csv"))
    for (user, device), acc_rows in sorted(acc.items()):
        gyro_rows = gyro.get((user, device))
        if gyro_rows is None:  # one sensor alone would be another set of channels
            continue
        name = f"user {user} {device}"
        start_ns = int(acc_rows["time_ns"][0])
        times_s = (acc_rows["time_ns"] - start_ns) / 1e9
        gyro_times_s = (gyro_rows["time_ns"] - start_ns) / 1e9
        clocks.append(Clock(name, times_s))
        kept, samples = join_sensors(times_s, acc_rows["xyz"], gyro_times_s, gyro_rows["xyz"])
        recordings += labelled_pieces(
            name, user, times_s[kept], samples, acc_rows["label"][kept], RATE_HZ
        )
    return DataSet(
        name="hhar",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=ACTIVITIES,
        recordings=tuple(recordings),
        clocks=tuple(clocks),
    )


def _read_phones(files: Archive, name: str) -> dict[Wearer, npt.NDArray[np.void]]:
    """Return each phone's rows, sorted by time, without repeated timestamps."""
    parts: dict[Wearer, list[npt.NDArray[np.void]]] = {}
    for rows in _read_blocks(files, name):
        for begin, end in runs(rows["user"], rows["device"], rows["activity"]):
            run = rows[begin:end]
            compact = np.empty(len(run), COMPACT_ROW)
            compact["time_ns"] = run["time_ns"]
            compact["xyz"] = np.column_stack([run["x"], run["y"], run["z"]])
            compact["label"] = _label_number(name, str(run["activity"][0]))
            wearer = (str(run["user"][0]), str(run["device"][0]))
            parts.setdefault(wearer, []).append(compact)
    phones = {}
    for wearer, blocks in parts.items():
        rows = np.concatenate(blocks)
        phones[wearer] = rows[np.unique(rows["time_ns"], return_index=True)[1]]
    return phones


def _read_blocks(files: Archive, name: str) -> Iterator[npt.NDArray[np.void]]:
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


def _label_number(name: str, activity: str) -> int:
    if activity == NO_ACTIVITY:
        return NO_LABEL
    if activity not in ACTIVITIES:
        raise DataError(
            f"{name} has the activity {activity!r}, expected {NO_ACTIVITY} or one of "
            f"{', '.join(ACTIVITIES)}: get the data set again"
        )
    return ACTIVITIES.index(activity)
