"""What can be learnt from and judged: windows and labels of the right shape and type, from sensors that measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target

from edge_runtime.arrays import Float32Array
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import GYRO_LIMIT, VALUE_LIMIT

# Of a channel's samples over all windows, exactly at its largest or smallest value. Seven data sets
# of people, phones, cars and roads have 0.1 % at most; a sine whose tips are cut at 70 % of its
# amplitude has half of them there.
SATURATED_SHARE = 0.25


def as_windows(windows: npt.ArrayLike, channels: int) -> Float32Array:
    """Windows (n, samples, channels) as float32.

    Raises:
        DataError: another shape, none at all, unequal lengths, complex or missing numbers.
    """
    if type(windows).__module__.startswith("scipy.sparse"):
        raise DataError(
            f"the windows are a sparse container, expected dense numbers (n, samples, {channels}): call "
            "its toarray() and reshape it; sparse input is not supported"
        )
    if (
        getattr(windows, "dtype", np.dtype(float)).kind == "c"
    ):  # the imaginary part would be dropped without a word
        raise DataError(
            "the windows hold complex numbers, expected samples of sensors; Complex data not supported: "
            "give the signal itself, not its spectrum"
        )
    try:
        with np.errstate(
            over="ignore"
        ):  # a number too large for float32 becomes infinite, and is refused as such
            x = np.asarray(
                windows, np.float32, order="C"
            )  # sums depend on the layout, in the last bit
    except (ValueError, TypeError) as error:
        raise DataError(
            "the windows are not one array of numbers (have they unequal lengths?), expected (n, samples, "
            f"{channels}): cut them to one length"
        ) from error
    if x.ndim != 3 or x.shape[2] != channels or len(x) == 0:
        raise DataError(
            f"windows have the shape {x.shape}, expected (n, samples, {channels}) with at least one "
            "window: check the order of the axes and the channels"
        )
    bad = ~(np.abs(x) < VALUE_LIMIT).all((1, 2))  # so written, NaN is bad too
    if bad.any():
        raise DataError(
            f"window {int(bad.argmax())} holds NaN or infinite values, expected numbers below "
            f"{VALUE_LIMIT:.0e}: leave it out"
        )
    return x


def as_labels(labels: npt.ArrayLike, windows: int) -> npt.NDArray[Any]:
    """Labels (windows,) of a type that sorts, and that can be saved without a pickle.

    A column (windows, 1) is taken with scikit-learn's warning.

    Raises:
        DataError: another shape, a missing label, numbers with a fraction, which are no names of
        classes.
    """
    if labels is None:
        raise DataError(
            "fit requires y to be passed, but the target y is None: give a label for each window"
        )
    try:
        y = np.asarray(labels)
    except ValueError as error:
        raise DataError(
            f"the labels are not one array, expected one label for each of {windows} windows: check how "
            "they were made"
        ) from error
    if y.shape == (windows, 1):
        y = column_or_1d(y, warn=True)
    if y.shape != (windows,):
        raise DataError(
            f"{windows} windows came with labels of shape {y.shape}, expected one label a window: check "
            "how both were made"
        )
    if y.dtype == object and all(isinstance(label, str) for label in y):  # as pandas gives text
        y = y.astype(np.str_)
    if y.dtype.kind not in "Ubiuf" or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise DataError(
            f"the labels are of type {y.dtype}, or some are missing, expected text or numbers for every "
            "window (Unknown label type): convert them, and leave out windows without a label"
        )
    if y.dtype.kind == "f" and type_of_target(y) == "continuous":
        raise DataError(
            f"the labels are continuous numbers such as {y[y != y.round()][0]:.4g}, expected names or "
            "whole numbers of classes: a classifier cannot learn a measured quantity"
        )
    return y


def check_channels(x: Float32Array, channels: tuple[str, ...]) -> None:
    """Refuse a channel that is stuck or cut off at the end of its range over all windows, or a gyroscope in degrees.

    A dead axis says nothing about the motion, and a model that learnt with it breaks on the day it
    is mended.

    Args:
        x: (n, samples, channels).
        channels: their names.

    Raises:
        DataError: naming the first such channel.
    """
    for name, values in zip(channels, x.reshape(-1, len(channels)).T, strict=True):
        least, largest = values.min() + 0.0, values.max()  # a zero without a sign
        if least == largest:
            raise DataError(
                f"the channel {name} is {least:.4g} in every sample of all {len(x)} windows, expected one "
                "that changes: check that sensor, or train on the channels of the other one"
            )
        if name.startswith("gyro_") and max(-least, largest) > GYRO_LIMIT:
            raise DataError(
                f"the channel {name} reaches {max(-least, largest):.3g}, expected rad/s, at most "
                f"{GYRO_LIMIT:g}; the values look like degrees per second: multiply them by 0.0174533"
            )
        share = float(np.mean((values == least) | (values == largest)))
        if share > SATURATED_SHARE:
            raise DataError(
                f"the channel {name} is saturated: {share:.0%} of its samples are exactly {least:.4g} or "
                f"{largest:.4g}, expected {SATURATED_SHARE:.0%} at most: set the sensor to a wider range"
            )
