"""Classical features of activity recognition, with logistic regression and with a random forest.

The features are statistics of windows in time and frequency. The selection follows Figo et al.
2010, "Preprocessing techniques for context recognition from accelerometer data", and the UCI HAR
data set (Anguita et al. 2013, "A public domain dataset for human activity recognition using
smartphones").
"""

from __future__ import annotations

from itertools import combinations
from typing import Self

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from edge_runtime.arrays import Float64Array
from img2imu.baselines.interface import Labels, WindowSamples

MAX_ITERATIONS = 2000  # of the logistic regression
TREES = 500
BAND_EDGES_HZ = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 50.0, 100.0, 200.0)
POWER_FLOOR = 1e-6  # of a band, re 1 (m/s^2)^2 or (rad/s)^2: the noise of a good sensor
TINY = 1e-9  # keeps divisors and logarithms above zero


class StatisticsLogisticRegression:
    """The features of :func:`signal_statistics`, standardised, then a linear model.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: unused; nothing here is random.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self._scaler = StandardScaler()
        self._model = LogisticRegression(max_iter=MAX_ITERATIONS)

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the model; features are standardised on the unlabelled windows if there are any."""
        reference = windows if unlabelled is None else unlabelled
        self._scaler.fit(self._statistics(reference))
        self._model.fit(self._scaler.transform(self._statistics(windows)), labels)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        return np.asarray(self._model.predict(self._scaler.transform(self._statistics(windows))))

    def _statistics(self, windows: WindowSamples) -> Float64Array:
        return signal_statistics(windows, self.rate_hz, self.channels)


class StatisticsForest:
    """The features of :func:`signal_statistics`, then Breiman 2001, "Random forests".

    Trees compare values with thresholds, so standardising would change nothing, and unlabelled
    windows are of no use.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: seed of the forest.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self._model = RandomForestClassifier(TREES, random_state=seed)

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the forest; unlabelled windows are not used."""
        self._model.fit(signal_statistics(windows, self.rate_hz, self.channels), labels)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        statistics = signal_statistics(windows, self.rate_hz, self.channels)
        return np.asarray(self._model.predict(statistics))


def signal_statistics(
    windows: WindowSamples, rate_hz: float, channels: tuple[str, ...]
) -> Float64Array:
    """Return statistics of each axis and each sensor's magnitude, and correlations of the axes.

    Args:
        windows: (n, samples, channels).
        rate_hz: samples per second.
        channels: names of the columns.

    Returns:
        (n, features).
    """
    axes = np.asarray(windows, np.float64)
    sensors = [
        [i for i, name in enumerate(channels) if name.startswith(kind)]
        for kind in ("acc_", "gyro_")
    ]
    magnitudes = [
        np.linalg.norm(axes[:, :, columns], axis=2)[:, :, None]
        for columns in sensors
        if len(columns) > 1
    ]
    signals = np.concatenate([axes, *magnitudes], axis=2)  # (n, samples, signals)
    parts = [_in_time(signals), _in_frequency(signals, rate_hz), _correlations(axes, sensors)]
    return np.concatenate(parts, axis=1)


def _in_time(x: Float64Array) -> Float64Array:
    mean = x.mean(1)
    std = x.std(1)
    z = (x - mean[:, None]) / (std[:, None] + TINY)
    quartiles = np.percentile(x, (25, 50, 75), axis=1)
    step = np.abs(np.diff(x, axis=1)).mean(1)
    skewness = (z**3).mean(1)
    kurtosis = (z**4).mean(1)
    return np.concatenate(
        [mean, std, x.min(1), x.max(1), *quartiles, step, skewness, kurtosis], axis=1
    )


def _in_frequency(x: Float64Array, rate_hz: float) -> Float64Array:
    samples = x.shape[1]
    hann = np.hanning(samples + 2)[1:-1]
    hann *= 2 / hann.sum()  # a sine of amplitude A then shows A^2
    spectrum = np.fft.rfft((x - x.mean(1, keepdims=True)) * hann[:, None], axis=1)
    power = np.abs(spectrum) ** 2  # (n, bins, signals)
    hz = np.fft.rfftfreq(samples, 1 / rate_hz)
    share = power / (power.sum(1, keepdims=True) + TINY)
    centroid = np.einsum("nbs,b->ns", share, hz)
    entropy = -(share * np.log(share + TINY)).sum(1) / np.log(len(hz))
    edges = [edge for edge in BAND_EDGES_HZ if edge < rate_hz / 2]
    band_of_bin = np.searchsorted(edges, hz, side="right") - 1
    in_bands = [
        np.log10(power[:, band_of_bin == band].sum(1) + POWER_FLOOR) for band in range(len(edges))
    ]
    return np.concatenate([centroid, hz[power.argmax(1)], entropy, *in_bands], axis=1)


def _correlations(x: Float64Array, sensors: list[list[int]]) -> Float64Array:
    """Return the correlation of each two axes of one sensor: (n, pairs)."""
    pairs = [pair for columns in sensors for pair in combinations(columns, 2)]
    z = (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + TINY)
    correlations = np.array([(z[:, :, i] * z[:, :, j]).mean(1) for i, j in pairs])
    return correlations.reshape(len(pairs), len(x)).T
