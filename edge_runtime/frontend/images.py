"""From samples to the network's input: spectrogram images, and statistics beside them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from edge_runtime.contract import Contract, FrontEndSpec
from edge_runtime.frontend.spectrogram import Resize, Spectrogram, time_weights
from edge_runtime.frontend.statistics import WindowStatistics

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """The network's input.

    Attributes:
        images: (..., n_images, height, width, 3) float32 in -1..1; images of one resolution stand together.
        statistics: (..., n_statistics) float32.
    """

    images: Array
    statistics: Array


class FrontEnd:
    """Windows to features: the one definition, used by training, export, and every device.

    Args:
        spec: the contract's front end.
        window_samples: length of a window, samples.
        channels: values in a sample.
        rate_hz: samples per second.

    Raises:
        ContractError: a statistic that this version does not know.
    """

    def __init__(self, spec: FrontEndSpec, window_samples: int, channels: int, rate_hz: float) -> None:
        self.spec = spec
        self.window_samples = window_samples
        self.channels = channels
        self.spectrograms = tuple(Spectrogram(s, spec, rate_hz) for s in spec.spectrograms)
        self.statistics = WindowStatistics(spec, window_samples, channels, rate_hz)
        self._widths = tuple(
            Resize(time_weights(s.n_columns(window_samples), spec.image_width)) for s in self.spectrograms)
        # neighbouring columns as a slice: a view, many times faster than picking them one by one
        self._rgb = [slice(r, b + 1) if (r + 1, r + 2) == (g, b) else [r, g, b] for r, g, b in spec.image_channels]

    @classmethod
    def of(cls, contract: Contract) -> FrontEnd:
        """The front end of a model."""
        return cls(contract.front_end, contract.window_samples, len(contract.stream.channels),
                   contract.stream.rate_hz)

    def stream(self) -> FrontEndStream:
        """A new stream of windows, with no columns computed yet."""
        return FrontEndStream(self)

    def compute(self, window: Array) -> Features:
        """Features of one window (window_samples, channels)."""
        return self.stream().advance(window, self.window_samples)

    def compute_batch(self, windows: Array) -> Features:
        """Features of windows (n, window_samples, channels), each array with a leading axis n."""
        each = [self.compute(window) for window in windows]
        return Features(np.stack([f.images for f in each]), np.stack([f.statistics for f in each]))

    def draw(self, columns: list[Array]) -> Array:
        """Images (n_images, height, width, 3) from each resolution's columns (frames, height, channels)."""
        spec = self.spec
        images = np.empty((spec.n_images, spec.image_height, spec.image_width, 3), np.float32)
        stretched = (widths(part) for widths, part in zip(self._widths, columns, strict=True))
        for image, (time_first, rgb) in zip(images, product(stretched, self._rgb), strict=True):
            image[:] = time_first[:, :, rgb].transpose(1, 0, 2)
        return images


class FrontEndStream:
    """Overlapping windows of one stream: only the columns that are new since the last window are computed."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._columns: list[Array] = []  # per resolution (frames, height, channels), oldest first

    def advance(self, window: Array, new_samples: int) -> Features:
        """Features of the newest window.

        Args:
            window: (window_samples, channels), the newest samples.
            new_samples: how many of them came since the last call; a multiple of every step, or the whole window.
        """
        front_end = self._front_end
        if not self._columns or new_samples >= front_end.window_samples:
            self._columns = [s.columns(window) for s in front_end.spectrograms]
        else:
            self._columns = [self._shift(s, old, window, new_samples // s.spec.step_samples)
                             for s, old in zip(front_end.spectrograms, self._columns, strict=True)]
        return Features(front_end.draw(self._columns), front_end.statistics(window))

    @staticmethod
    def _shift(spectrogram: Spectrogram, old: Array, window: Array, new: int) -> Array:
        """Drop the ``new`` oldest columns, and compute as many from the window's end."""
        if new >= len(old):
            return spectrogram.columns(window)
        start = (len(old) - new) * spectrogram.spec.step_samples
        return np.concatenate([old[new:], spectrogram.columns(window[start:])])
