"""Cut labelled recordings into windows of equal length."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import MIN_WINDOW_SAMPLES
from edge_runtime.errors import DataError
from img2imu.data_set import NO_LABEL, DataSet, LabelledRecording


@dataclass(frozen=True, eq=False)
class Windows:
    """Labelled windows, and where each was cut.

    Attributes:
        samples: (n, window_samples, channels) float32, SI units.
        labels: (n,) int64, index into ``label_names``.
        subjects: (n,) text, the person.
        recordings: (n,) int64, number of the recording in the data set.
        starts: (n,) int64, first sample in the recording.
        label_names: all names of the data set, including those that no window has.
        rate_hz: samples per second.
        channels: names of the columns.
    """

    samples: Float32Array
    labels: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.str_]
    recordings: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    label_names: tuple[str, ...]
    rate_hz: float
    channels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def class_names(self) -> npt.NDArray[np.str_]:
        """(n,) name of each window's label."""
        return np.array(self.label_names)[self.labels]

    def select(self, indices: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Windows:
        """Return the windows at these positions, in this order, or those where a mask is true."""
        return replace(
            self,
            samples=self.samples[indices],
            labels=self.labels[indices],
            subjects=self.subjects[indices],
            recordings=self.recordings[indices],
            starts=self.starts[indices],
        )


def cut_windows(data_set: DataSet, window_s: float, step_s: float | None = None) -> Windows:
    """Cut every stretch of one label into windows.

    No window crosses a recording or a change of label.

    Args:
        data_set: samples without a label are left out.
        window_s: length of a window, rounded to whole samples.
        step_s: distance between the starts of two windows in a stretch. By default windows do not
            overlap.

    Raises:
        DataError: a window is shorter than 16 samples, a step is shorter than one sample, or no
            stretch is long enough for a window.
    """
    size = _whole_samples("window", window_s, data_set.rate_hz, MIN_WINDOW_SAMPLES)
    step = size if step_s is None else _whole_samples("step", step_s, data_set.rate_hz, 1)
    samples: list[Float32Array] = []
    origins: list[tuple[int, int, int]] = []  # label, recording, start
    for number, recording in enumerate(data_set.recordings):
        for begin, end in _stretches(recording):
            for start in range(begin, end - size + 1, step):
                samples.append(recording.samples[start : start + size])
                origins.append((int(recording.labels[start]), number, start))
    if not samples:
        raise DataError(_why_no_window(data_set, window_s))
    labels, recordings, starts = np.array(origins, np.int64).T
    subjects = np.array([recording.subject for recording in data_set.recordings])
    return Windows(
        samples=np.stack(samples),
        labels=labels,
        subjects=subjects[recordings],
        recordings=recordings,
        starts=starts,
        label_names=data_set.label_names,
        rate_hz=data_set.rate_hz,
        channels=data_set.channels,
    )


def _whole_samples(what: str, seconds: float, rate_hz: float, least: int) -> int:
    samples = round(seconds * rate_hz) if 0 < seconds < float("inf") else 0
    if samples < least:
        raise DataError(
            f"a {what} of {seconds:g} s is {samples} samples at {rate_hz:g} Hz, expected {least} "
            f"or more: take {least / rate_hz:.3g} s or longer"
        )
    return samples


def _stretches(recording: LabelledRecording) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each run of one label. They do not depend on the window's length."""
    if not len(recording.labels):
        return
    bounds = [0, *(np.flatnonzero(np.diff(recording.labels)) + 1).tolist(), len(recording.labels)]
    for begin, end in itertools.pairwise(bounds):
        if recording.labels[begin] != NO_LABEL:
            yield begin, end


def _why_no_window(data_set: DataSet, window_s: float) -> str:
    stretches = [
        end - begin for recording in data_set.recordings for begin, end in _stretches(recording)
    ]
    if not stretches:
        return (
            f"no sample of {data_set.name} has a label, expected some for each class: label the "
            "recordings"
        )
    lengths_s = [len(recording.labels) / data_set.rate_hz for recording in data_set.recordings]
    return (
        f"no window of {window_s:g} s fits into {data_set.name}, whose {len(lengths_s)} recordings "
        f"are {min(lengths_s):.3g} to {max(lengths_s):.3g} s long and whose longest stretch of one "
        f"label is {max(stretches) / data_set.rate_hz:.3g} s: take a shorter window, or record "
        "longer"
    )
