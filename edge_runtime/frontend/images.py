"""From samples to the network's input: spectrogram images, and statistics beside them."""

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
        images: (..., n_images, height, width, 3) float32 in -1..1; images of one resolution stand
            together.
        statistics: (..., n_statistics) float32.
    """

    images: Float32Array
    statistics: Float32Array


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

    def __init__(
        self, spec: FrontEndSpec, window_samples: int, channels: int, rate_hz: float
    ) -> None:
        self.spec = spec
        self.window_samples = window_samples
        self.channels = channels
        self.spectrograms = tuple(Spectrogram(s, spec, rate_hz) for s in spec.spectrograms)
        self.statistics = WindowStatistics(spec, window_samples, channels, rate_hz)
        frames = [s.n_columns(window_samples) for s in self.spectrograms]
        self.n_frames = sum(frames)
        self.frames = [
            slice(end - n, end) for n, end in zip(frames, accumulate(frames), strict=True)
        ]
        stretch = np.zeros((len(frames) * spec.image_width, self.n_frames), np.float32)
        for i, (n, part) in enumerate(zip(frames, self.frames, strict=True)):
            stretch[i * spec.image_width : (i + 1) * spec.image_width, part] = time_weights(
                n, spec.image_width
            )
        self._stretch = Resize(stretch)  # all resolutions at once
        self._colours = [
            evenly_spaced(channels) for channels in zip(*spec.image_channels, strict=True)
        ]

    @classmethod
    def of(cls, contract: Contract) -> FrontEnd:
        """The front end of a model."""
        return cls(
            contract.front_end,
            contract.window_samples,
            len(contract.stream.channels),
            contract.stream.rate_hz,
        )

    def stream(self) -> FrontEndStream:
        """A new stream of windows, with no columns computed yet."""
        return FrontEndStream(self)

    def compute(self, window: Float32Array) -> Features:
        """Features of one window (window_samples, channels)."""
        return self.stream().advance(window, self.window_samples)

    def compute_batch(self, windows: Float32Array) -> Features:
        """Features of windows (n, window_samples, channels), each array with a leading axis n."""
        each = [self.compute(window) for window in windows]
        return Features(np.stack([f.images for f in each]), np.stack([f.statistics for f in each]))

    def draw(self, columns: Float32Array) -> Float32Array:
        """Images (n_images, height, width, 3) from the columns (n_frames, height, channels) of all resolutions."""
        spec = self.spec
        stretched = self._stretch(columns).reshape(
            len(self.frames), spec.image_width, spec.image_height, -1
        )
        images = np.empty(
            (len(self.frames), len(spec.image_channels), spec.image_height, spec.image_width, 3),
            np.float32,
        )
        for colour, channels in enumerate(
            self._colours
        ):  # three long copies, not thousands of three values
            images[..., colour] = stretched[..., channels].transpose(0, 3, 2, 1)
        return images.reshape(-1, *images.shape[2:])


class FrontEndStream:
    """Overlapping windows of one stream: only the columns that are new since the last window are computed."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        spec = front_end.spec
        self._columns = np.empty(
            (0, spec.image_height, front_end.channels), np.float32
        )  # later (n_frames, ...)

    def advance(self, window: Float32Array, new_samples: int) -> Features:
        """Features of the newest window.

        Args:
            window: (window_samples, channels), the newest samples.
            new_samples: how many of them came since the last call, a multiple of every step.
        """
        pieces = []
        for spectrogram, part in zip(
            self._front_end.spectrograms, self._front_end.frames, strict=True
        ):
            old, step = self._columns[part], spectrogram.spec.step_samples
            kept = max(0, len(old) - new_samples // step)
            pieces += [old[len(old) - kept :], spectrogram.columns(window[kept * step :])]
        self._columns = np.concatenate(pieces)
        return Features(self._front_end.draw(self._columns), self._front_end.statistics(window))


def evenly_spaced(indices: tuple[int, ...]) -> slice | list[int]:
    """A slice where one does: it gives a view, many times faster than picking one by one."""
    first, step = indices[0], indices[1] - indices[0] if len(indices) > 1 else 1
    regular = step > 0 and indices == tuple(range(first, first + step * len(indices), step))
    return slice(first, indices[-1] + 1, step) if regular else list(indices)
