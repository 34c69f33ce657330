"""Numbers that a power spectrum cannot show: gravity's sign and direction, amplitude, shape, how the axes move together.

Each is a row of :data:`STATISTICS`; a contract names the ones its model uses, in order. All are sums, extremes and
elementary functions, so that they can also be computed inside a ``.tflite`` graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
TINY = 1e-6  # keeps quotients of a constant signal finite, in the channel's unit


@dataclass(frozen=True)
class WindowMoments:
    """What several statistics share.

    Attributes:
        window: (n, channels) in the channels' units.
        mean: (channels,).
        std: (channels,), of the population.
        standard: (n, channels), the window less its mean, over its standard deviation.
        magnitude: (n, sensors), length of each sensor's vector; no column for a lone axis.
    """

    window: Array
    mean: Array
    std: Array
    standard: Array
    magnitude: Array

    @staticmethod
    def of(window: Array) -> WindowMoments:
        """Compute them once for a window."""
        n, channels = window.shape
        mean = window.mean(0)
        centred = window - mean
        std = np.sqrt(np.einsum("nc,nc->c", centred, centred) / n)
        triples = window[:, :channels // 3 * 3].reshape(n, -1, 3)
        magnitude = np.sqrt(np.einsum("nsa,nsa->ns", triples, triples))
        return WindowMoments(window, mean, std, centred / (std + np.float32(TINY)), magnitude)


def _mean_abs_difference(m: WindowMoments) -> Array:
    return np.asarray(np.abs(m.window[1:] - m.window[:-1]).mean(0))


def _skewness(m: WindowMoments) -> Array:
    return np.asarray((m.standard * m.standard * m.standard).mean(0))


def _kurtosis(m: WindowMoments) -> Array:
    return np.asarray(np.square(m.standard * m.standard).mean(0))


def _correlation(m: WindowMoments) -> Array:
    """x-y, x-z and y-z of each sensor."""
    correlation = m.standard.T @ m.standard / len(m.standard)
    pairs = [(s + i, s + j) for s in range(0, len(correlation) // 3 * 3, 3) for i, j in ((0, 1), (0, 2), (1, 2))]
    return np.array([correlation[pair] for pair in pairs], np.float32)


# name -> computation; the values come in the order of channels, or of sensors for magnitude_* and correlation
STATISTICS: dict[str, Callable[[WindowMoments], Array]] = {
    "mean": lambda m: m.mean,
    "std": lambda m: m.std,
    "min": lambda m: np.asarray(m.window.min(0)),
    "max": lambda m: np.asarray(m.window.max(0)),
    "mean_abs_difference": _mean_abs_difference,
    "skewness": _skewness,
    "kurtosis": _kurtosis,
    "correlation": _correlation,
    "magnitude_mean": lambda m: np.asarray(m.magnitude.mean(0)),
    "magnitude_std": lambda m: np.asarray(m.magnitude.std(0)),
    "magnitude_min": lambda m: np.asarray(m.magnitude.min(0)),
    "magnitude_max": lambda m: np.asarray(m.magnitude.max(0)),
}


def statistics(window: Array, names: tuple[str, ...]) -> Array:
    """The named statistics of a window (n, channels), one after another: (n_statistics,) float32."""
    moments = WindowMoments.of(window)
    return np.concatenate([STATISTICS[name](moments) for name in names]).astype(np.float32, copy=False)


def count(name: str, channels: int) -> int:
    """How many values the statistic ``name`` has for windows of so many channels."""
    sensors = channels // 3
    if name == "correlation":
        return 3 * sensors
    return sensors if name.startswith("magnitude_") else channels
