"""``MotionClassifier`` behind the interface of the baselines, and two controls.

The controls show what the network brings: :class:`RandomNetwork` has the same network with random
weights, and :class:`SpectraNoNetwork` has none.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Self

import numpy as np
import torch
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.frontend.design import design_front_end
from img2imu.backbone import EarlyBlocks
from img2imu.baselines.interface import Labels, WindowCache, WindowSamples
from img2imu.baselines.training import seeded
from img2imu.classifier import MotionClassifier

REFERENCE_WINDOWS = 128  # batch norm is estimated on at most this number of windows


class CachingClassifier(MotionClassifier):
    """A ``MotionClassifier`` that embeds no window twice.

    The embedding of a window does not depend on labels, and draws share windows.
    """

    def _embed_blocks(self, x: WindowSamples, show_progress: bool) -> list[Float32Array]:
        cache = _cache(
            type(self).__name__, self._weights_id(), self.rate_hz, tuple(self.channels), x.shape[1]
        )
        rows = cache.look_up(x, lambda new: zip(*self._compute_blocks(new), strict=True))
        return [np.stack(column) for column in zip(*rows, strict=True)]

    def _compute_blocks(self, x: WindowSamples) -> list[Float32Array]:
        """Return the blocks of the embedding of new windows: arrays (n, size of the block)."""
        return super()._embed_blocks(x, False)

    def _weights_id(self) -> str:
        """Return a text that tells this network's weights from others of the same class."""
        return ""


# The grid goes through tasks and networks in order, so that one cache at a time is enough.
@functools.lru_cache(maxsize=1)
def _cache(
    class_name: str,
    weights_id: str,
    rate_hz: float,
    channels: tuple[str, ...],
    window_samples: int,
) -> WindowCache[tuple[Float32Array, ...]]:
    return WindowCache()


class Img2Imu:
    """``MotionClassifier`` as a method of the benchmark; subclasses set another :attr:`kind`.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: seed of the classifier.
    """

    kind: type[CachingClassifier] = CachingClassifier

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.classifier = self.kind(rate_hz, channels, seed)

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the classifier; unlabelled windows are not used."""
        self.classifier.fit(windows, labels)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the most probable class of each window."""
        return self.classifier.predict(windows)


class _SpectraOnly(CachingClassifier):
    def _compute_blocks(self, x: WindowSamples) -> list[Float32Array]:
        front_end = FrontEnd(self.front_end_, x.shape[1], x.shape[2], self.rate_hz)
        features = front_end.compute_batch(x)
        mean = features.images.mean(3).reshape(len(x), -1)
        peak = features.images.max(3).reshape(len(x), -1)
        return [mean, peak, features.statistics]


class SpectraNoNetwork(Img2Imu):
    """``MotionClassifier`` without the network's texture.

    The head sees the mean and the peak of the images over time, and the statistics. An average of
    log spectra is Welch's estimate with a geometric mean (Welch 1967, "The use of fast Fourier
    transform for the estimation of power spectra").
    """

    kind = _SpectraOnly


class _RandomWeights(CachingClassifier):
    backbone_: EarlyBlocks
    reference_: WindowSamples

    def _backbone(self) -> EarlyBlocks:
        return self.backbone_

    def _weights_id(self) -> str:
        digest = hashlib.sha1(self.reference_.tobytes(), usedforsecurity=False)
        return f"{self.seed} {digest.hexdigest()}"


class RandomNetwork(Img2Imu):
    """``MotionClassifier`` with random weights in the early blocks.

    Under batch norm's initial statistics, random weights would be an unfairly weak control: the
    signal fades from layer to layer. So the statistics are estimated on the data (Rahimi and Recht
    2008, "Weighted sums of random kitchen sinks", is why random features can be good at all).

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: seed of the weights, and of the choice of unlabelled windows.
    """

    kind = _RandomWeights
    classifier: _RandomWeights

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the classifier; batch norm is estimated on 128 of the unlabelled windows.

        Without unlabelled windows, it is estimated on the labelled ones.
        """
        classifier = self.classifier
        samples = windows.shape[1]
        classifier.reference_ = windows
        if unlabelled is not None:
            order = np.random.default_rng(classifier.seed).permutation(len(unlabelled))
            classifier.reference_ = unlabelled[order[:REFERENCE_WINDOWS]]
        with seeded(classifier.seed):
            classifier.backbone_ = EarlyBlocks(pretrained=False)
        spec = design_front_end(classifier.rate_hz, samples, tuple(classifier.channels))
        front_end = FrontEnd(spec, samples, windows.shape[2], classifier.rate_hz)
        estimate_batch_norm(classifier.backbone_, front_end.compute_batch(classifier.reference_))
        return super().fit(windows, labels)


@torch.no_grad()
def estimate_batch_norm(backbone: EarlyBlocks, features: Features) -> None:
    """Replace the running statistics of every batch norm by those of these windows' images.

    In train mode a layer sees inputs that the layers below have already normalised, so one pass
    settles all of them. The backbone is in eval mode afterwards.
    """
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # nothing of the old statistics remains
    backbone.train()
    backbone(torch.from_numpy(features.images.reshape(-1, *features.images.shape[2:])))
    backbone.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
