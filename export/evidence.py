"""Which windows calibrate a quantiser, and which others judge what it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import MIN_WINDOW_SAMPLES, Contract
from edge_runtime.errors import DataError
from edge_runtime.frontend.design import gravity_of
from img2imu.datasets import load_data_set
from img2imu.datasets.registry import REGISTRY
from img2imu.windows import Windows, cut_windows

MAX_CALIBRATION_WINDOWS = 200  # more changes the ranges little and takes longer
MAX_VERIFICATION_WINDOWS = 500
LEAST_DEVIATION = (
    1e-3  # of a channel within a window, m/s^2 or rad/s: a real sensor's noise is more
)
PIECE_SAMPLES = (
    MIN_WINDOW_SAMPLES  # so many equal samples in a row are the same recording, not chance
)


@dataclass(frozen=True)
class Judged:
    """Labelled windows and where they come from.

    Attributes:
        samples: (n, window_samples, channels) float32, SI units.
        classes: (n,) index into the model's labels.
        source: where they come from, for people.
        unseen: whether the model learnt from none of the people (or recordings) in them.
    """

    samples: Float32Array
    classes: npt.NDArray[np.int64]
    source: str
    unseen: bool


@dataclass(frozen=True)
class Evidence:
    """What an export works with besides the network.

    Attributes:
        calibration: (n, window_samples, channels) windows that give the ranges of activations.
        calibration_source: where they come from, for people.
        verification: other windows, on which float and quantised are compared.
    """

    calibration: Float32Array
    calibration_source: str
    verification: Judged


def gather(
    contract: Contract,
    support: Float32Array,
    support_classes: npt.NDArray[np.int64],
    data: str | None = None,
    calibration: str | None = None,
) -> Evidence:
    """Choose the windows; calibration and verification never share any.

    Args:
        contract: of the model.
        support: (n, window_samples, channels) what the model learnt from.
        support_classes: (n,) their classes.
        data: labelled data as for ``img2imu train``; what the model did not learn from verifies.
            Without it, every third of each class's support windows verifies and does not calibrate.
        calibration: data that calibrates in place of the support windows.

    Raises:
        DataError: data of other channels, rate, units or labels, constant, or overlapping.
    """
    every = np.arange(len(support))
    held = _third_of_each_class(support_classes)
    kept = every if data or calibration else np.setdiff1d(every, held)
    if data:
        judged = _unlearnt(contract, data, support)
    else:
        judged = Judged(
            support[kept if calibration else held],
            support_classes[kept if calibration else held],
            "the model's training windows",
            False,
        )
    if calibration:
        windows, source = _cut(contract, calibration).samples, calibration
    else:
        windows, source = support[kept], "the model's training windows"
    windows = windows[spread(len(windows), MAX_CALIBRATION_WINDOWS)]
    _check_moves(windows, contract, source)
    _check_apart(windows, judged.samples, source, judged.source)
    return Evidence(windows, source, judged)


def _third_of_each_class(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Every third window of a class; of two windows the second; with one window per class, every third of all."""
    ordinal = np.array([np.count_nonzero(classes[:i] == c) for i, c in enumerate(classes)])
    for held in (
        np.flatnonzero(ordinal % 3 == 2),
        np.flatnonzero(ordinal == 1),
        np.arange(len(classes))[2::3],
    ):
        if len(held):
            return held
    return np.array([len(classes) - 1])


