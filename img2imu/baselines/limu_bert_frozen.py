"""LIMU-BERT-X as it is, with a logistic regression on what it sees."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from edge_runtime.arrays import Float32Array
from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.limu_bert import clips_of, load_limu_bert, require_six_channels

MAX_ITERATIONS = 2000


class LimuBertFrozen:
    """Pooled embeddings of the clips, standardised, then a linear model; see :mod:`img2imu.baselines.limu_bert`.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns; all six are needed.
        seed: unused; nothing here is random.

    Raises:
        DataError: fewer channels, or no weights.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        require_six_channels(channels)
        self.rate_hz, self.channels = rate_hz, channels
        self._network = load_limu_bert()
        self._scaler = StandardScaler()
        self._model = LogisticRegression(max_iter=MAX_ITERATIONS)

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; standardise on the unlabelled windows when there are some."""
        self._scaler.fit(self._embed(windows if unlabelled is None else unlabelled))
        self._model.fit(self._scaler.transform(self._embed(windows)), labels)
        return self

    def predict(self, windows: Windows) -> Labels:
        """Class of each window."""
        return np.asarray(self._model.predict(self._scaler.transform(self._embed(windows))))

    @torch.inference_mode()
    def _embed(self, windows: Windows) -> Float32Array:
        embedding: torch.Tensor = self._network(clips_of(windows, self.rate_hz, self.channels))
        return embedding.numpy()
