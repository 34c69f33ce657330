"""MotionSense: six activities of 24 people, iPhone in a trouser pocket."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.datasets.archive import Archive
from img2imu.datasets.data_set import DataSet, LabelledRecording

RATE_HZ = 50.0
ACTIVITIES = {
    "dws": "downstairs",
    "ups": "upstairs",
    "wlk": "walking",
    "jog": "jogging",
    "sit": "sitting",
    "std": "standing",
}
# A line has: row number, attitude (3), gravity (3), rotationRate (3), userAcceleration (3).
GRAVITY, ROTATION, ACCELERATION = slice(4, 7), slice(7, 10), slice(10, 13)
LICENCE = "MIT"
CITATION = (
    "M. Malekzadeh, R. G. Clegg, A. Cavallaro, H. Haddadi: Mobile sensor data anonymization. Internet of "
    "Things Design and Implementation (IoTDI) 2019, 49-58. doi:10.1145/3302505.3310068"
)


def load_motionsense(place: Path) -> DataSet:
    """Read ``A_DeviceMotion_data`` as the repository's README describes it.

    ``dws_1/sub_1.csv`` is trial 1 of going downstairs by person 1, at 50 Hz, with a header. iOS
    gives gravity and the rest of the acceleration apart, in g, pointing where Android's point away:
    a phone on the table has gravity.z = -1. Their sum, turned round, is what an accelerometer gives
    everywhere else. rotationRate is in rad/s, with the same signs on both systems.

    Args:
        place: the zip, or the folder that was in it.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings = []
    activities = list(ACTIVITIES)
    with Archive(place, inner=r"A_DeviceMotion_data\.zip$") as files:
        for name, match in files.each(rf"({'|'.join(activities)})_(\d+)/sub_(\d+)\.csv"):
            table = files.numbers(name, delimiter=",", skiprows=1, usecols=range(13))
            acc = -STANDARD_GRAVITY * (table[:, GRAVITY] + table[:, ACCELERATION])
            samples = np.hstack([acc, table[:, ROTATION]]).astype(np.float32)
            label = np.full(len(samples), activities.index(match[1]), np.int16)
            recordings.append(
                LabelledRecording(f"{match[1]}_{match[2]}/sub_{match[3]}", match[3], samples, label)
            )
    return DataSet(
        "motionsense",
        LICENCE,
        CITATION,
        RATE_HZ,
        CHANNELS,
        tuple(ACTIVITIES.values()),
        tuple(recordings),
    )
