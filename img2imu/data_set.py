"""Hold labelled recordings in memory, whatever file format they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import CHANNELS, RATE_HZ_LIMITS
from edge_runtime.errors import DataError

NO_LABEL = -1
ONLY_SUBJECT = "me"  # the subject of recordings that name no person
CHANNEL_COUNTS = (1, 3, 6)  # the model contract allows these


@dataclass(frozen=True, eq=False)
class LabelledRecording:
    """One uninterrupted recording of one person, on a uniform time grid.

    Attributes:
        name: used in messages.
        subject: the person, or any other unit that must not be split between training and test.
        samples: (n, channels) float32, SI units.
        labels: (n,) int16, index into the data set's ``label_names``; -1 for no label.
    """

    name: str
    subject: str
    samples: Float32Array
    labels: npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Clock:
    """The sensor's own timestamps of one recorded file, before any cutting or resampling.

    Attributes:
        name: of the file or the recording.
        times_s: (n,) float64, as recorded. They may pause, repeat or run backwards.
    """

    name: str
    times_s: Float64Array


@dataclass(frozen=True, eq=False)
class DataSet:
    """Recordings that share channels, rate and label names.

    Attributes:
        name: short, human-readable.
        licence: of the data; empty when unknown.
        citation: the citation that the authors ask for; empty when unknown.
        rate_hz: samples per second of every recording.
        channels: names of the columns, out of ``acc_x .. acc_z`` in m/s^2 and ``gyro_x .. gyro_z``
            in rad/s.
        label_names: name of each label.
        recordings: in the same order on every load.
        clocks: the sensors' own timestamps. Empty for data on a uniform grid without timestamps.

    Raises:
        DataError: the channels, rate or label names fit no model, or there is no recording.
    """

    name: str
    licence: str
    citation: str
    rate_hz: float
    channels: tuple[str, ...]
    label_names: tuple[str, ...]
    recordings: tuple[LabelledRecording, ...]
    clocks: tuple[Clock, ...] = ()

    def __post_init__(self) -> None:
        if (
            len(self.channels) not in CHANNEL_COUNTS
            or len(set(self.channels)) < len(self.channels)
            or not set(self.channels) <= set(CHANNELS)
        ):
            raise DataError(
                f"{self.name} has the channels {', '.join(self.channels) or 'none'}, expected 1, 3 "
                f"or 6 different ones out of {', '.join(CHANNELS)}: rename the columns, or leave "
                "some out"
            )
        low, high = RATE_HZ_LIMITS
        if not low <= self.rate_hz <= high:
            raise DataError(
                f"{self.name} has {self.rate_hz:g} samples per second, expected {low:g} to "
                f"{high:g}: resample it, or record it at another rate"
            )
        for label in self.label_names:
            if not label.strip() or "\n" in label or self.label_names.count(label) > 1:
                raise DataError(
                    f"{self.name} has the label name {label!r}, expected different names of one "
                    "line each: rename it"
                )
        if not self.recordings:
            raise DataError(
                f"{self.name} holds no recordings, expected at least one for each label: record "
                "some"
            )
