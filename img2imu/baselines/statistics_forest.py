"""A random forest on statistics of the signal."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.signal_statistics import signal_statistics

TREES = 500


class StatisticsForest:
    """Features of :func:`~img2imu.baselines.signal_statistics.signal_statistics`, then Breiman 2001, "Random forests".

    Trees compare values with thresholds, so standardising would change nothing and unlabelled
    windows are of no use.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: of the forest.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.rate_hz, self.channels = rate_hz, channels
        self._model = RandomForestClassifier(TREES, random_state=seed)

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn."""
        self._model.fit(signal_statistics(windows, self.rate_hz, self.channels), labels)
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        return np.asarray(
            self._model.predict(signal_statistics(windows, self.rate_hz, self.channels))
        )
