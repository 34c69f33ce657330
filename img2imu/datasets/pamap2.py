"""PAMAP2: twelve activities of nine people. Of the three sensors worn, the one on the wrist."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.archive import Archive
from img2imu.datasets.raw import labelled_pieces

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
# Of 54 columns, from 0: time, activity, and from the sensor on the hand the accelerometer of +-16 g
# and the gyroscope. The accelerometer of +-6 g (columns 7 to 9) saturates in running and rope
# jumping, according to the readme.
COLUMNS = (0, 1, 4, 5, 6, 10, 11, 12)
LICENCE = "CC BY 4.0"
CITATION = (
    "A. Reiss, D. Stricker: Introducing a new benchmarked dataset for activity monitoring. "
    "International Symposium on Wearable Computers (ISWC) 2012, 108-109. doi:10.24432/C5NW2H"
)


def load_pamap2(place: Path) -> DataSet:
    """Read ``Protocol/`` as the archive's readme.pdf describes it. ``Optional/`` is left out.

    A row of ``subject101.dat`` holds the time in seconds, the activity (0 for none), acceleration
    in m/s^2 with gravity, and angular rate in rad/s, at 100 Hz. Samples lost by the radio are NaN,
    and are left out. Short holes are interpolated. A recording is cut at holes of more than half a
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
        for file_name, match in files.walk(r"Protocol/subject(\d+)\.dat"):
            table = files.read_table(file_name, usecols=COLUMNS)
            table = table[~np.isnan(table).any(1)]
            unknown = set(np.unique(table[:, 1]).astype(int).tolist()) - {0, *numbers}
            if unknown or not len(table):
                raise DataError(
                    f"{file_name} has {len(table)} rows and the unknown activities "
                    f"{sorted(unknown)}, expected some rows and only the activities of the "
                    "protocol: get the data set again"
                )
            name = f"subject{match[1]}"
            times_s = table[:, 0]
            samples = table[:, 2:].astype(np.float32)
            labels = np.array(
                [numbers.index(int(n)) if n else NO_LABEL for n in table[:, 1]], np.int16
            )
            clocks.append(Clock(name, times_s))
            recordings += labelled_pieces(name, match[1], times_s, samples, labels, RATE_HZ)
    return DataSet(
        name="pamap2",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=tuple(ACTIVITIES.values()),
        recordings=tuple(recordings),
        clocks=tuple(clocks),
    )
