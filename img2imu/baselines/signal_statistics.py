"""Statistics of windows in time and frequency: the classical features of activity recognition.

The selection follows Figo et al. 2010, "Preprocessing techniques for context recognition from
accelerometer data", and the features of the UCI HAR data set (Anguita et al. 2013, "A public domain
dataset for human activity recognition using smartphones").
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from edge_runtime.arrays import Float64Array
from img2imu.baselines.interface import Windows

BAND_EDGES_HZ = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 50.0, 100.0, 200.0)
POWER_FLOOR = 1e-6  # of a band, re 1 (m/s^2)^2 or (rad/s)^2: the noise of a good sensor
TINY = 1e-9


def signal_statistics(windows: Windows, rate_hz: float, channels: tuple[str, ...]) -> Float64Array:
    """Statistics of every axis and of the sensors' magnitudes, and the correlations between axes.

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
        np.linalg.norm(axes[:, :, columns], axis=2) for columns in sensors if len(columns) > 1
    ]
    signals = np.concatenate(
        [axes, *(m[:, :, None] for m in magnitudes)], axis=2
    )  # (n, samples, signals)
    parts = [_in_time(signals), _in_frequency(signals, rate_hz), _correlations(axes, sensors)]
    return np.concatenate(parts, axis=1)


def _in_time(x: Float64Array) -> Float64Array:
    mean, std = x.mean(1), x.std(1)
    z = (x - mean[:, None]) / (std[:, None] + TINY)
    quartiles = np.percentile(x, (25, 50, 75), axis=1)
    return np.concatenate(
        [
            mean,
            std,
            x.min(1),
            x.max(1),
            *quartiles,
            np.abs(np.diff(x, axis=1)).mean(1),
            (z**3).mean(1),
            (z**4).mean(1),
        ],
        axis=1,
    )


def _in_frequency(x: Float64Array, rate_hz: float) -> Float64Array:
    samples = x.shape[1]
    hann = np.hanning(samples + 2)[1:-1]
    hann *= 2 / hann.sum()  # a sine of amplitude A then shows A^2
    power = (
        np.abs(np.fft.rfft((x - x.mean(1, keepdims=True)) * hann[:, None], axis=1)) ** 2
    )  # (n, bins, signals)
    hz = np.fft.rfftfreq(samples, 1 / rate_hz)
    share = power / (power.sum(1, keepdims=True) + TINY)
    centroid = np.einsum("nbs,b->ns", share, hz)
    entropy = -(share * np.log(share + TINY)).sum(1) / np.log(len(hz))
    edges = [edge for edge in BAND_EDGES_HZ if edge < rate_hz / 2]
    bands = np.searchsorted(edges, hz, side="right") - 1
    in_bands = [
        np.log10(power[:, bands == band].sum(1) + POWER_FLOOR) for band in range(len(edges))
    ]
    return np.concatenate([centroid, hz[power.argmax(1)], entropy, *in_bands], axis=1)


def _correlations(x: Float64Array, sensors: list[list[int]]) -> Float64Array:
    pairs = [pair for columns in sensors for pair in combinations(columns, 2)]
    z = (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + TINY)
    return (
        np.array([(z[:, :, i] * z[:, :, j]).mean(1) for i, j in pairs])
        .reshape(len(pairs), len(x))
        .T
    )
