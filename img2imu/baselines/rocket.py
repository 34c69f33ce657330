"""Random convolutions and a ridge classifier, from the package aeon."""

from __future__ import annotations

from typing import Self

import numpy as np
from aeon.classification.convolution_based import (  # type: ignore[import-untyped]
    MultiRocketHydraClassifier,
)
from aeon.transformations.collection.convolution_based import (  # type: ignore[import-untyped]
    MiniRocket,
)
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from img2imu.baselines.interface import Labels, WindowSamples

ALPHAS = np.logspace(-3, 3, 10)  # those of MiniRocket's authors and of aeon


class MiniRocketRidge:
    """About 10,000 convolutions, the share of positive values of each, and a ridge classifier.

    Dempster, Schmidt and Webb 2021, "MiniRocket: a very fast (almost) deterministic transform for
    time series classification".

    Args:
        rate_hz: unused; kernels are in samples.
        channels: unused; the number of channels is that of the windows.
        seed: seed of the choice of channels and biases.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._model = minirocket_pipeline(seed)

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the classifier; unlabelled windows are not used."""
        self._model.fit(channels_first(windows), labels)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        return np.asarray(self._model.predict(channels_first(windows)))


class MultiRocketHydra:
    """The features of MultiRocket and of Hydra together, and a ridge classifier: aeon's classifier.

    Tan et al. 2022, "MultiRocket: multiple pooling operators and transformations for fast and
    effective time series classification"; Dempster, Schmidt and Webb 2023, "Hydra: competing
    convolutional kernels for fast and accurate time series classification".

    Args:
        rate_hz: unused; kernels are in samples.
        channels: unused; the number of channels is that of the windows.
        seed: seed of the kernels.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._model = MultiRocketHydraClassifier(random_state=seed)

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the classifier; unlabelled windows are not used."""
        self._model.fit(channels_first(windows), labels)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        return np.asarray(self._model.predict(channels_first(windows)))


def minirocket_pipeline(seed: int) -> Pipeline:
    """Return MiniRocket and a ridge classifier, for windows (n, channels, samples).

    The features are scaled but not centred, as in aeon's own classifier.
    """
    return make_pipeline(
        MiniRocket(random_state=seed),
        StandardScaler(with_mean=False),
        RidgeClassifierCV(alphas=ALPHAS),
    )


def channels_first(windows: WindowSamples) -> WindowSamples:
    """Turn windows (n, samples, channels) into aeon's (n, channels, samples)."""
    return np.ascontiguousarray(windows.transpose(0, 2, 1))
