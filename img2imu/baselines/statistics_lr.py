"""Logistic regression on statistics of the signal."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from edge_runtime.arrays import Float64Array
from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.signal_statistics import signal_statistics

MAX_ITERATIONS = 2000


class StatisticsLogisticRegression:
    """Features of :func:`~img2imu.baselines.signal_statistics.signal_statistics`, standardised, then a linear model.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: unused; nothing here is random.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.rate_hz, self.channels = rate_hz, channels
        self._scaler = StandardScaler()
        self._model = LogisticRegression(max_iter=MAX_ITERATIONS)

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; standardise on the unlabelled windows when there are some."""
        self._scaler.fit(self._statistics(windows if unlabelled is None else unlabelled))
        self._model.fit(self._scaler.transform(self._statistics(windows)), labels)
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        return np.asarray(self._model.predict(self._scaler.transform(self._statistics(windows))))

    def _statistics(self, windows: Windows) -> Float64Array:
        return signal_statistics(windows, self.rate_hz, self.channels)
