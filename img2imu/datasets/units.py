"""Is the accelerometer in m/s^2, the gyroscope in rad/s? Other units would train a model that fits no device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import acc_triple
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import GYRO_LIMIT, REMEDIES, STANDARD_GRAVITY, acceleration_kind

# Of the gyroscope's values, largest first, those above this share are judged: one corrupt sample is
# no other unit.
FASTEST_SHARE = 0.001


def check_units(recordings: Iterable[tuple[str, Float32Array]], channels: Sequence[str]) -> None:
    """Refuse recordings in g or degrees per second, without a signal, or of which some hold gravity and some do not.

    Gravity may be missing throughout: the model then takes linear acceleration. With fewer than
    three accelerometer axes nothing can be told of them.

    Args:
        recordings: name and samples (n, channels) of each, finite.
        channels: names of the columns.

    Raises:
        DataError: see above.
    """
    columns = acc_triple(channels)
    turning = [i for i, name in enumerate(channels) if name.startswith("gyro_")]
    example: dict[str, str] = {}
    for name, samples in recordings:
        if columns is not None:
            example.setdefault(_checked_kind(name, samples[:, columns]), name)
        if turning:
            _check_gyroscope(name, samples[:, turning])
    if len(example) > 1:
        raise DataError(
            f"{example['si']} holds gravity and {example['no gravity']} does not, expected all recordings "
            "alike: record the raw accelerometer in all of them, not linear acceleration"
        )


def _checked_kind(name: str, acc: Float32Array) -> str:
    kind = acceleration_kind(acc)
    if kind in REMEDIES:
        median = float(np.median(np.linalg.norm(acc, axis=1)))
        raise DataError(
            f"{name} has a median |acc| of {median:.3g}, expected about {STANDARD_GRAVITY:.3g} m/s^2 "
            f"with gravity; {REMEDIES[kind]}"
        )
    return kind


def _check_gyroscope(name: str, gyro: Float32Array) -> None:
    fastest = float(np.quantile(np.abs(gyro), 1 - FASTEST_SHARE))
    if fastest > GYRO_LIMIT:
        raise DataError(
            f"{name} has a gyroscope that gives {fastest:.3g}, expected rad/s, at most {GYRO_LIMIT:g}; the "
            "values look like degrees per second: multiply them by 0.0174533"
        )
