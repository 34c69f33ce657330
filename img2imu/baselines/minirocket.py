"""MiniRocket and a ridge classifier."""

from __future__ import annotations

from typing import Self

import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket  # type: ignore[import-untyped]
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from img2imu.baselines.interface import Labels, Windows, channels_first

ALPHAS = np.logspace(-3, 3, 10)  # as its authors and aeon have it


class MiniRocketRidge:
    """About 10,000 convolutions, the share of positive values of each, and a ridge classifier.

    Dempster, Schmidt and Webb 2021, "MiniRocket: a very fast (almost) deterministic transform for
    time series classification". The features are scaled but not centred, as in aeon's own
    classifier.

    Args:
        rate_hz: unused; kernels are in samples.
        channels: unused; as many as the windows have.
        seed: of the choice of channels and biases.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._model = make_pipeline(
            MiniRocket(random_state=seed),
            StandardScaler(with_mean=False),
            RidgeClassifierCV(alphas=ALPHAS),
        )

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; unlabelled windows are not used."""
        self._model.fit(channels_first(windows), labels)
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        return np.asarray(self._model.predict(channels_first(windows)))
