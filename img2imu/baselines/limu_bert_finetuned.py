"""LIMU-BERT-X, fine-tuned on the labelled windows."""

from __future__ import annotations

from copy import deepcopy
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.limu_bert import (
    HIDDEN,
    LimuBert,
    clips_of,
    load_limu_bert,
    require_six_channels,
)
from img2imu.baselines.training import predicted_classes, seeded, train

STEPS = 100
BATCH_WINDOWS = 32
RATE = 1e-4
MAX_ITERATIONS = 2000
TINY_STD = 1e-6  # of an embedding that never changes


class LimuBertFinetuned:
    """The whole network under a linear head, trained with a small rate; see :mod:`img2imu.baselines.limu_bert`.

    The head starts as a logistic regression on the frozen network, so that a random head does not
    spoil what the network knows (Kumar et al. 2022, "Fine-tuning can distort pretrained features
    and underperform out-of-distribution").

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns; all six are needed.
        seed: of the batches.

    Raises:
        DataError: fewer channels, or no weights.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        require_six_channels(channels)
        self.rate_hz, self.channels, self.seed = rate_hz, channels, seed
        self._encoder = load_limu_bert()

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; standardise the embeddings on the unlabelled windows when there are some."""
        self._names, classes = np.unique(labels, return_inverse=True)
        clips = clips_of(windows, self.rate_hz, self.channels)
        reference = (
            clips if unlabelled is None else clips_of(unlabelled, self.rate_hz, self.channels)
        )
        self._network = _Classifier(deepcopy(self._encoder), reference, len(self._names))
        self._network.start_head(clips, classes)
        optimiser = torch.optim.AdamW(self._network.parameters(), RATE)
        with seeded(self.seed):
            train(
                self._network,
                optimiser,
                clips,
                torch.from_numpy(classes),
                steps=STEPS,
                batch=BATCH_WINDOWS,
            )
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        clips = clips_of(windows, self.rate_hz, self.channels)
        return np.asarray(self._names[predicted_classes(self._network, clips)])


class _Classifier(nn.Module):
    """The encoder, its embedding standardised on reference clips, and a linear head."""

    def __init__(self, encoder: LimuBert, reference: torch.Tensor, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        with torch.no_grad():
            embedding = encoder(reference)
        self.register_buffer("mean", embedding.mean(0))
        self.register_buffer("std", embedding.std(0, correction=0) + TINY_STD)
        self.head = nn.Linear(2 * HIDDEN, classes)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Clips (B, clips, 20, 6) to logits (B, classes)."""
        return torch.as_tensor(self.head(self.standardised(clips)))

    def standardised(self, clips: torch.Tensor) -> torch.Tensor:
        """Clips (B, clips, 20, 6) to embeddings (B, 2 * 72)."""
        return torch.as_tensor((self.encoder(clips) - self.mean) / self.std)

    @torch.no_grad()
    def start_head(self, clips: torch.Tensor, classes: npt.NDArray[np.int64]) -> None:
        """Set the head to a logistic regression on the encoder as it is."""
        model = LogisticRegression(max_iter=MAX_ITERATIONS).fit(
            self.standardised(clips).numpy(), classes
        )
        weights, bias = model.coef_, model.intercept_
        if len(weights) == 1:  # two classes: scikit-learn gives the difference of their logits
            weights, bias = (
                np.concatenate([-weights, weights]) / 2,
                np.concatenate([-bias, bias]) / 2,
            )
        self.head.weight.copy_(torch.from_numpy(weights))
        self.head.bias.copy_(torch.from_numpy(bias))