def spread(n: int, count: int) -> npt.NDArray[np.int64]:
    """Up to ``count`` indices, evenly spread over 0 .. n - 1; windows often stand class by class."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(np.int64))


def _unlearnt(contract: Contract, data: str, support: Float32Array) -> Judged:
    """Windows of people whom the model did not learn from; where it learnt from all, those it did not learn from."""
    windows = _cut(contract, data)
    windows = windows.select(np.isin(windows.class_names, contract.labels))
    if not len(windows):
        raise DataError(
            f"{data} has none of the model's labels ({', '.join(contract.labels)}), expected windows of "
            "each: name the data that the model was made for"
        )
    learnt = _overlaps(windows.samples, support)
    fresh = ~np.isin(windows.subjects, np.unique(windows.subjects[learnt]))
    people = (
        f"{len(np.unique(windows.subjects[fresh]))} people of {data} whom it did not learn from"
    )
    if not fresh.any():
        fresh, people = (
            ~learnt,
            f"{data}, windows that it did not learn from, of people that it knows",
        )
    if not fresh.any():
        raise DataError(
            f"the model learnt from every window of {data}, expected others to verify with: name other "
            "data, or leave --data out"
        )
    windows = windows.select(np.flatnonzero(fresh))
    windows = windows.select(spread(len(windows), MAX_VERIFICATION_WINDOWS))
    order = {label: i for i, label in enumerate(contract.labels)}
    classes = np.array([order[name] for name in windows.class_names.tolist()], np.int64)
    return Judged(windows.samples, classes, people, True)


def _cut(contract: Contract, data: str) -> Windows:
    """Windows of the model's length out of a data set with the model's channels and rate."""
    stream = contract.stream
    data_set = load_data_set(data, stream.rate_hz if _are_recordings(data) else None)
    missing = [name for name in stream.channels if name not in data_set.channels]
    if missing:
        raise DataError(
            f"{data} has no {missing[0]}, expected the model's channels ({', '.join(stream.channels)}): "
            "name data of the same sensors"
        )
    if data_set.rate_hz != stream.rate_hz:
        raise DataError(
            f"{data} has {data_set.rate_hz:g} samples per second, the model takes {stream.rate_hz:g}: "
            "name data of that rate"
        )
    windows = cut_windows(data_set, contract.window_s)
    columns = [data_set.channels.index(name) for name in stream.channels]
    samples = np.ascontiguousarray(windows.samples[:, :, columns])
    gravity = gravity_of(samples, stream.channels)
    if gravity != stream.gravity:
        raise DataError(
            f"{data} has gravity {gravity} in its accelerometer, the model learnt with gravity "
            f"{stream.gravity}: name data recorded in the same way"
        )
    return Windows(
        samples,
        windows.labels,
        windows.subjects,
        windows.recordings,
        windows.starts,
        windows.label_names,
        windows.rate_hz,
        stream.channels,
    )


def _are_recordings(data: str) -> bool:
    """Whether ``data`` is recordings of one's own, which are brought to a rate when they are read."""
    path = Path(data)
    return data not in REGISTRY and (path.is_dir() or path.suffix.lower() == ".csv")


def _check_moves(windows: Float32Array, contract: Contract, source: str) -> None:
    deviation = windows.std(1, dtype=np.float64).max(0)
    if (still := deviation < LEAST_DEVIATION).any():
        name = contract.stream.channels[int(still.argmax())]
        raise DataError(
            f"{name} is constant in the calibration windows ({source}): it deviates by at "
            f"most {deviation[still.argmax()]:.2g}, expected {LEAST_DEVIATION:g} or more; calibrate with "
            "recordings of every motion"
        )


def _check_apart(
    calibration: Float32Array,
    verification: Float32Array,
    source: str,
    other: str,
) -> None:
    shared = _overlaps(verification, calibration)
    if shared.any():
        raise DataError(
            f"{np.count_nonzero(shared)} of {len(shared)} verification windows ({other}) are in the "
            f"calibration data too ({source}), expected none: calibrate with other recordings, or leave "
            "--calibration out"
        )


def _overlaps(windows: Float32Array, others: Float32Array) -> npt.NDArray[np.bool_]:
    """(n,) whether a window shares a piece of recording with any of the others, wherever it was cut."""
    known = {
        others[i, at : at + PIECE_SAMPLES].tobytes()
        for i in range(len(others))
        for at in range(others.shape[1] - PIECE_SAMPLES + 1)
    }
    starts = range(0, windows.shape[1] - PIECE_SAMPLES + 1, PIECE_SAMPLES)
    return np.array(
        [
            any(window[at : at + PIECE_SAMPLES].tobytes() in known for at in starts)
            for window in windows
        ]
    )
