"""A small one-dimensional convolutional network, trained from scratch."""

from __future__ import annotations

from torch import nn

from img2imu.baselines.from_scratch import FromScratch

FILTERS = 64
KERNELS = (9, 5, 3)  # samples; 8, 5 and 3 in the paper, odd here so that padding is even


class ConvolutionalNetwork(FromScratch):
    """Three convolutions with batch norm, and the mean over time of what they see.

    The fully convolutional network of Wang, Yan and Oates 2017, "Time series classification from
    scratch with deep neural networks: a strong baseline", with 64 filters a layer in place of 128
    to 256 and the time halved after each of the first two: few windows feed no more, and a phone
    would not run it.
    """

    def build(self, channels: int, classes: int) -> nn.Module:
        """Windows (B, channels, samples) to logits (B, classes)."""
        layers: list[nn.Module] = []
        for kernel in KERNELS:
            layers += [
                nn.Conv1d(channels, FILTERS, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(FILTERS),
                nn.ReLU(),
                nn.MaxPool1d(2),
            ]
            channels = FILTERS
        return nn.Sequential(
            *layers[:-1], nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(FILTERS, classes)
        )
