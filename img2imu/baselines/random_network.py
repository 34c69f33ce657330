"""Our image network with random weights: what the photographs themselves bring is the distance to this."""

from __future__ import annotations

import hashlib
from typing import Self

import numpy as np
import torch
from torch import nn

from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.frontend.design import design_front_end
from img2imu.backbone import EarlyBlocks
from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.training import seeded
from img2imu.baselines.variant import RememberingClassifier, Variant

REFERENCE_WINDOWS = 128  # that batch norm is estimated on


class _RandomEyes(RememberingClassifier):
    backbone_: EarlyBlocks
    reference_: Windows

    def _backbone(self) -> EarlyBlocks:
        return self.backbone_

    def _eyes(self) -> str:
        return f"{self.seed} {hashlib.sha1(self.reference_.tobytes(), usedforsecurity=False).hexdigest()}"


class RandomNetwork(Variant):
    """Front end, early blocks, features and head of ``MotionClassifier``; the weights of the blocks are random.

    Random weights under batch norm's initial statistics would be an unfairly weak control: the
    signal fades from layer to layer. So the statistics are estimated on the data (Rahimi and Recht
    2008, "Weighted sums of random kitchen sinks", is why random features can be good at all).

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: of the weights, and of which unlabelled windows are taken.
    """

    kind = _RandomEyes
    classifier: _RandomEyes

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; estimate batch norm on 128 of the unlabelled windows, or on the labelled when there are none."""
        ours, samples = self.classifier, windows.shape[1]
        ours.reference_ = windows
        if unlabelled is not None:
            order = np.random.default_rng(ours.seed).permutation(len(unlabelled))
            ours.reference_ = unlabelled[order[:REFERENCE_WINDOWS]]
        with seeded(ours.seed):
            ours.backbone_ = EarlyBlocks(pretrained=False)
        spec = design_front_end(ours.rate_hz, samples, tuple(ours.channels))
        front_end = FrontEnd(spec, samples, windows.shape[2], ours.rate_hz)
        estimate_batch_norm(ours.backbone_, front_end.compute_batch(ours.reference_))
        return super().fit(windows, labels)


@torch.no_grad()
def estimate_batch_norm(backbone: EarlyBlocks, features: Features) -> None:
    """Replace the running statistics of every batch norm by those of these windows' images; leaves eval mode on.

    In train mode a layer sees inputs that the layers below have already normalised, so one pass
    settles all of them.
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
