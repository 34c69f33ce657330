"""PAMAP2: twelve activities of nine people; the sensor on the wrist of the three worn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.datasets.archive import Archive
from img2imu.datasets.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.raw_time import labelled_pieces

RATE_HZ = 100.0
ACTIVITIES = {
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "nordic_walking",
    12: "ascending_stairs",
    13: "descending_stairs",
    16: "vacuum_cleaning",
    17: "ironing",
    24: "rope_jumping",
}
# Of 54 columns, from 0: time, activity; of the hand's sensor the accelerometer of +-16 g and the
# gyroscope. The one of +-6 g (columns 7 to 9) saturates in running and rope jumping, says the
# readme.
COLUMNS = (0, 1, 4, 5, 6, 10, 11, 12)
LICENCE = "CC BY 4.0"
CITATION = (
    "A. Reiss, D. Stricker: Introducing a new benchmarked dataset for activity monitoring. International "
    "Symposium on Wearable Computers (ISWC) 2012, 108-109. doi:10.24432/C5NW2H"
)


def load_pamap2(place: Path) -> DataSet:
    """Read ``Protocol/`` as the archive's readme.pdf describes it; ``Optional/`` is left out.

    A row of ``subject101.dat`` has the time in seconds, the activity (0 for none), and acceleration
    in m/s^2 with gravity and angular rate in rad/s at 100 Hz. Samples that the radio lost are NaN
    and left out: short holes are interpolated, and a recording is cut at those of more than half a
    second.

    Args:
        place: the archive, the zip in it, or the folder that was in that.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings: list[LabelledRecording] = []
    clocks = []
    numbers = list(ACTIVITIES)
    with Archive(place, inner=r"PAMAP2_Dataset\.zip$") as files:
        for name, match in files.each(r"Protocol/subject(\d+)\.dat"):
            table = files.numbers(name, usecols=COLUMNS)
            table = table[~np.isnan(table).any(1)]
            unknown = set(np.unique(table[:, 1]).astype(int).tolist()) - {0, *numbers}
            if unknown or not len(table):
                raise DataError(
                    f"{name} has {len(table)} rows and the activities {sorted(unknown)} beside those of "
                    "the protocol, expected none: get the data set again"
                )
            labels = np.array(
                [numbers.index(int(n)) if n else NO_LABEL for n in table[:, 1]], np.int16
            )
            recording = f"subject{match[1]}"
            clocks.append(Clock(recording, table[:, 0]))
            recordings += labelled_pieces(
                recording, match[1], table[:, 0], table[:, 2:].astype(np.float32), labels, RATE_HZ
            )
    return DataSet(
        "pamap2",
        LICENCE,
        CITATION,
        RATE_HZ,
        CHANNELS,
        tuple(ACTIVITIES.values()),
        tuple(recordings),
        tuple(clocks),
    )
