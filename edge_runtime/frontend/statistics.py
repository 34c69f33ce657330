"""Numbers that a power spectrum cannot show: which way gravity points, and the amplitude as it is.

A contract names the statistics its model uses, in order. All are sums and elementary functions, so that they can also
be computed inside a ``.tflite`` graph.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# name -> computation on a window (n, channels), one value per channel, in the channels' units
STATISTICS: dict[str, Callable[[Array], Array]] = {
    "mean": lambda window: np.asarray(window.mean(0)),
    "std": lambda window: np.asarray(window.std(0)),  # of the population
}


def statistics(window: Array, names: tuple[str, ...]) -> Array:
    """The named statistics of a window (n, channels), one after another: (n_statistics,) float32."""
    return np.concatenate([STATISTICS[name](window) for name in names]).astype(np.float32, copy=False)


def count(names: tuple[str, ...], channels: int) -> int:
    """How many values :func:`statistics` gives for windows of so many channels."""
    return len(names) * channels
