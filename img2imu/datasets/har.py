"""UCI HAR: six activities of 30 people, phone at the waist. HAPT is a later release of it."""

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
from img2imu.data_set import DataSet, LabelledRecording
from img2imu.datasets.archive import Archive

RATE_HZ = 50.0
WINDOW_SAMPLES = 128  # 2.56 s
STEP_SAMPLES = 64  # half of a window is repeated in the next
ACTIVITIES = ("walking", "walking_upstairs", "walking_downstairs", "sitting", "standing", "laying")
TABLES = tuple(f"{table}_{axis}" for table in ("total_acc", "body_gyro") for axis in "xyz")
LICENCE = "CC BY 4.0 (the archive's README: no commercial use)"
CITATION = (
    "D. Anguita, A. Ghio, L. Oneto, X. Parra, J. L. Reyes-Ortiz: A public domain dataset for human "
    "activity recognition using smartphones. ESANN 2013. doi:10.24432/C54S4K"
)


def load_har(place: Path) -> DataSet:
    """Read ``train/`` and ``test/`` with their ``Inertial Signals/``, as the archive's README says.

    A row of ``total_acc_x_train.txt`` and its like is a window of 128 samples: acceleration in g
    with gravity, angular rate in rad/s, filtered at 20 Hz. Half of a window is repeated in the
    next. Overlapping windows are joined to the signal they were cut from. Otherwise one sample
    would be in two windows, and on both sides of a split.

    Args:
        place: the archive, or the folder that was in it.

    Raises:
        DataError: a file is missing, damaged, or contradicts another.
    """
    with Archive(place, inner=r"UCI HAR Dataset\.zip$") as files:
        recordings = [
            recording for part in ("train", "test") for recording in _read_part(files, part)
        ]
    return DataSet(
        name="har",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=ACTIVITIES,
        recordings=tuple(recordings),
    )


def _read_part(files: Archive, part: str) -> Iterator[LabelledRecording]:
    people = files.read_table(files.find(rf"{part}/subject_{part}\.txt"), dtype=np.int64)[:, 0]
    labels = files.read_table(files.find(rf"{part}/y_{part}\.txt"), dtype=np.int64)[:, 0] - 1
    names = [files.find(rf"{part}/Inertial Signals/{table}_{part}\.txt") for table in TABLES]
    tables = [files.read_table(name, dtype=np.float32) for name in names]
    shapes = {table.shape for table in tables}
    if (
        shapes != {(len(people), WINDOW_SAMPLES)}
        or len(labels) != len(people)
        or not np.isin(labels, range(6)).all()
    ):
        raise DataError(
            f"{files.place} has {len(people)} people, {len(labels)} labels and tables of the "
            f"shapes {sorted(shapes)} in {part}, expected the same number of rows of "
            f"{WINDOW_SAMPLES} samples, and labels 1 to 6: get the data set again"
        )
    windows = np.stack(tables, axis=2)  # (n, WINDOW_SAMPLES, 6)
    windows[:, :, :3] *= STANDARD_GRAVITY
    begins = [i for i in range(1, len(windows)) if not _continues(windows, people, labels, i)]
    for begin, end in itertools.pairwise([0, *begins, len(windows)]):
        samples = np.concatenate([windows[begin], *windows[begin + 1 : end, STEP_SAMPLES:]])
        yield LabelledRecording(
            name=f"{part} windows {begin + 1} to {end}",
            subject=str(people[begin]),
            samples=samples,
            labels=np.full(len(samples), labels[begin], np.int16),
        )


def _continues(
    windows: Float32Array, people: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], i: int
) -> bool:
    """Return whether window i starts in the middle of the one before."""
    return bool(
        people[i] == people[i - 1]
        and labels[i] == labels[i - 1]
        and np.array_equal(windows[i, :STEP_SAMPLES], windows[i - 1, STEP_SAMPLES:])
    )
