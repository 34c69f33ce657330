"""LIMU-BERT-X, a transformer pre-trained on the motion sensors of phones: frozen and fine-tuned.

Xu et al. 2021, "LIMU-BERT: unleashing the potential of unlabeled data for IMU sensing applications"
(SenSys). The weights are those of its successor of 2025 (MobiCom), pre-trained on 1.43 million
hours, MIT licence, github.com/WANDS-HKUST/LIMU-BERT_Experience. They are not part of this
repository: the environment variable ``IMG2IMU_LIMU_BERT`` holds the path of the file.
"""

from __future__ import annotations

import os
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.baselines.interface import Labels, WindowSamples
from img2imu.baselines.training import predicted_classes, seeded, train

PATH_VARIABLE = "IMG2IMU_LIMU_BERT"
MAX_ITERATIONS = 2000  # of the logistic regression

# Fine-tuning
STEPS = 100
BATCH_WINDOWS = 32
RATE = 1e-4
TINY_STD = 1e-6  # added to every deviation, for a value of the embedding that never changes

# The published network
RATE_HZ = 20.0
CLIP_STEPS = 20
HIDDEN = 72
FEED_FORWARD = 144
HEADS = 4
PASSES = 4
GRAVITY = 9.8  # m/s^2; the network takes accelerations in units of this
NORM_EPSILON = 1e-12


class LimuBertFrozen:
    """The frozen network: pooled embeddings of the clips, standardised, then a linear model.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns; all six are needed.
        seed: unused; nothing here is random.

    Raises:
        DataError: a channel is missing, or there are no weights.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        _require_six_channels(channels)
        self.rate_hz = rate_hz
        self.channels = channels
        self._network = load_limu_bert()
        self._scaler = StandardScaler()
        self._model = LogisticRegression(max_iter=MAX_ITERATIONS)

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the model; embeddings are standardised on unlabelled windows if there are any."""
        reference = windows if unlabelled is None else unlabelled
        self._scaler.fit(self._embed(reference))
        self._model.fit(self._scaler.transform(self._embed(windows)), labels)
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        return np.asarray(self._model.predict(self._scaler.transform(self._embed(windows))))

    @torch.inference_mode()
    def _embed(self, windows: WindowSamples) -> Float32Array:
        embedding: torch.Tensor = self._network(cut_clips(windows, self.rate_hz, self.channels))
        return embedding.numpy()


class LimuBertFinetuned:
    """The whole network under a linear head, trained with a small rate.

    The head starts as a logistic regression on the frozen network. A random head would spoil the
    pre-trained features (Kumar et al. 2022, "Fine-tuning can distort pretrained features and
    underperform out-of-distribution").

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns; all six are needed.
        seed: seed of the batches.

    Raises:
        DataError: a channel is missing, or there are no weights.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        _require_six_channels(channels)
        self.rate_hz = rate_hz
        self.channels = channels
        self.seed = seed
        self._encoder = load_limu_bert()

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Train the network; embeddings are standardised on unlabelled windows if there are any."""
        self._names, classes = np.unique(labels, return_inverse=True)
        clips = cut_clips(windows, self.rate_hz, self.channels)
        reference = clips
        if unlabelled is not None:
            reference = cut_clips(unlabelled, self.rate_hz, self.channels)
        self._network = _EncoderWithHead(deepcopy(self._encoder), reference, len(self._names))
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

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        clips = cut_clips(windows, self.rate_hz, self.channels)
        return np.asarray(self._names[predicted_classes(self._network, clips)])


class _EncoderWithHead(nn.Module):
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
        """Set the head to a logistic regression on the embeddings of the present encoder."""
        embeddings = self.standardised(clips).numpy()
        model = LogisticRegression(max_iter=MAX_ITERATIONS).fit(embeddings, classes)
        weights = model.coef_
        bias = model.intercept_
        if len(weights) == 1:  # two classes: scikit-learn gives the difference of their logits
            weights = np.concatenate([-weights, weights]) / 2
            bias = np.concatenate([-bias, bias]) / 2
        self.head.weight.copy_(torch.from_numpy(weights))
        self.head.bias.copy_(torch.from_numpy(bias))


def _require_six_channels(channels: tuple[str, ...]) -> None:
    if set(channels) != set(CHANNELS):
        raise DataError(
            f"LIMU-BERT needs the channels {', '.join(CHANNELS)}, but the windows have "
            f"{', '.join(channels)}: leave this baseline out"
        )


