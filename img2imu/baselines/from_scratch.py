"""What the networks that start from random weights have in common: standardised windows in, a class out."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import nn

from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.training import predicted_classes, seeded, train

STEPS = 200
BATCH_WINDOWS = 32
RATE = 1e-3
WEIGHT_DECAY = 1e-2
TINY_STD = 1e-6  # of a channel that never changes


class FromScratch:
    """Trains the network that a subclass builds; hyper-parameters are the same for all data sets.

    Args:
        rate_hz: unused; the networks' kernels are in samples.
        channels: names of the columns.
        seed: of the weights, the batches and dropout.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.channels, self.seed = channels, seed

    def build(self, channels: int, classes: int) -> nn.Module:
        """The network: windows (B, channels, samples) to logits (B, classes). Override."""
        raise NotImplementedError

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; standardise channels on the unlabelled windows when there are some."""
        reference = windows if unlabelled is None else unlabelled
        self._mean, self._std = reference.mean((0, 1)), reference.std((0, 1)) + TINY_STD
        self._names, classes = np.unique(labels, return_inverse=True)
        with seeded(self.seed):
            self._network = self.build(len(self.channels), len(self._names))
            optimiser = torch.optim.AdamW(
                self._network.parameters(), RATE, weight_decay=WEIGHT_DECAY
            )
            train(
                self._network,
                optimiser,
                self._inputs(windows),
                torch.from_numpy(classes),
                steps=STEPS,
                batch=BATCH_WINDOWS,
            )
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        return np.asarray(self._names[predicted_classes(self._network, self._inputs(windows))])

    def _inputs(self, windows: Windows) -> torch.Tensor:
        standard = ((windows - self._mean) / self._std).astype(np.float32)
        return torch.from_numpy(
            np.ascontiguousarray(standard.transpose(0, 2, 1))
        )  # (n, channels, samples)
