"""Check what a classifier is given: shapes, types, and sensors that really measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target

from edge_runtime.arrays import Float32Array
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import GYRO_LIMIT, REMEDIES, VALUE_LIMIT

# Share of a channel's samples, over all windows, that lie exactly at its largest or smallest value.
# Seven data sets of people, phones, cars and roads have 0.1 % at most. A sine whose tips are cut at
# 70 % of its amplitude has half of its samples there.
SATURATED_SHARE = 0.25


def as_windows(windows: npt.ArrayLike, channels: int) -> Float32Array:
    """Return windows (n, samples, channels) as float32.

    Raises:
        DataError: another shape, no window, unequal lengths, complex or missing numbers.
    """
    if type(windows).__module__.startswith("scipy.sparse"):
        raise DataError(
            "the windows are a sparse container, expected dense numbers "
            f"(n, samples, {channels}): call its toarray() and reshape it; sparse input is not "
            "supported"
        )
    # numpy would silently drop the imaginary part.
    if getattr(windows, "dtype", np.dtype(float)).kind == "c":
        raise DataError(
            "the windows hold complex numbers, expected samples of sensors; Complex data not "
            "supported: give the signal itself, not its spectrum"
        )
    try:
        # A number too large for float32 becomes infinite, and is refused below.
        with np.errstate(over="ignore"):
            # The order is fixed, because the last bit of a sum depends on the memory layout.
            x = np.asarray(windows, np.float32, order="C")
    except (ValueError, TypeError) as error:
        raise DataError(
            "the windows are not one array of numbers (have they unequal lengths?), expected "
            f"(n, samples, {channels}): cut them to one length"
        ) from error
    if x.ndim != 3 or x.shape[2] != channels or len(x) == 0:
        raise DataError(
            f"windows have the shape {x.shape}, expected (n, samples, {channels}) with at least "
            "one window: check the order of the axes and the channels"
        )
    bad = ~(np.abs(x) < VALUE_LIMIT).all((1, 2))  # written so that NaN is bad too
    if bad.any():
        raise DataError(
            f"window {int(bad.argmax())} holds NaN or infinite values, expected numbers below "
            f"{VALUE_LIMIT:.0e}: leave it out"
        )
    return x


def as_labels(labels: npt.ArrayLike, windows: int) -> npt.NDArray[Any]:
    """Return labels (windows,) of a type that sorts, and that can be saved without a pickle.

    A column (windows, 1) is accepted with scikit-learn's warning.

    Raises:
        DataError: another shape, a missing label, or numbers with a fraction, which cannot be
            names of classes.
    """
    if labels is None:
        raise DataError(
            "fit requires y to be passed, but the target y is None: give a label for each window"
        )
    try:
        y = np.asarray(labels)
    except ValueError as error:
        raise DataError(
            f"the labels are not one array, expected one label for each of {windows} windows: "
            "check how they were made"
        ) from error
    if y.shape == (windows, 1):
        y = column_or_1d(y, warn=True)
    if y.shape != (windows,):
        raise DataError(
            f"{windows} windows came with labels of shape {y.shape}, expected one label a window: "
            "check how both were made"
        )
    # pandas gives text as objects.
    if y.dtype == object and all(isinstance(label, str) for label in y):
        y = y.astype(np.str_)
    if y.dtype.kind not in "Ubiuf" or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise DataError(
            f"the labels are of type {y.dtype}, or some are missing, expected text or numbers for "
            "every window (Unknown label type): convert them, and leave out windows without a label"
        )
    if y.dtype.kind == "f" and type_of_target(y) == "continuous":
        raise DataError(
            f"the labels are continuous numbers such as {y[y != y.round()][0]:.4g}, expected names "
            "or whole numbers of classes: a classifier cannot learn a measured quantity"
        )
    return y


def check_channels(x: Float32Array, channels: tuple[str, ...]) -> None:
    """Refuse a stuck or saturated channel, and a gyroscope in degrees per second.

    A dead axis carries no information about the motion. A model that learnt with it breaks when
    the sensor is repaired.

    Args:
        x: (n, samples, channels).
        channels: their names.

    Raises:
        DataError: names the first such channel.
    """
    for name, values in zip(channels, x.reshape(-1, len(channels)).T, strict=True):
        least = values.min() + 0.0  # turns -0 into 0
        largest = values.max()
        if least == largest:
            raise DataError(
                f"the channel {name} is {least:.4g} in every sample of all {len(x)} windows, "
                "expected one that changes: check that sensor, or train on the channels of the "
                "other one"
            )
        fastest = max(-least, largest)
        if name.startswith("gyro_") and fastest > GYRO_LIMIT:
            raise DataError(
                f"the channel {name} reaches {fastest:.3g}, expected rad/s, at most "
                f"{GYRO_LIMIT:g}; {REMEDIES['dps']}"
            )
        share = float(np.mean((values == least) | (values == largest)))
        if share > SATURATED_SHARE:
            raise DataError(
                f"the channel {name} is saturated: {share:.0%} of its samples are exactly "
                f"{least:.4g} or {largest:.4g}, expected {SATURATED_SHARE:.0%} at most: set the "
                "sensor to a wider range"
            )
