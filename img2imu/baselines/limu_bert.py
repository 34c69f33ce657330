"""LIMU-BERT-X: a transformer that learnt from the motion sensors of phones, and the clips it takes.

Xu et al. 2021, "LIMU-BERT: unleashing the potential of unlabeled data for IMU sensing applications"
(SenSys); the weights are those of its successor of 2025 (MobiCom), pre-trained on 1.43 million
hours, MIT licence, github.com/WANDS-HKUST/LIMU-BERT_Experience. They are not part of this
repository: ``IMG2IMU_LIMU_BERT`` says where the file is.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.baselines.interface import Windows

PATH_VARIABLE = "IMG2IMU_LIMU_BERT"
RATE_HZ, CLIP_STEPS = 20.0, 20
HIDDEN, FEED_FORWARD, HEADS, PASSES = 72, 144, 4, 4
GRAVITY = 9.8  # m/s^2; its accelerations are in units of this
NORM_EPSILON = 1e-12


class LimuBert(nn.Module):
    """The encoder, with names as in the published weights, and what follows it while it is pre-trained."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = _Transformer()
        # Never called here: pre-training restores masked steps with them. They let the file load
        # strictly.
        self.fc = nn.Linear(HIDDEN, HIDDEN)
        self.linear = nn.Linear(HIDDEN, HIDDEN)
        self.norm = _LayerNorm()
        self.decoder = nn.Linear(HIDDEN, len(CHANNELS))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Windows as clips (B, clips, 20, 6) to the mean and std over all their steps (B, 2 * 72)."""
        steps = self.transformer(clips.flatten(0, 1)).reshape(
            len(clips), -1, HIDDEN
        )  # (B, clips * 20, 72)
        return torch.cat([steps.mean(1), steps.std(1, correction=0)], 1)


class _Transformer(nn.Module):
    """One block passed through four times: the weights are shared (Lan et al. 2020, "ALBERT")."""

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
            h = self.attn(h)  # no way around it: the shortcut goes around the projection alone
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


def load_limu_bert() -> LimuBert:
    """The network with the weights from the file that ``IMG2IMU_LIMU_BERT`` names, in eval mode.

    Raises:
        DataError: the variable is not set, or the file is missing or holds something else.
    """
    path = os.environ.get(PATH_VARIABLE, "")
    if not Path(path).is_file():
        raise DataError(
            f"{PATH_VARIABLE} is {path!r}, expected the path of limu_bert_x.pt: take the weights from "
            "github.com/WANDS-HKUST/LIMU-BERT_Experience, or leave the LIMU-BERT baselines out"
        )
    network = LimuBert()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path} does not hold the weights of LIMU-BERT-X: take limu_bert_x.pt from "
            "github.com/WANDS-HKUST/LIMU-BERT_Experience"
        ) from error
    return network.eval()


def clips_of(windows: Windows, rate_hz: float, channels: tuple[str, ...]) -> torch.Tensor:
    """Windows as the clips of one second that the network knows.

    They are brought to 20 Hz by linear interpolation. The clips are spread evenly from a window's
    first step to its last, as few as cover it; a window of less than a second is held at its last
    value.

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
    starts = (
        np.linspace(0, len(at) - CLIP_STEPS, -(-len(at) // CLIP_STEPS)).round().astype(np.int64)
    )
    return torch.from_numpy(
        np.ascontiguousarray(x[:, starts[:, None] + np.arange(CLIP_STEPS)], np.float32)
    )


def require_six_channels(channels: tuple[str, ...]) -> None:
    """Refuse a stream that lacks an axis.

    Raises:
        DataError: not the three axes of both sensors.
    """
    if set(channels) != set(CHANNELS):
        raise DataError(
            f"LIMU-BERT needs the channels {', '.join(CHANNELS)}, but the windows have "
            f"{', '.join(channels)}: leave this baseline out"
        )
