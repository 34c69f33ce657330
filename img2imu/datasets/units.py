"""Is the accelerometer in m/s^2? Recordings in another unit would train a model that fits no device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.checks import REMEDIES, STANDARD_GRAVITY, acceleration_kind
from edge_runtime.contract import acc_triple
from edge_runtime.errors import DataError


def check_units(recordings: Iterable[tuple[str, npt.NDArray[np.float32]]], channels: Sequence[str]) -> None:
    """Refuse recordings in g, without a signal, or of which some hold gravity and some do not.

    Gravity may be missing throughout: the model then takes linear acceleration. With fewer than three accelerometer
    axes nothing can be told.

    Args:
        recordings: name and samples (n, channels) of each, finite.
        channels: names of the columns.

    Raises:
        DataError: see above.
    """
    columns = acc_triple(channels)
    if columns is None:
        return
    example: dict[str, str] = {}
    for name, samples in recordings:
        acc = samples[:, columns]
        kind = acceleration_kind(acc)
        if kind in REMEDIES:
            median = float(np.median(np.linalg.norm(acc, axis=1)))
            raise DataError(f"{name} has a median |acc| of {median:.3g}, expected about {STANDARD_GRAVITY:.3g} m/s^2 "
                            f"with gravity; {REMEDIES[kind]}")
        example.setdefault(kind, name)
    if len(example) > 1:
        raise DataError(f"{example['si']} holds gravity and {example['no gravity']} does not, expected all recordings "
                        "alike: record the raw accelerometer in all of them, not linear acceleration")
