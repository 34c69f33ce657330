"""UCI HAPT: six activities and six changes of posture of 30 people, phone at the waist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.data_set import NO_LABEL, DataSet, LabelledRecording
from img2imu.datasets.archive import Archive

RATE_HZ = 50.0
# In the order of their numbers, from 1, in activity_labels.txt.
ACTIVITIES = (
    "walking",
    "walking_upstairs",
    "walking_downstairs",
    "sitting",
    "standing",
    "laying",
    "stand_to_sit",
    "sit_to_stand",
    "sit_to_lie",
    "lie_to_sit",
    "stand_to_lie",
    "lie_to_stand",
)
LICENCE = "CC BY 4.0 (the archive's README: no commercial use)"
CITATION = (
    "J.-L. Reyes-Ortiz, L. Oneto, A. Samà, X. Parra, D. Anguita: Transition-aware human activity "
    "recognition using smartphones. Neurocomputing 171 (2016) 754-767. doi:10.24432/C54G7M"
)


def load_hapt(place: Path) -> DataSet:
    """Read ``RawData/`` as the archive's README describes it.

    ``acc_expXX_userYY.txt`` and ``gyro_expXX_userYY.txt`` have a row x, y, z for each sample:
    acceleration in g with gravity, angular rate in rad/s. A row of ``labels.txt`` holds experiment,
    person, activity, first sample and last sample, counted from 1.

    Args:
        place: the archive, or the folder that was in it.

    Raises:
        DataError: a file is missing, damaged, or contradicts another.
    """
    recordings = []
    with Archive(place, inner=r"HAPT Data Set\.zip$") as files:
        spans = files.read_table(files.find(r"RawData/labels\.txt"), dtype=np.int64)
        for name, match in files.walk(r"acc_exp(\d+)_user(\d+)\.txt"):
            experiment = int(match[1])
            person = int(match[2])
            acc = files.read_table(name) * STANDARD_GRAVITY
            gyro = files.read_table(files.find(rf"gyro_exp{match[1]}_user{match[2]}\.txt"))
            if acc.shape[1:] != (3,) or acc.shape != gyro.shape:
                raise DataError(
                    f"{name} has the shape {acc.shape} and its gyroscope {gyro.shape}, expected "
                    "the same number of samples of three axes: get the data set again"
                )
            is_of_recording = (spans[:, 0] == experiment) & (spans[:, 1] == person)
            recording = LabelledRecording(
                name=f"experiment {experiment}",
                subject=str(person),
                samples=np.hstack([acc, gyro]).astype(np.float32),
                labels=_label_samples(len(acc), spans[is_of_recording, 2:]),
            )
            recordings.append(recording)
    return DataSet(
        name="hapt",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=ACTIVITIES,
        recordings=tuple(recordings),
    )


def _label_samples(n: int, spans: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """Return labels (n,) from rows of activity, first sample and last sample, all from 1."""
    labels = np.full(n, NO_LABEL, np.int16)
    for activity, first, last in spans:
        if not 1 <= activity <= len(ACTIVITIES):
            raise DataError(
                f"labels.txt names the activity {activity}, expected 1 to {len(ACTIVITIES)}: get "
                "the data set again"
            )
        labels[first - 1 : last] = activity - 1
    return labels
