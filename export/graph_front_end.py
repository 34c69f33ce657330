"""The front end as a torch module: a raw window goes in, and the app has no signal processing left to do.

It is :mod:`edge_runtime.frontend` written once more, in operators that TensorFlow Lite has: the DFT
as a convolution with fixed weights, both resizings as matrix products. It takes its matrices from
there, and is held against it before a file is written.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from torch import nn

from edge_runtime.contract.spec import Contract
from edge_runtime.frontend import Features
from edge_runtime.frontend.spectrogram import (
    POWER_FLOOR,
    Spectrogram,
    frequency_weights,
    time_weights,
)
from export.checks import ExportError
from export.graph_statistics import DB_PER_NEPER, STATISTICS, GraphStatistics

FEATURES = ("images", "statistics")  # what is drawn here, in the order of the network's inputs
SPECTROGRAM = "GraphSpectrogram"  # in the names that the converter gives to what is computed here


class GraphNetwork(nn.Module):
    """Front end and network in one.

    Args:
        network: takes images (n_images, H, W, 3) and statistics (1, s).
        contract: of the model.

    Raises:
        ExportError: the front end computes something that is not known here.
    """

    def __init__(self, network: nn.Module, contract: Contract) -> None:
        super().__init__()
        known = {
            "feature": (FEATURES, [field.name for field in fields(Features)]),
            "statistic": (STATISTICS, contract.front_end.statistics),
        }
        for kind, (here, wanted) in known.items():
            if unknown := [name for name in wanted if name not in here]:
                raise ExportError(
                    f"the model's front end has the {kind} {unknown[0]!r}, expected one of "
                    f"{', '.join(here)} for --frontend graph: take --frontend host"
                )
        self.front_end = GraphFrontEnd(contract)
        self.network = network
        self.eval().requires_grad_(False)

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A window (1, window_samples, channels) to probabilities (1, classes) and embedding (1, d)."""
        answers: tuple[torch.Tensor, torch.Tensor] = self.network(*self.front_end(window))
        return answers


class GraphFrontEnd(nn.Module):
    """See :class:`edge_runtime.frontend.FrontEnd`.

    Args:
        contract: of the model.
    """

    def __init__(self, contract: Contract) -> None:
        super().__init__()
        spec = contract.front_end
        self.statistics = GraphStatistics(contract)
        self.spectrograms = nn.ModuleList(
            GraphSpectrogram(s, contract)
            for s in (
                Spectrogram(each, spec, contract.stream.rate_hz) for each in spec.spectrograms
            )
        )
        self.rgb = spec.image_channels

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A window (1, window_samples, channels) to images (n_images, H, W, 3) and statistics (1, s)."""
        order = [column for rgb in self.rgb for column in rgb]
        images = []
        for spectrogram in self.spectrograms:
            shades = spectrogram(window)  # (channels, H, W)
            if order != list(range(len(shades))):
                shades = torch.stack([shades[column] for column in order])
            # One transposition for all images: interleaving red, green and blue one by one takes as
            # long as all the DFTs.
            images.append(shades.unflatten(0, (-1, 3)).permute(0, 2, 3, 1))
        return torch.cat(images), self.statistics(window)


class GraphSpectrogram(nn.Module):
    """One resolution: a window to a picture of every channel."""

    kernels: torch.Tensor  # (2 * bins, 1, fft_samples): the tapered cosines, then the tapered sines
    low: torch.Tensor  # (channels, 1, 1) dB, as gain
    gain: torch.Tensor
    rows: torch.Tensor  # (H, bins), the highest frequency first
    columns: torch.Tensor  # (frames, W)

    def __init__(self, spectrogram: Spectrogram, contract: Contract) -> None:
        super().__init__()
        spec, n = contract.front_end, spectrogram.spec.fft_samples
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        angles = 2 * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n
        waves = np.concatenate([np.cos(angles), np.sin(angles)]) * (hann * 2 / hann.sum())
        low, high = np.asarray(spec.min_db), np.asarray(spec.max_db)
        rows = frequency_weights(
            n, spec.image_height, contract.stream.rate_hz, spec.frequency_knee_hz
        )[::-1]
        columns = time_weights(spectrogram.n_columns(contract.window_samples), spec.image_width)
        self.step = spectrogram.spec.step_samples
        self.bins = n // 2 + 1
        for name, values in (
            ("kernels", waves[:, None]),
            ("low", low[:, None, None]),
            ("gain", (2 / (high - low))[:, None, None]),
            ("rows", rows),
            ("columns", columns.T),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, np.float32)))

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """A window (1, window_samples, channels) to shades (channels, H, W) in -1..1."""
        spectrum = nn.functional.conv1d(window.permute(2, 0, 1), self.kernels, stride=self.step)
        power = (
            spectrum[:, : self.bins] ** 2 + spectrum[:, self.bins :] ** 2
        )  # (channels, bins, frames)
        level_db = torch.log(power + POWER_FLOOR) * DB_PER_NEPER
        shades = torch.clamp((level_db - self.low) * self.gain - 1, -1, 1)
        return self.rows @ (shades @ self.columns)
