"""The front end as a torch module, so that the exported network takes raw windows.

It computes what :mod:`edge_runtime.frontend` computes, with operators that TensorFlow Lite has: the
DFT is a convolution with fixed weights, and both resizings are matrix products. Its matrices come
from there, and the export compares its answers with the runtime's before it writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from functools import cached_property
from itertools import combinations

import numpy as np
import torch
from torch import nn

from edge_runtime.contract.spec import Contract
from edge_runtime.frontend import Features
from edge_runtime.frontend.spectrogram import (
    POWER_FLOOR,
    Spectrogram,
    frequency_weights,
    scaled_hann,
    time_weights,
)
from edge_runtime.frontend.statistics import BAND_EDGES_HZ, DEVIATION_FLOOR
from edge_runtime.frontend.statistics import POWER_FLOOR as BAND_POWER_FLOOR
from export.evaluation import ExportError

FEATURES = ("images", "statistics")  # computed here, in the order of the network's inputs
SPECTROGRAM = "GraphSpectrogram"  # in the names that the converter gives to its tensors
DB_PER_NEPER = float(10 / np.log(10))


class GraphNetwork(nn.Module):
    """The front end followed by the network.

    Args:
        network: takes images (n_images, H, W, 3) and statistics (1, s).
        contract: of the model.

    Raises:
        ExportError: the model's front end has a feature or statistic that this module lacks.
    """

    def __init__(self, network: nn.Module, contract: Contract) -> None:
        super().__init__()
        _check_known("feature", [field.name for field in fields(Features)], FEATURES)
        _check_known("statistic", contract.front_end.statistics, STATISTICS)
        self.front_end = GraphFrontEnd(contract)
        self.network = network
        self.eval().requires_grad_(False)

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map a window to probabilities (1, classes) and embedding (1, d).

        Args:
            window: (1, window_samples, channels).
        """
        answers: tuple[torch.Tensor, torch.Tensor] = self.network(*self.front_end(window))
        return answers


