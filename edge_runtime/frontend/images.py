"""From samples to the network's input: spectrogram images and statistics."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract, FrontEndSpec
from edge_runtime.frontend.spectrogram import Resize, Spectrogram, time_weights
from edge_runtime.frontend.statistics import WindowStatistics


@dataclass(frozen=True)
class Features:
    """The network's input.

    Attributes:
        images: (..., n_images, height, width, 3) float32 in -1..1. Images of one resolution are
            next to each other.
        statistics: (..., n_statistics) float32.
    """

    images: Float32Array
    statistics: Float32Array


class FrontEnd:
    """Computes features of windows of one shape.

    Args:
        spec: the contract's front end.
        window_samples: length of a window, samples.
        channels: number of channels of a sample.
        rate_hz: samples per second.

    Attributes:
        spectrograms: one per resolution.
        statistics: computes the statistics.
        n_frames: number of frames of all resolutions.
        frames: where the frames of each resolution are among all of them.

    Raises:
        ContractError: a statistic that this version does not know.
    """

    def __init__(
        self, spec: FrontEndSpec, window_samples: int, channels: int, rate_hz: float
    ) -> None:
        self.spec = spec
        self.window_samples = window_samples
        self.channels = channels
        self.spectrograms = tuple(Spectrogram(s, spec, rate_hz) for s in spec.spectrograms)
        self.statistics = WindowStatistics(spec, window_samples, channels, rate_hz)
        counts = [s.n_columns(window_samples) for s in self.spectrograms]
        self.n_frames = sum(counts)
        self.frames = [
            slice(end - n, end) for n, end in zip(counts, accumulate(counts), strict=True)
        ]
        # One map from all frames to the columns of all images.
        width = spec.image_width
        stretch = np.zeros((len(counts) * width, self.n_frames), np.float32)
        for i, (n, part) in enumerate(zip(counts, self.frames, strict=True)):
            stretch[i * width : (i + 1) * width, part] = time_weights(n, width)
        self._stretch = Resize(stretch)
        # For red, green and blue: the channel of each image.
        self._colours = [_as_slice(indices) for indices in zip(*spec.image_channels, strict=True)]

    @classmethod
    def of(cls, contract: Contract) -> FrontEnd:
        """Return the front end of a model."""
        return cls(
            contract.front_end,
            contract.window_samples,
            len(contract.stream.channels),
            contract.stream.rate_hz,
        )

    def stream(self) -> FrontEndStream:
        """Start a stream of overlapping windows."""
        return FrontEndStream(self)

    def compute(self, window: Float32Array) -> Features:
        """Return the features of one window (window_samples, channels)."""
        return self.stream().advance(window, self.window_samples)

    def compute_batch(self, windows: Float32Array) -> Features:
        """Return features with a leading axis n, of windows (n, window_samples, channels)."""
        features = [self.compute(window) for window in windows]
        return Features(
            images=np.stack([f.images for f in features]),
            statistics=np.stack([f.statistics for f in features]),
        )

    def draw(self, columns: Float32Array) -> Float32Array:
        """Draw the images of a window.

        Args:
            columns: (n_frames, height, channels) of all resolutions.

        Returns:
            (n_images, height, width, 3).
        """
        spec = self.spec
        resolutions = len(self.frames)
        images_each = len(spec.image_channels)
        stretched = self._stretch(columns).reshape(
            resolutions, spec.image_width, spec.image_height, -1
        )
        images = np.empty(
            (resolutions, images_each, spec.image_height, spec.image_width, 3), np.float32
        )
        # colour by colour: three long copies instead of thousands of three values
        for colour, channels in enumerate(self._colours):
            images[..., colour] = stretched[..., channels].transpose(0, 3, 2, 1)
        return images.reshape(-1, *images.shape[2:])


class FrontEndStream:
    """Overlapping windows of one stream. Only columns that the last window lacked are computed."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        # (n_frames, height, channels) of the last window; none at first
        self._columns = np.empty((0, front_end.spec.image_height, front_end.channels), np.float32)

    def advance(self, window: Float32Array, new_samples: int) -> Features:
        """Return the features of the newest window.

        Args:
            window: (window_samples, channels), the newest samples.
            new_samples: number of samples since the last call, a multiple of every step.
        """
        pieces = []
        for spectrogram, part in zip(
            self._front_end.spectrograms, self._front_end.frames, strict=True
        ):
            old = self._columns[part]
            step = spectrogram.spec.step_samples
            kept = max(0, len(old) - new_samples // step)
            pieces += [old[len(old) - kept :], spectrogram.columns(window[kept * step :])]
        self._columns = np.concatenate(pieces)
        return Features(self._front_end.draw(self._columns), self._front_end.statistics(window))


def _as_slice(indices: tuple[int, ...]) -> slice | list[int]:
    """Return evenly spaced indices as a slice, which gives a view and is many times faster."""
    first = indices[0]
    step = indices[1] - first if len(indices) > 1 else 1
    if step > 0 and indices == tuple(range(first, first + step * len(indices), step)):
        return slice(first, indices[-1] + 1, step)
    return list(indices)
