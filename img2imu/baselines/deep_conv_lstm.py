"""A network of the DeepConvLSTM class, trained from scratch."""

from __future__ import annotations

import torch
from torch import nn

from img2imu.baselines.from_scratch import FromScratch

FILTERS = 32
KERNEL = 5  # samples, as in the paper
STRIDES = (2, 2, 1, 1)
UNITS = 64
DROPOUT = 0.5  # as in the paper


class DeepConvLSTM(FromScratch):
    """Four convolutions along time, channel by channel, then a recurrent layer over what they see.

    Ordóñez and Roggen 2016, "Deep convolutional and LSTM recurrent neural networks for multimodal
    wearable activity recognition", for windows of 24 samples and thousands of them. For longer
    windows and few of them: the first two convolutions halve the time, 32 filters in place of 64,
    and one LSTM layer of 64 units in place of two of 128 (one is better, say Bock et al. 2021,
    "Improving deep learning for HAR with shallow LSTMs").
    """

    def build(self, channels: int, classes: int) -> nn.Module:
        """Windows (B, channels, samples) to logits (B, classes)."""
        return _Network(channels, classes)


class _Network(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, stride in enumerate(STRIDES):
            layers += [
                nn.Conv2d(FILTERS if i else 1, FILTERS, (1, KERNEL), (1, stride), (0, KERNEL // 2)),
                nn.ReLU(),
            ]
        self.convolutions = nn.Sequential(*layers)
        self.lstm = nn.LSTM(FILTERS * channels, UNITS, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(UNITS, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows (B, channels, samples) to logits (B, classes)."""
        x = self.convolutions(x[:, None])  # (B, filters, channels, T)
        steps, _ = self.lstm(x.permute(0, 3, 1, 2).flatten(2))  # (B, T, units)
        logits: torch.Tensor = self.head(steps[:, -1])
        return logits
