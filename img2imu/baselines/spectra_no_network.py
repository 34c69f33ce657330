"""Our spectra without any network: what the network itself brings is the distance to this."""

from __future__ import annotations

from edge_runtime.frontend import FrontEnd
from img2imu.baselines.interface import Windows
from img2imu.baselines.variant import Block, RememberingClassifier, Variant


class _SpectraOnly(RememberingClassifier):
    def _see(self, x: Windows) -> list[Block]:
        features = FrontEnd(self.front_end_, x.shape[1], x.shape[2], self.rate_hz).compute_batch(x)
        spectra = [
            features.images.mean(3).reshape(len(x), -1),
            features.images.max(3).reshape(len(x), -1),
        ]
        return [*spectra, features.statistics]


class SpectraNoNetwork(Variant):
    """``MotionClassifier`` without the network's texture: mean and peak of the images over time, statistics, head.

    An average of log spectra is Welch's estimate with a geometric mean (Welch 1967, "The use of
    fast Fourier transform for the estimation of power spectra").
    """

    kind = _SpectraOnly
