"""Which windows calibrate and verify an export, and what a converted network must show on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import f1_score
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import MIN_WINDOW_SAMPLES, Contract
from edge_runtime.errors import DataError, UserError
from edge_runtime.frontend.design import gravity_of
from edge_runtime.network.interpreter import Inputs, as_tensors, one_by_one
from img2imu.datasets import load_data_set
from img2imu.datasets.registry import REGISTRY
from img2imu.windows import Windows, cut_windows

MAX_CALIBRATION_WINDOWS = 200  # more change the ranges little and take longer
MAX_VERIFICATION_WINDOWS = 500
# Smallest standard deviation of a channel within a window, m/s^2 or rad/s. The noise of a real
# sensor is larger.
MIN_DEVIATION = 1e-3
# Windows that share this many equal samples in a row come from the same recording, not from chance.
PIECE_SAMPLES = MIN_WINDOW_SAMPLES
TRAINING_WINDOWS = "the model's training windows"

MAX_FLOAT_DIFFERENCE = 1e-3  # in probability, torch against the float .tflite
MIN_AGREEMENT = 0.9  # share of windows with the same class, float against quantised
MAX_SUM_ERROR = 1e-3  # of the probabilities
INTEGER_STEP = 1 / 256  # of a probability given as an 8-bit integer


class ExportError(UserError):
    """A converted network that fails a check, or that a tool cannot make."""


class F1DropError(ExportError):
    """A model file that lost more macro-F1 than allowed."""


@dataclass(frozen=True)
class VerificationWindows:
    """Labelled windows on which float and quantised network are compared.

    Attributes:
        samples: (n, window_samples, channels) float32, SI units.
        classes: (n,) index into the model's labels.
        source: human-readable origin.
        unseen: whether the model learnt from none of these windows.
    """

    samples: Float32Array
    classes: npt.NDArray[np.int64]
    source: str
    unseen: bool


@dataclass(frozen=True)
class ExportWindows:
    """The windows that an export works with.

    Attributes:
        calibration: (n, window_samples, channels) windows that give the ranges of activations.
        calibration_source: human-readable origin of these.
        verification: other windows, on which float and quantised network are compared.
    """

    calibration: Float32Array
    calibration_source: str
    verification: VerificationWindows


def choose_windows(
    contract: Contract,
    support: Float32Array,
    support_classes: npt.NDArray[np.int64],
    data: str | None = None,
    calibration: str | None = None,
) -> ExportWindows:
    """Choose windows for calibration and verification. The two never share one.

    Args:
        contract: of the model.
        support: (n, window_samples, channels) windows that the model learnt from.
        support_classes: (n,) their classes.
        data: labelled data, named as for ``img2imu train``. Its windows that the model did not
            learn from verify. Without it, every third support window of each class verifies and
            does not calibrate.
        calibration: data that calibrates instead of the support windows.

    Raises:
        DataError: the data has other channels, another rate, other units or other labels; a channel
            is constant; or calibration and verification overlap.
    """
    everything = np.arange(len(support))
    held_out = _every_third_of_class(support_classes)
    if data:
        verification = _unlearnt_windows(contract, data, support)
    else:
        chosen = everything if calibration else held_out
        verification = VerificationWindows(
            samples=support[chosen],
            classes=support_classes[chosen],
            source=TRAINING_WINDOWS,
            unseen=False,
        )
    if calibration:
        windows = _load_windows(contract, calibration).samples
        source = calibration
    else:
        windows = support if data else support[np.setdiff1d(everything, held_out)]
        source = TRAINING_WINDOWS
    windows = windows[evenly_spaced(len(windows), MAX_CALIBRATION_WINDOWS)]
    _check_deviation(windows, contract, source)
    _check_no_overlap(windows, source, verification)
    return ExportWindows(windows, source, verification)


def evenly_spaced(n: int, count: int) -> npt.NDArray[np.int64]:
    """Return up to ``count`` indices, evenly spaced over 0 .. n - 1.

    The first ``count`` windows would not do: windows are often sorted by class.
    """
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(np.int64))


def _every_third_of_class(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return every third window of each class.

    If no class has three, return the second window of each class; if none has two, every third of
    all windows; of two windows, the last.
    """
    ordinal = np.array([np.count_nonzero(classes[:i] == c) for i, c in enumerate(classes)])
    for indices in (
        np.flatnonzero(ordinal % 3 == 2),
        np.flatnonzero(ordinal == 1),
        np.arange(len(classes))[2::3],
    ):
        if len(indices):
            return indices
    return np.array([len(classes) - 1])


