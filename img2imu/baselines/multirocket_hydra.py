"""MultiRocket-Hydra."""

from __future__ import annotations

from typing import Self

import numpy as np
from aeon.classification.convolution_based import MultiRocketHydraClassifier  # type: ignore[import-untyped]

from img2imu.baselines.interface import Labels, Windows, channels_first


class MultiRocketHydra:
    """The features of MultiRocket and of Hydra together, and a ridge classifier, as aeon has them.

    Tan et al. 2022, "MultiRocket: multiple pooling operators and transformations for fast and
    effective time series classification"; Dempster, Schmidt and Webb 2023, "Hydra: competing
    convolutional kernels for fast and accurate time series classification".

    Args:
        rate_hz: unused; kernels are in samples.
        channels: unused; as many as the windows have.
        seed: of the kernels.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._model = MultiRocketHydraClassifier(random_state=seed)

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; unlabelled windows are not used."""
        self._model.fit(channels_first(windows), labels)
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        return np.asarray(self._model.predict(channels_first(windows)))
