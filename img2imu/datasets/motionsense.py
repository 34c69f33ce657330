"""MotionSense: six activities of 24 people, iPhone in a trouser pocket."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.data_set import DataSet, LabelledRecording
from img2imu.datasets.archive import Archive

RATE_HZ = 50.0
ACTIVITIES = {
    "dws": "downstairs",
    "ups": "upstairs",
    "wlk": "walking",
    "jog": "jogging",
    "sit": "sitting",
    "std": "standing",
}
# A line holds: row number, attitude (3), gravity (3), rotationRate (3), userAcceleration (3).
GRAVITY = slice(4, 7)
ROTATION = slice(7, 10)
ACCELERATION = slice(10, 13)
LICENCE = "MIT"
CITATION = (
    "M. Malekzadeh, R. G. Clegg, A. Cavallaro, H. Haddadi: Mobile sensor data anonymization. "
    "Internet of Things Design and Implementation (IoTDI) 2019, 49-58. doi:10.1145/3302505.3310068"
)


def load_motionsense(place: Path) -> DataSet:
    """Read ``A_DeviceMotion_data`` as the repository's README describes it.

    ``dws_1/sub_1.csv`` is trial 1 of going downstairs by person 1, at 50 Hz, with a header. iOS
    reports gravity and the remaining acceleration separately, in g. Its gravity points in the
    opposite direction to Android's: a phone on the table has gravity.z = -1. The negative sum of
    both is what an accelerometer reports everywhere else. rotationRate is in rad/s, with the same
    signs on both systems.

    Args:
        place: the zip, or the folder that was in it.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings = []
    activities = list(ACTIVITIES)
    with Archive(place, inner=r"A_DeviceMotion_data\.zip$") as files:
        for name, match in files.walk(rf"({'|'.join(activities)})_(\d+)/sub_(\d+)\.csv"):
            activity, trial, person = match.groups()
            table = files.read_table(name, delimiter=",", skiprows=1, usecols=range(13))
            acc = -STANDARD_GRAVITY * (table[:, GRAVITY] + table[:, ACCELERATION])
            recording = LabelledRecording(
                name=f"{activity}_{trial}/sub_{person}",
                subject=person,
                samples=np.hstack([acc, table[:, ROTATION]]).astype(np.float32),
                labels=np.full(len(table), activities.index(activity), np.int16),
            )
            recordings.append(recording)
    return DataSet(
        name="motionsense",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=tuple(ACTIVITIES.values()),
        recordings=tuple(recordings),
    )