def _unlearnt_windows(contract: Contract, data: str, support: Float32Array) -> VerificationWindows:
    """Return the windows of people that the model did not learn from.

    If it learnt from all people, return the windows that it did not learn from.
    """
    windows = _load_windows(contract, data)
    windows = windows.select(np.isin(windows.class_names, contract.labels))
    if not len(windows):
        raise DataError(
            f"{data} has none of the model's labels ({', '.join(contract.labels)}), expected "
            "windows of each: name the data that the model was made for"
        )
    learnt = _overlaps(windows.samples, support)
    new = ~np.isin(windows.subjects, np.unique(windows.subjects[learnt]))
    n_people = len(np.unique(windows.subjects[new]))
    people = "1 person" if n_people == 1 else f"{n_people} people"
    source = f"{people} in {data} that the model did not learn from"
    if not new.any():
        new = ~learnt
        source = f"windows in {data} that the model did not learn from, of people it learnt from"
    if not new.any():
        raise DataError(
            f"the model learnt from every window of {data}, expected others to verify with: name "
            "other data, or leave --data out"
        )
    windows = windows.select(np.flatnonzero(new))
    windows = windows.select(evenly_spaced(len(windows), MAX_VERIFICATION_WINDOWS))
    index = {label: i for i, label in enumerate(contract.labels)}
    classes = np.array([index[name] for name in windows.class_names.tolist()], np.int64)
    return VerificationWindows(windows.samples, classes, source, unseen=True)


def _load_windows(contract: Contract, data: str) -> Windows:
    """Cut windows of the model's length, channels and rate from a data set."""
    stream = contract.stream
    path = Path(data)
    # the user's own recordings are brought to the model's rate while they are read
    is_recordings = data not in REGISTRY and (path.is_dir() or path.suffix.lower() == ".csv")
    data_set = load_data_set(data, stream.rate_hz if is_recordings else None)
    missing = [name for name in stream.channels if name not in data_set.channels]
    if missing:
        raise DataError(
            f"{data} has no {missing[0]}, expected the model's channels "
            f"({', '.join(stream.channels)}): name data of the same sensors"
        )
    if data_set.rate_hz != stream.rate_hz:
        raise DataError(
            f"{data} has {data_set.rate_hz:g} samples per second, expected the model's "
            f"{stream.rate_hz:g}: name data of that rate"
        )
    windows = cut_windows(data_set, contract.window_s)
    columns = [data_set.channels.index(name) for name in stream.channels]
    samples = np.ascontiguousarray(windows.samples[:, :, columns])
    gravity = gravity_of(samples, stream.channels)
    if gravity != stream.gravity:
        raise DataError(
            f"{data} has gravity {gravity} in its accelerometer, expected gravity {stream.gravity} "
            "as in the training data: name data recorded in the same way"
        )
    return replace(windows, samples=samples, channels=stream.channels)


def _check_deviation(windows: Float32Array, contract: Contract, source: str) -> None:
    """Refuse calibration windows in which a channel never changes."""
    deviation = windows.std(1, dtype=np.float64).max(0)
    constant = deviation < MIN_DEVIATION
    if constant.any():
        column = int(constant.argmax())
        raise DataError(
            f"{contract.stream.channels[column]} is constant in the calibration windows "
            f"({source}): its standard deviation is {deviation[column]:.2g} at most, expected "
            f"{MIN_DEVIATION:g} or more; calibrate with recordings of every motion"
        )


def _check_no_overlap(
    calibration: Float32Array, source: str, verification: VerificationWindows
) -> None:
    """Refuse verification windows that overlap with the calibration windows."""
    shared = _overlaps(verification.samples, calibration)
    if shared.any():
        raise DataError(
            f"{np.count_nonzero(shared)} of {len(shared)} verification windows "
            f"({verification.source}) are in the calibration data too ({source}), expected none: "
            "calibrate with other recordings, or leave --calibration out"
        )


def _overlaps(windows: Float32Array, others: Float32Array) -> npt.NDArray[np.bool_]:
    """Return whether each window shares a piece of recording with any of the others.

    The windows may have been cut at different places.

    Args:
        windows: (n, window_samples, channels).
        others: (m, window_samples, channels).

    Returns:
        (n,) bool.
    """
    pieces = {
        others[i, start : start + PIECE_SAMPLES].tobytes()
        for i in range(len(others))
        for start in range(others.shape[1] - PIECE_SAMPLES + 1)
    }
    starts = range(0, windows.shape[1] - PIECE_SAMPLES + 1, PIECE_SAMPLES)
    return np.array(
        [
            any(window[start : start + PIECE_SAMPLES].tobytes() in pieces for start in starts)
            for window in windows
        ]
    )


def trained_probabilities(network: nn.Module, batch: Inputs) -> np.ndarray:
    """Return the trained network's probabilities (n, classes), computed one window at a time."""
    with torch.inference_mode():
        return np.concatenate(
            [
                network(*map(torch.from_numpy, as_tensors(window).values()))[0].numpy()
                for window in one_by_one(batch)
            ]
        )