def load_limu_bert() -> LimuBert:
    """Return the network in eval mode, with the weights from ``IMG2IMU_LIMU_BERT``.

    Raises:
        DataError: the variable is not set, or the file is missing or holds something else.
    """
    path = os.environ.get(PATH_VARIABLE, "")
    if not Path(path).is_file():
        raise DataError(
            f"{PATH_VARIABLE} is {path!r}, expected the path of limu_bert_x.pt: download the "
            "weights from github.com/WANDS-HKUST/LIMU-BERT_Experience, or leave the LIMU-BERT "
            "baselines out"
        )
    network = LimuBert()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path} does not hold the weights of LIMU-BERT-X: download limu_bert_x.pt from "
            "github.com/WANDS-HKUST/LIMU-BERT_Experience"
        ) from error
    return network.eval()


def cut_clips(windows: WindowSamples, rate_hz: float, channels: tuple[str, ...]) -> torch.Tensor:
    """Cut windows into the clips of one second that the network takes.

    Windows are brought to 20 Hz by linear interpolation. The clips are spread evenly from the first
    step of a window to its last, and there are as few of them as cover it. A window of less than a
    second is continued with its last value.

    Args:
        windows: (n, samples, channels), m/s^2 and rad/s.
        rate_hz: samples per second.
        channels: names of the columns.

    Returns:
        (n, clips, 20, 6).
    """
    columns = [channels.index(name) for name in CHANNELS]
    samples = windows.shape[1]
    steps = max(1, round(samples / rate_hz * RATE_HZ))
    at = np.minimum(np.arange(max(steps, CLIP_STEPS)) * rate_hz / RATE_HZ, samples - 1)
    below = np.minimum(at.astype(np.int64), samples - 2)
    part = (at - below).astype(np.float32)[:, None]
    x = windows[:, :, columns]
    x = x[:, below] * (1 - part) + x[:, below + 1] * part
    x[..., :3] /= GRAVITY
    n_clips = -(-len(at) // CLIP_STEPS)
    starts = np.linspace(0, len(at) - CLIP_STEPS, n_clips).round().astype(np.int64)
    clips = x[:, starts[:, None] + np.arange(CLIP_STEPS)]
    return torch.from_numpy(np.ascontiguousarray(clips, np.float32))


class LimuBert(nn.Module):
    """The encoder, and the layers after it in pre-training, named as in the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = _Transformer()
        # Pre-training restores masked steps with these layers. They are never called here, but the
        # file holds their weights and is loaded strictly.
        self.fc = nn.Linear(HIDDEN, HIDDEN)
        self.linear = nn.Linear(HIDDEN, HIDDEN)
        self.norm = _LayerNorm()
        self.decoder = nn.Linear(HIDDEN, len(CHANNELS))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Clips (B, clips, 20, 6) to the mean and std over all steps of a window (B, 2 * 72)."""
        steps = self.transformer(clips.flatten(0, 1))  # (B * clips, 20, 72)
        steps = steps.reshape(len(clips), -1, HIDDEN)  # (B, clips * 20, 72)
        return torch.cat([steps.mean(1), steps.std(1, correction=0)], 1)


class _Transformer(nn.Module):
    """One block that is applied four times: the weights are shared (Lan et al. 2020, "ALBERT")."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = _Embedding()
        self.attn = _Attention()
        self.proj = nn.Linear(HIDDEN, HIDDEN)
        self.norm1 = _LayerNorm()
        self.pwff = _FeedForward()
        self.norm2 = _LayerNorm()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 20, 6) to (B, 20, 72)."""
        h = self.embed(x)
        for _ in range(PASSES):
            h = self.attn(h)  # without a shortcut: the next one goes around the projection alone
            h = self.norm1(h + self.proj(h))
            h = self.norm2(h + self.pwff(h))
        return torch.as_tensor(h)


class _Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(len(CHANNELS), HIDDEN)
        self.pos_embed = nn.Embedding(CLIP_STEPS, HIDDEN)
        self.norm = _LayerNorm()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.norm(self.norm(self.lin(x)) + self.pos_embed.weight))


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj_q = nn.Linear(HIDDEN, HIDDEN)
        self.proj_k = nn.Linear(HIDDEN, HIDDEN)
        self.proj_v = nn.Linear(HIDDEN, HIDDEN)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            projection(x).unflatten(2, (HEADS, -1)).transpose(1, 2)  # (B, heads, 20, 18)
            for projection in (self.proj_q, self.proj_k, self.proj_v)
        )
        return nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class _FeedForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(HIDDEN, FEED_FORWARD)
        self.fc2 = nn.Linear(FEED_FORWARD, HIDDEN)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.fc2(nn.functional.gelu(self.fc1(x))))


class _LayerNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(HIDDEN))
        self.beta = nn.Parameter(torch.zeros(HIDDEN))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, (HIDDEN,), self.gamma, self.beta, NORM_EPSILON)
