"""Networks that are trained from random weights on the labelled windows."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import nn

from img2imu.baselines.interface import Labels, WindowSamples
from img2imu.baselines.training import predicted_classes, seeded, train

# The same for all data sets.
STEPS = 200
BATCH_WINDOWS = 32
RATE = 1e-3
WEIGHT_DECAY = 1e-2
TINY_STD = 1e-6  # added to every channel's deviation, for a channel that never changes

CNN_FILTERS = 64
CNN_KERNELS = (9, 5, 3)  # samples; 8, 5 and 3 in the paper, odd here so that padding is even

LSTM_FILTERS = 32
LSTM_KERNEL = 5  # samples, as in the paper
LSTM_STRIDES = (2, 2, 1, 1)
LSTM_UNITS = 64
LSTM_DROPOUT = 0.5  # as in the paper


class FromScratch:
    """Trains the network that a subclass builds.

    Args:
        rate_hz: unused; the networks' kernels are in samples.
        channels: names of the columns.
        seed: seed of the weights, the batches and dropout.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.channels = channels
        self.seed = seed

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return a network from windows (B, channels, samples) to logits (B, classes)."""
        raise NotImplementedError

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Train the network; channels are standardised on unlabelled windows if there are any."""
        reference = windows if unlabelled is None else unlabelled
        self._mean = reference.mean((0, 1))
        self._std = reference.std((0, 1)) + TINY_STD
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

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        return np.asarray(self._names[predicted_classes(self._network, self._inputs(windows))])

    def _inputs(self, windows: WindowSamples) -> torch.Tensor:
        """Standardise windows and turn them into (n, channels, samples)."""
        standard = ((windows - self._mean) / self._std).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(standard.transpose(0, 2, 1)))


class ConvolutionalNetwork(FromScratch):
    """Three convolutions with batch norm, and the mean over time of their output.

    The fully convolutional network of Wang, Yan and Oates 2017, "Time series classification from
    scratch with deep neural networks: a strong baseline", made smaller for few windows and for a
    phone: 64 filters a layer instead of 128 to 256, and half the time steps after each of the first
    two layers.
    """

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return a network from windows (B, channels, samples) to logits (B, classes)."""
        layers: list[nn.Module] = []
        for kernel in CNN_KERNELS:
            layers += [
                nn.Conv1d(channels, CNN_FILTERS, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(CNN_FILTERS),
                nn.ReLU(),
                nn.MaxPool1d(2),
            ]
            channels = CNN_FILTERS
        del layers[-1]  # no pooling after the last convolution
        head = [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(CNN_FILTERS, classes)]
        return nn.Sequential(*layers, *head)


class DeepConvLSTM(FromScratch):
    """Four convolutions along time, channel by channel, then a recurrent layer.

    Ordóñez and Roggen 2016, "Deep convolutional and LSTM recurrent neural networks for multimodal
    wearable activity recognition", is for thousands of windows of 24 samples. For few and longer
    windows, the first two convolutions halve the time steps, there are 32 filters instead of 64,
    and one LSTM layer of 64 units instead of two of 128 (Bock et al. 2021, "Improving deep learning
    for HAR with shallow LSTMs", find one layer better).
    """

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return a network from windows (B, channels, samples) to logits (B, classes)."""
        return _DeepConvLSTMNetwork(channels, classes)


class _DeepConvLSTMNetwork(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        filters_in = 1
        for stride in LSTM_STRIDES:
            layers += [
                nn.Conv2d(
                    filters_in,
                    LSTM_FILTERS,
                    kernel_size=(1, LSTM_KERNEL),
                    stride=(1, stride),
                    padding=(0, LSTM_KERNEL // 2),
                ),
                nn.ReLU(),
            ]
            filters_in = LSTM_FILTERS
        self.convolutions = nn.Sequential(*layers)
        self.lstm = nn.LSTM(LSTM_FILTERS * channels, LSTM_UNITS, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(LSTM_DROPOUT), nn.Linear(LSTM_UNITS, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolutions(x[:, None])  # (B, channels, samples) to (B, filters, channels, T)
        steps, _ = self.lstm(x.permute(0, 3, 1, 2).flatten(2))  # (B, T, units)
        logits: torch.Tensor = self.head(steps[:, -1])  # (B, classes)
        return logits