def check_float(expected: np.ndarray, probabilities: np.ndarray, converter: str) -> None:
    """Check that the float ``.tflite`` answers as the trained network does.

    Args:
        expected: (n, classes) probabilities of the trained network.
        probabilities: (n, classes) of the float ``.tflite``.
        converter: its name, for the message.

    Raises:
        ExportError: they differ, or the probabilities do not sum to 1.
    """
    difference = float(np.abs(expected - probabilities).max())
    if not difference <= MAX_FLOAT_DIFFERENCE:  # NaN fails too
        raise ExportError(
            f"the network converted by {converter} differs from the trained one by "
            f"{difference:.2g} in probability, expected at most {MAX_FLOAT_DIFFERENCE:g}; no file "
            "was written: please report this"
        )
    check_sums(probabilities, "float", "float32")


def check_sums(probabilities: np.ndarray, name: str, io: str) -> None:
    """Check that probabilities (n, classes) sum to 1, as exactly as their type allows.

    Args:
        probabilities: of the network.
        name: of the network, for the message.
        io: type of the probabilities in the file.

    Raises:
        ExportError: they do not.
    """
    allowed = MAX_SUM_ERROR
    if io != "float32":
        allowed += probabilities.shape[1] * INTEGER_STEP
    error = _max_sum_error(probabilities)
    if not error <= allowed:  # NaN fails too
        raise ExportError(
            f"the {name} network's probabilities sum to 1 within {error:.2g}, expected "
            f"{allowed:.2g}; no file was written: please report this"
        )


def check_agreement(expected: np.ndarray, probabilities: np.ndarray, name: str) -> float:
    """Return the share of windows on which float and quantised network name the same class.

    Args:
        expected: (n, classes) probabilities of the float network.
        probabilities: (n, classes) of the quantised network.
        name: of the recipe, for the message.

    Raises:
        ExportError: the share is too small.
    """
    agreement = _agreement(expected, probabilities)
    if agreement < MIN_AGREEMENT:
        raise ExportError(
            f"{name} names the same class as float on {agreement:.0%} of {len(probabilities)} "
            f"windows, expected {MIN_AGREEMENT:.0%} or more; no file was written: train with more "
            "windows per class, or take another recipe"
        )
    return agreement


@dataclass(frozen=True)
class Comparison:
    """The float network and a model file on the same windows.

    Attributes:
        macro_f1_float: macro-F1 of the float network over the classes in the windows, 0 to 1.
        macro_f1: macro-F1 of the model file.
        f1_change: class name to change of its F1, negative where the model file is worse.
        agreement: share of windows on which both name the same class.
        max_probability_difference: largest over windows and classes.
        max_sum_error: largest difference of a window's summed probabilities from 1.
    """

    macro_f1_float: float
    macro_f1: float
    f1_change: dict[str, float]
    agreement: float
    max_probability_difference: float
    max_sum_error: float

    @property
    def f1_drop(self) -> float:
        """Loss in macro-F1 through quantisation, negative for a gain."""
        return self.macro_f1_float - self.macro_f1


def compare(
    truth: npt.NDArray[np.int64],
    labels: tuple[str, ...],
    expected: Float32Array,
    probabilities: Float32Array,
) -> Comparison:
    """Compare a model file with the float network, window by window.

    Args:
        truth: (n,) index into the labels.
        labels: class names.
        expected: (n, classes) probabilities of the float network.
        probabilities: (n, classes) of the model file.
    """
    present = np.unique(truth)
    f1 = _f1_by_class(truth, probabilities, present)
    float_f1 = _f1_by_class(truth, expected, present)
    return Comparison(
        macro_f1_float=float(float_f1.mean()),
        macro_f1=float(f1.mean()),
        f1_change={
            labels[c]: float(after - before)
            for c, before, after in zip(present, float_f1, f1, strict=True)
        },
        agreement=_agreement(expected, probabilities),
        max_probability_difference=float(np.abs(probabilities - expected).max()),
        max_sum_error=_max_sum_error(probabilities),
    )


def _f1_by_class(
    truth: npt.NDArray[np.int64], probabilities: np.ndarray, classes: npt.NDArray[np.int64]
) -> np.ndarray:
    predicted = probabilities.argmax(1)
    scores = f1_score(truth, predicted, labels=classes, average=None, zero_division=0)
    return np.asarray(scores)


def _agreement(expected: np.ndarray, probabilities: np.ndarray) -> float:
    return float((expected.argmax(1) == probabilities.argmax(1)).mean())


def _max_sum_error(probabilities: np.ndarray) -> float:
    return float(np.abs(probabilities.sum(1) - 1).max())
