"""UCI HAR: six activities of 30 people, phone at the waist; the older release of the recordings behind HAPT."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.datasets.archive import Archive
from img2imu.datasets.data_set import DataSet, LabelledRecording

RATE_HZ = 50.0
WINDOW_SAMPLES, STEP_SAMPLES = 128, 64  # 2.56 s with half of it in common with the next
ACTIVITIES = ("walking", "walking_upstairs", "walking_downstairs", "sitting", "standing", "laying")
TABLES = tuple(f"{table}_{axis}" for table in ("total_acc", "body_gyro") for axis in "xyz")
LICENCE = "CC BY 4.0 (the archive's README: no commercial use)"
CITATION = (
    "D. Anguita, A. Ghio, L. Oneto, X. Parra, J. L. Reyes-Ortiz: A public domain dataset for human activity "
    "recognition using smartphones. ESANN 2013. doi:10.24432/C54S4K"
)


def load_har(place: Path) -> DataSet:
    """Read ``train/`` and ``test/`` with their ``Inertial Signals/`` as the archive's README describes them.

    A row of ``total_acc_x_train.txt`` and the like is a window of 128 samples, acceleration in g
    with gravity, angular rate in rad/s, noise filtered at 20 Hz; half of it is in common with the
    next. Windows that overlap so are joined to the signal that they were cut from, lest one sample
    stand in two windows, and on both sides of a split.

    Args:
        place: the archive or the folder that was in it.

    Raises:
        DataError: a file is missing, damaged, or contradicts another.
    """
    with Archive(place, inner=r"UCI HAR Dataset\.zip$") as files:
        recordings = [
            recording for part in ("train", "test") for recording in _read_part(files, part)
        ]
    return DataSet("har", LICENCE, CITATION, RATE_HZ, CHANNELS, ACTIVITIES, tuple(recordings))


def _read_part(files: Archive, part: str) -> Iterator[LabelledRecording]:
    people = files.numbers(files.one(rf"{part}/subject_{part}\.txt"), dtype=np.int64)[:, 0]
    labels = files.numbers(files.one(rf"{part}/y_{part}\.txt"), dtype=np.int64)[:, 0] - 1
    tables = [
        files.numbers(files.one(rf"{part}/Inertial Signals/{table}_{part}\.txt"), dtype=np.float32)
        for table in TABLES
    ]
    shapes = {table.shape for table in tables}
    if (
        shapes != {(len(people), WINDOW_SAMPLES)}
        or len(labels) != len(people)
        or not np.isin(labels, range(6)).all()
    ):
        raise DataError(
            f"{files.place} has {len(people)} people, {len(labels)} labels and tables of the shapes "
            f"{sorted(shapes)} in {part}, expected as many rows of {WINDOW_SAMPLES} samples, and labels 1 "
            "to 6: get the data set again"
        )
    windows = np.stack(tables, axis=2)  # (n, WINDOW_SAMPLES, 6)
    windows[:, :, :3] *= STANDARD_GRAVITY
    follows = [_follows(windows, people, labels, i) for i in range(1, len(windows))]
    begins = [0, *(i + 1 for i, joined in enumerate(follows) if not joined), len(windows)]
    for begin, end in itertools.pairwise(begins):
        samples = np.concatenate([windows[begin], *windows[begin + 1 : end, STEP_SAMPLES:]])
        yield LabelledRecording(
            f"{part} windows {begin + 1} to {end}",
            str(people[begin]),
            samples,
            np.full(len(samples), labels[begin], np.int16),
        )


def _follows(
    windows: Float32Array, people: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], i: int
) -> bool:
    """Whether window i goes on where the one before it was half through."""
    return bool(
        people[i] == people[i - 1]
        and labels[i] == labels[i - 1]
        and np.array_equal(windows[i, :STEP_SAMPLES], windows[i - 1, STEP_SAMPLES:])
    )
