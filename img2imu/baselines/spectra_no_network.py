"""Our spectra without any network: what the network itself brings is the distance to this."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from edge_runtime.frontend import FrontEnd
from img2imu.baselines.interface import Labels, Windows
from img2imu.design import design_front_end
from img2imu.head import fit_head


class SpectraNoNetwork:
    """The images of ``MotionClassifier`` averaged over time, its statistics, and its head.

    An average of log spectra is Welch's estimate with a geometric mean (Welch 1967, "The use of fast Fourier transform
    for the estimation of power spectra").

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: unused; nothing here is random.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.rate_hz, self.channels = rate_hz, channels

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; unlabelled windows are not used, as the head does not."""
        samples = windows.shape[1]
        spec = design_front_end(self.rate_hz, samples, self.channels)
        self._front_end = FrontEnd(spec, samples, len(self.channels), self.rate_hz)
        self._names, classes = np.unique(labels, return_inverse=True)
        spectra, statistics = self._blocks(windows)
        self._head = fit_head(np.concatenate([spectra, statistics], 1), classes.astype(np.int64),
                              [spectra.shape[1], statistics.shape[1]])
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        features = np.concatenate(self._blocks(windows), 1)
        return np.asarray(self._names[self._head.probabilities(features).argmax(1)])

    def _blocks(self, windows: Windows) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        features = self._front_end.compute_batch(windows)
        return features.images.mean(3).reshape(len(windows), -1), features.statistics
