"""The statistics beside the images as a torch module, for a front end inside the network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations

import numpy as np
import torch
from torch import nn

from edge_runtime.contract.spec import Contract
from edge_runtime.frontend.spectrogram import scaled_hann
from edge_runtime.frontend.statistics import BAND_EDGES_HZ, DEVIATION_FLOOR, POWER_FLOOR

DB_PER_NEPER = float(10 / np.log(10))


class GraphStatistics(nn.Module):
    """See :class:`edge_runtime.frontend.statistics.WindowStatistics`.

    Args:
        contract: of the model; every statistic it names is in :data:`STATISTICS`.
    """

    def __init__(self, contract: Contract) -> None:
        super().__init__()
        self.names = contract.front_end.statistics
        self.channels = len(contract.stream.channels)
        self.sensors = [
            triple for triple in contract.front_end.image_channels if len(set(triple)) == 3
        ]
        self.pairs = [pair for triple in self.sensors for pair in combinations(triple, 2)]
        self.per_step = contract.stream.rate_hz / (contract.window_samples - 1)
        self.bands = BandPower(contract.window_samples, contract.stream.rate_hz)

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """A window (1, window_samples, channels) to statistics (1, s)."""
        axes = window[0].transpose(0, 1)  # (channels, n)
        squares = [axes[i : i + 1] ** 2 for i in range(self.channels)]
        magnitudes = [torch.sqrt(squares[x] + squares[y] + squares[z]) for x, y, z in self.sensors]
        signals = _Signals(torch.cat([axes, *magnitudes]), self)
        parts = [STATISTICS[name](signals).reshape(1, -1) for name in self.names]
        return torch.cat(
            [part for part in parts if part.numel()], 1
        )  # one channel has neither magnitude nor pairs


class BandPower(nn.Module):
    """Hann periodogram, summed over bands.

    The DFT goes in two steps over the factors of n nearest its root (Cooley and Tukey 1965, "An
    algorithm for the machine calculation of complex Fourier series"): as one matrix it would be
    larger than the network.

    Args:
        n: length of a window, samples.
        rate_hz: samples per second.
    """

    taper: torch.Tensor  # (n,)
    turns: torch.Tensor  # (2, first, second) cosine and minus sine between the steps
    first_waves: (
        torch.Tensor
    )  # (2, first, first), as second_waves (2, second, second): the same within a step
    second_waves: torch.Tensor
    members: (
        torch.Tensor
    )  # (n, bands) which bin is in which band, bins in the order that the steps leave them

    def __init__(self, n: int, rate_hz: float) -> None:
        super().__init__()
        self.first = max(d for d in range(1, int(n**0.5) + 1) if n % d == 0)
        self.second = n // self.first
        hz = np.arange(n // 2 + 1) * rate_hz / n
        starts = np.unique(np.searchsorted(hz, [edge for edge in BAND_EDGES_HZ if edge <= hz[-1]]))
        band = np.searchsorted(starts, np.arange(n // 2 + 1), side="right") - 1
        bins = np.arange(self.first)[:, None] + self.first * np.arange(
            self.second
        )  # (first, second)
        members = np.zeros((n, len(starts)))
        used = np.flatnonzero(bins.ravel() <= n // 2)
        members[used, band[bins.ravel()[used]]] = 1
        for name, values in (
            ("taper", scaled_hann(n)),
            ("members", members),
            ("turns", _waves(np.outer(np.arange(self.first), np.arange(self.second)) / n)),
            (
                "first_waves",
                _waves(np.outer(np.arange(self.first), np.arange(self.first)) / self.first),
            ),
            (
                "second_waves",
                _waves(np.outer(np.arange(self.second), np.arange(self.second)) / self.second),
            ),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, np.float32)))

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Signals (k, n) to power (k, bands)."""
        x = (signals * self.taper).reshape(-1, self.first, self.second)
        real, imaginary = self.first_waves[0] @ x, self.first_waves[1] @ x  # (k, first, second)
        cosine, sine = self.turns[0], self.turns[1]
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        cosine, sine = self.second_waves[0], self.second_waves[1]
        power = (real @ cosine - imaginary @ sine) ** 2 + (real @ sine + imaginary @ cosine) ** 2
        return power.reshape(-1, self.first * self.second) @ self.members


class _Signals:
    """One window, and what several statistics share, computed once."""

    def __init__(self, x: torch.Tensor, layout: GraphStatistics) -> None:
        self.x = x  # (signals, n)
        self.layout = layout

    @cached_property
    def mean(self) -> torch.Tensor:
        rough = self.x.mean(
            1, keepdim=True
        )  # in single precision; the second pass finds what gravity drowned
        return (rough + (self.x - rough).mean(1, keepdim=True))[:, 0]

    @cached_property
    def deviation(self) -> torch.Tensor:
        return self.x - self.mean[:, None]

    @cached_property
    def std(self) -> torch.Tensor:
        return torch.sqrt(torch.mean(self.deviation**2, 1))

    @cached_property
    def z(self) -> torch.Tensor:
        return self.deviation / torch.clamp(self.std, min=float(DEVIATION_FLOOR))[:, None]

    @cached_property
    def z_squared(self) -> torch.Tensor:
        return self.z**2

    def band_level_db(self) -> torch.Tensor:
        return torch.log(self.layout.bands(self.deviation) + float(POWER_FLOOR)) * DB_PER_NEPER

    def correlation(self) -> torch.Tensor:
        pairs = [torch.mean(self.z[i : i + 1] * self.z[j : j + 1], 1) for i, j in self.layout.pairs]
        return torch.cat(pairs) if pairs else self.z[:0, 0]


# as in edge_runtime.frontend.statistics
STATISTICS: dict[str, Callable[[_Signals], torch.Tensor]] = {
    "mean": lambda s: s.mean[: s.layout.channels],
    "std": lambda s: s.std[: s.layout.channels],
    "mean_magnitude": lambda s: s.mean[s.layout.channels :],
    "std_magnitude": lambda s: s.std[s.layout.channels :],
    "min": lambda s: s.x.amin(1),
    "max": lambda s: s.x.amax(1),
    "mean_slope": lambda s: torch.abs(s.x[:, 1:] - s.x[:, :-1]).sum(1) * s.layout.per_step,
    "skewness": lambda s: torch.mean(s.z_squared * s.z, 1),
    "kurtosis": lambda s: torch.mean(s.z_squared**2, 1),
    "band_level_db": _Signals.band_level_db,
    "correlation": _Signals.correlation,
}


def _waves(turns: np.ndarray) -> np.ndarray:
    """Cosine and minus sine of whole turns: what a DFT multiplies with."""
    return np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)])