def _check_known(kind: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ExportError(
                f"the model's front end has the {kind} {name!r}, expected one of "
                f"{', '.join(known)} for --frontend graph: take --frontend host"
            )


class GraphFrontEnd(nn.Module):
    """The counterpart of :class:`edge_runtime.frontend.FrontEnd`.

    Args:
        contract: of the model.
    """

    def __init__(self, contract: Contract) -> None:
        super().__init__()
        spec = contract.front_end
        self.statistics = GraphStatistics(contract)
        self.spectrograms = nn.ModuleList(
            GraphSpectrogram(Spectrogram(resolution, spec, contract.stream.rate_hz), contract)
            for resolution in spec.spectrograms
        )
        self.rgb = spec.image_channels

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map a window to images (n_images, H, W, 3) and statistics (1, s).

        Args:
            window: (1, window_samples, channels).
        """
        images = []
        for spectrogram in self.spectrograms:
            shades = spectrogram(window)  # (channels, H, W)
            images += [torch.stack([shades[column] for column in rgb], 2) for rgb in self.rgb]
        return torch.stack(images), self.statistics(window)


class GraphSpectrogram(nn.Module):
    """One resolution of the spectrogram images: a window to one picture per channel.

    Args:
        spectrogram: the runtime's spectrogram of that resolution.
        contract: of the model.
    """

    kernels: torch.Tensor  # (2 * bins, 1, fft_samples): tapered cosines, then tapered sines
    low: torch.Tensor  # (channels, 1, 1), dB: the level that is drawn as -1
    gain: torch.Tensor  # (channels, 1, 1), per dB
    rows: torch.Tensor  # (H, bins), the highest frequency first
    columns: torch.Tensor  # (frames, W)

    def __init__(self, spectrogram: Spectrogram, contract: Contract) -> None:
        super().__init__()
        spec = contract.front_end
        n = spectrogram.spec.fft_samples
        rate_hz = contract.stream.rate_hz
        angles = 2 * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n
        waves = np.concatenate([np.cos(angles), np.sin(angles)]) * scaled_hann(n)
        low = np.asarray(spec.min_db)
        high = np.asarray(spec.max_db)
        rows = frequency_weights(n, spec.image_height, rate_hz, spec.frequency_knee_hz)[::-1]
        columns = time_weights(spectrogram.n_columns(contract.window_samples), spec.image_width)
        self.step = spectrogram.spec.step_samples
        self.bins = n // 2 + 1
        _register(
            self,
            kernels=waves[:, None],
            low=low[:, None, None],
            gain=(2 / (high - low))[:, None, None],
            rows=rows,
            columns=columns.T,
        )

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """Map a window (1, window_samples, channels) to shades (channels, H, W) in -1..1."""
        spectrum = nn.functional.conv1d(window.permute(2, 0, 1), self.kernels, stride=self.step)
        cosine_power = spectrum[:, : self.bins] ** 2
        sine_power = spectrum[:, self.bins :] ** 2
        power = cosine_power + sine_power  # (channels, bins, frames)
        level_db = torch.log(power + POWER_FLOOR) * DB_PER_NEPER
        shades = torch.clamp((level_db - self.low) * self.gain - 1, -1, 1)
        return self.rows @ (shades @ self.columns)


class GraphStatistics(nn.Module):
    """The counterpart of :class:`edge_runtime.frontend.statistics.WindowStatistics`.

    Args:
        contract: of the model; every statistic it names is a key of :data:`STATISTICS`.
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
        """Map a window (1, window_samples, channels) to statistics (1, s)."""
        axes = window[0].transpose(0, 1)  # (channels, n)
        squares = [axes[i : i + 1] ** 2 for i in range(self.channels)]
        magnitudes = [torch.sqrt(squares[x] + squares[y] + squares[z]) for x, y, z in self.sensors]
        signals = _GraphSignals(torch.cat([axes, *magnitudes]), self)
        parts = [STATISTICS[name](signals).reshape(1, -1) for name in self.names]
        # a model of one channel has neither magnitudes nor pairs: those parts are empty
        return torch.cat([part for part in parts if part.numel()], 1)


class BandPower(nn.Module):
    """Hann periodogram, summed over bands.

    The DFT has two steps, over the two factors of n nearest to its square root (Cooley and Tukey
    1965, "An algorithm for the machine calculation of complex Fourier series"). As one matrix it
    would be larger than the network.

    Args:
        n: length of a window, samples.
        rate_hz: samples per second.
    """

    taper: torch.Tensor  # (n,)
    turns: torch.Tensor  # (2, first, second): cosine and minus sine between the steps
    first_waves: torch.Tensor  # (2, first, first): cosine and minus sine of the first step
    second_waves: torch.Tensor  # (2, second, second): of the second step
    members: torch.Tensor  # (n, bands): 1 where a bin is in a band; bins as the steps order them

    def __init__(self, n: int, rate_hz: float) -> None:
        super().__init__()
        self.first = max(d for d in range(1, int(n**0.5) + 1) if n % d == 0)
        self.second = n // self.first
        first = np.arange(self.first)
        second = np.arange(self.second)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        hz = np.arange(n // 2 + 1) * rate_hz / n
        starts = np.unique(np.searchsorted(hz, [edge for edge in BAND_EDGES_HZ if edge <= hz[-1]]))
        band = np.searchsorted(starts, np.arange(n // 2 + 1), side="right") - 1
        bins = first[:, None] + self.first * second  # (first, second)
        members = np.zeros((n, len(starts)))
        used = np.flatnonzero(bins.ravel() <= n // 2)
        members[used, band[bins.ravel()[used]]] = 1
        _register(
            self,
            taper=hann * 2 / hann.sum(),
            members=members,
            turns=_waves(np.outer(first, second) / n),
            first_waves=_waves(np.outer(first, first) / self.first),
            second_waves=_waves(np.outer(second, second) / self.second),
        )

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Map signals (k, n) to power (k, bands)."""
        x = (signals * self.taper).reshape(-1, self.first, self.second)
        real = self.first_waves[0] @ x  # (k, first, second)
        imaginary = self.first_waves[1] @ x
        cosine = self.turns[0]
        sine = self.turns[1]
        turned_real = real * cosine - imaginary * sine
        turned_imaginary = real * sine + imaginary * cosine
        cosine = self.second_waves[0]
        sine = self.second_waves[1]
        real_power = (turned_real @ cosine - turned_imaginary @ sine) ** 2
        imaginary_power = (turned_real @ sine + turned_imaginary @ cosine) ** 2
        power = real_power + imaginary_power
        return power.reshape(-1, self.first * self.second) @ self.members


def _waves(turns: np.ndarray) -> np.ndarray:
    """Return cosine and minus sine of angles in turns: the factors of a DFT."""
    return np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)])


def _register(module: nn.Module, **buffers: np.ndarray) -> None:
    """Register constants of a module, as float32."""
    for name, values in buffers.items():
        constant = torch.from_numpy(np.ascontiguousarray(values, np.float32))
        module.register_buffer(name, constant)


class _GraphSignals:
    """One window's signals, with the values that several statistics share computed once.

    Args:
        x: (signals, n) the channels, then the magnitude of each sensor.
        layout: gives the number of channels, the pairs of axes and the bands.
    """

    def __init__(self, x: torch.Tensor, layout: GraphStatistics) -> None:
        self.x = x
        self.layout = layout

    @cached_property
    def mean(self) -> torch.Tensor:
        # Single precision is too coarse next to gravity. The second pass corrects the first.
        rough = self.x.mean(1, keepdim=True)
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
        power = self.layout.bands(self.deviation)
        return torch.log(power + float(BAND_POWER_FLOOR)) * DB_PER_NEPER

    def correlation(self) -> torch.Tensor:
        pairs = [torch.mean(self.z[i : i + 1] * self.z[j : j + 1], 1) for i, j in self.layout.pairs]
        return torch.cat(pairs) if pairs else self.z[:0, 0]


# the same names, order and units as in edge_runtime.frontend.statistics
STATISTICS: dict[str, Callable[[_GraphSignals], torch.Tensor]] = {
    "mean": lambda s: s.mean[: s.layout.channels],
    "std": lambda s: s.std[: s.layout.channels],
    "mean_magnitude": lambda s: s.mean[s.layout.channels :],
    "std_magnitude": lambda s: s.std[s.layout.channels :],
    "min": lambda s: s.x.amin(1),
    "max": lambda s: s.x.amax(1),
    "mean_slope": lambda s: torch.abs(s.x[:, 1:] - s.x[:, :-1]).sum(1) * s.layout.per_step,
    "skewness": lambda s: torch.mean(s.z_squared * s.z, 1),
    "kurtosis": lambda s: torch.mean(s.z_squared**2, 1),
    "band_level_db": _GraphSignals.band_level_db,
    "correlation": _GraphSignals.correlation,
}
