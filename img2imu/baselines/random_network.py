"""Our image network with random weights: what the photographs themselves bring is the distance to this."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import nn

from edge_runtime.frontend import Features, FrontEnd
from img2imu.backbone import EarlyBlocks, embed
from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.training import seeded
from img2imu.design import design_front_end
from img2imu.head import fit_head

REFERENCE_WINDOWS = 128  # that batch norm is estimated on


class RandomNetwork:
    """Front end, early blocks, features and head of ``MotionClassifier``; the weights of the blocks are random.

    Random weights under batch norm's initial statistics would be an unfairly weak control: the signal fades from layer
    to layer. So the statistics are estimated on the data (Rahimi and Recht 2008, "Weighted sums of random kitchen
    sinks", is why random features can be good at all).

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: of the weights, and of which unlabelled windows are taken.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.rate_hz, self.channels, self.seed = rate_hz, channels, seed

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; estimate batch norm on 128 of the unlabelled windows, or on the labelled when there are none."""
        samples = windows.shape[1]
        spec = design_front_end(self.rate_hz, samples, self.channels)
        self._front_end = FrontEnd(spec, samples, len(self.channels), self.rate_hz)
        reference = windows
        if unlabelled is not None:
            order = np.random.default_rng(self.seed).permutation(len(unlabelled))
            reference = unlabelled[order[:REFERENCE_WINDOWS]]
        with seeded(self.seed):
            self._backbone = EarlyBlocks(pretrained=False)
        estimate_batch_norm(self._backbone, self._front_end.compute_batch(reference))
        self._names, classes = np.unique(labels, return_inverse=True)
        blocks = embed(self._backbone, self._front_end.compute_batch(windows))
        self._head = fit_head(np.concatenate(blocks, 1), classes.astype(np.int64), [b.shape[1] for b in blocks])
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        features = np.concatenate(embed(self._backbone, self._front_end.compute_batch(windows)), 1)
        return np.asarray(self._names[self._head.probabilities(features).argmax(1)])


@torch.no_grad()
def estimate_batch_norm(backbone: EarlyBlocks, features: Features) -> None:
    """Replace the running statistics of every batch norm by those of these windows' images; leaves eval mode on.

    In train mode a layer sees inputs that the layers below have already normalised, so one pass settles all of them.
    """
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # forget what was there
    backbone.train()
    backbone(torch.from_numpy(features.images.reshape(-1, *features.images.shape[2:])))
    backbone.eval()
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
