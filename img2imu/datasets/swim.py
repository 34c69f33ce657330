"""Four swimming strokes of 40 swimmers, smartwatch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.data_set import NO_LABEL, DataSet, LabelledRecording
from img2imu.datasets.archive import Archive

RATE_HZ = 30.0
LABELS = ("null", "freestyle", "breaststroke", "backstroke", "butterfly", "turn")
UNDOCUMENTED = (-1, 6)  # occur in a few files, explained nowhere: counted as no label
HEADER = ",timestamp,ACC_0,ACC_1,ACC_2,GYRO_0,GYRO_1,GYRO_2,MAG_0,MAG_1,MAG_2,PRESS,LIGHT,label"
LICENCE = ""  # the repository states none
CITATION = (
    "G. Brunner, D. Melnyk, B. Sigfússon, R. Wattenhofer: Swimming style recognition and lap "
    "counting using a smartwatch and deep learning. International Symposium on Wearable Computers "
    "(ISWC) 2019, 23-31. doi:10.1145/3341163.3347719"
)


def load_swim(place: Path) -> DataSet:
    """Read ``data/processed_30hz_relabeled/`` as the repository's README describes it.

    ``11/Butterfly_1526814353094.csv`` is one recording of swimmer 11, resampled to 30 Hz by the
    authors. Columns are those of :data:`HEADER`, with more after them: Android's accelerometer
    (m/s^2 with gravity) and gyroscope (rad/s), and the label's number.

    Args:
        place: the repository's zip, or a folder.

    Raises:
        DataError: a file is missing or damaged.
    """
    recordings = []
    with Archive(place) as files:
        for name, match in files.walk(r"processed_30hz_relabeled/(\d+)/(\w+)\.csv"):
            swimmer, file_stem = match.groups()
            with files.open(name) as file:
                header = file.readline().decode("utf-8", "replace").strip()
            if not header.startswith(HEADER):
                raise DataError(
                    f"{name} begins with {header[:80]!r}, expected {HEADER}: get the data set again"
                )
            table = files.read_table(name, delimiter=",", skiprows=1, usecols=(*range(2, 8), 13))
            numbers = table[:, 6]
            is_label = np.isin(numbers, range(len(LABELS)))
            if not (is_label | np.isin(numbers, UNDOCUMENTED)).all():
                raise DataError(
                    f"{name} has other labels than {UNDOCUMENTED[0]} to {UNDOCUMENTED[1]}: get the "
                    "data set again"
                )
            recording = LabelledRecording(
                name=f"{swimmer}/{file_stem}",
                subject=swimmer,
                samples=table[:, :6].astype(np.float32),
                labels=np.where(is_label, numbers, NO_LABEL).astype(np.int16),
            )
            recordings.append(recording)
    return DataSet(
        name="swim",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=LABELS,
        recordings=tuple(recordings),
    )
