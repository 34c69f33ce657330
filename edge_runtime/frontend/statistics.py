"""Numbers that the images cannot show: which way gravity points, the amplitude as it is, the shape of one transient.

A contract names the statistics its model uses, in order. All are sums, extremes and elementary
functions, so that they can also be computed inside a ``.tflite`` graph. The selection follows Figo
et al. 2010, "Preprocessing techniques for context recognition from accelerometer data", and the UCI
HAR data set (Anguita et al. 2013, "A public domain dataset for human activity recognition using
smartphones"); what it brings is in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract, FrontEndSpec
from edge_runtime.errors import ContractError

# Bands of equal width where people move, of equal ratio above; a band without a bin of its own is
# left out.
BAND_EDGES_HZ = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 50.0, 100.0, 200.0)
POWER_FLOOR = np.float32(1e-6)  # of a band, re 1 (m/s^2)^2 or (rad/s)^2: the noise of a good sensor
DEVIATION_FLOOR = np.float32(
    1e-3
)  # m/s^2 or rad/s: what moves less is still, and its shape is rounding


class WindowStatistics:
    """The named statistics of windows of one shape, one after another.

    A *signal* is a channel, or the magnitude of a triple of channels that make an image (a whole
    sensor).

    Args:
        front_end: names the statistics, each a key of :data:`STATISTICS`; its image channels say
            what is a sensor.
        window_samples: length of a window, samples.
        channels: values in a sample.
        rate_hz: samples per second.

    Attributes:
        size: how many numbers a window gives.

    Raises:
        ContractError: a statistic that this version does not know.
    """

    def __init__(
        self, front_end: FrontEndSpec, window_samples: int, channels: int, rate_hz: float
    ) -> None:
        unknown = [name for name in front_end.statistics if name not in STATISTICS]
        if unknown:
            raise ContractError(
                f"the model's contract has the statistic {unknown[0]!r}, expected one of "
                f"{', '.join(STATISTICS)}: export the model again, or pip install --upgrade img2imu"
            )
        self._compute = [STATISTICS[name] for name in front_end.statistics]
        self._layout = _Layout(front_end.image_channels, window_samples, channels, rate_hz)
        self.size = sum(SIZES[name](self._layout) for name in front_end.statistics)

    @classmethod
    def of(cls, contract: Contract) -> WindowStatistics:
        """The statistics of a model."""
        return cls(
            contract.front_end,
            contract.window_samples,
            len(contract.stream.channels),
            contract.stream.rate_hz,
        )

    def __call__(self, window: Float32Array) -> Float32Array:
        """Statistics (size,) of a window (window_samples, channels)."""
        signals = _Signals(window, self._layout)
        return np.concatenate([compute(signals) for compute in self._compute]).astype(
            np.float32, copy=False
        )


class _Layout:
    """What is the same for every window."""

    def __init__(
        self,
        image_channels: tuple[tuple[int, ...], ...],
        window_samples: int,
        channels: int,
        rate_hz: float,
    ) -> None:
        self.channels = channels
        self.per_sample = 1 / window_samples
        self.per_step = np.float32(rate_hz / (window_samples - 1))
        self.sensors = [
            slice(r, b + 1) if (r + 1, r + 2) == (g, b) else [r, g, b]  # a slice is a view
            for r, g, b in image_channels
            if len({r, g, b}) == 3
        ]
        pairs = [
            pair
            for triple in image_channels
            if len(set(triple)) == 3
            for pair in combinations(triple, 2)
        ]
        self.first, self.second = ([pair[i] for pair in pairs] for i in (0, 1))
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_samples) / window_samples)
        self.taper = (hann * 2 / hann.sum()).astype(
            np.float32
        )  # a sine of amplitude A on a bin shows A^2
        hz = np.arange(window_samples // 2 + 1) * rate_hz / window_samples
        self.n_signals = channels + len(self.sensors)
        self.band_starts = np.unique(
            np.searchsorted(hz, [edge for edge in BAND_EDGES_HZ if edge <= hz[-1]])
        )


class _Signals:
    """One window, and what several statistics share, computed once."""

    def __init__(self, window: Float32Array, layout: _Layout) -> None:
        channels = layout.channels
        self.layout = layout
        self.x = np.empty((layout.n_signals, len(window)), np.float32)  # (signals, n)
        self.x[:channels] = (
            window.T
        )  # row by row in memory: sums and extremes of rows are four times as fast
        squares = np.square(self.x[:channels])
        for magnitude, columns in zip(self.x[channels:], layout.sensors, strict=True):
            np.sqrt(np.add.reduce(squares[columns], 0), out=magnitude)

    @cached_property
    def mean(self) -> Float32Array:
        total = np.add.reduce(
            self.x, 1, dtype=np.float64
        )  # in single precision, gravity would drown what is small
        mean: Float32Array = (total * self.layout.per_sample).astype(np.float32)
        return mean

    @cached_property
    def deviation(self) -> Float32Array:
        deviation: Float32Array = self.x - self.mean[:, None]  # (signals, n)
        return deviation

    @cached_property
    def std(self) -> Float32Array:  # of the population
        std: Float32Array = np.sqrt(self.average_product(self.deviation, self.deviation))
        return std

    @cached_property
    def z(self) -> Float32Array:
        z: Float32Array = (
            self.deviation / np.maximum(self.std, DEVIATION_FLOOR)[:, None]
        )  # (signals, n)
        return z

    @cached_property
    def z_squared(self) -> Float32Array:
        squared: Float32Array = np.square(self.z)
        return squared

    def band_level_db(self) -> Float32Array:
        """Hann periodogram, summed over each band: (signals * bands,)."""
        spectrum = np.fft.rfft(self.deviation * self.layout.taper)
        spectrum = spectrum.astype(np.complex64, copy=False)  # numpy 1 computes in double
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands = np.add.reduceat(power, self.layout.band_starts, axis=1)
        return np.asarray(np.log10(bands + POWER_FLOOR) * np.float32(10)).ravel()

    def correlation(self) -> Float32Array:
        """Pearson's, of the pairs of axes of each sensor: (pairs,)."""
        return self.average_product(self.z[self.layout.first], self.z[self.layout.second])

    def average_product(self, a: Float32Array, b: Float32Array) -> Float32Array:
        """Over time, of each row of a with the same row of b: (rows,)."""
        product: Float32Array = np.einsum("ij,ij->i", a, b) * np.float32(self.layout.per_sample)
        return product


# name -> one value for every channel (mean, std), magnitude (.._magnitude), signal, signal and
# band, or pair of axes; in the channels' units, where nothing else is said
STATISTICS: dict[str, Callable[[_Signals], Float32Array]] = {
    "mean": lambda s: s.mean[: s.layout.channels],
    "std": lambda s: s.std[: s.layout.channels],
    "mean_magnitude": lambda s: s.mean[s.layout.channels :],
    "std_magnitude": lambda s: s.std[s.layout.channels :],
    "min": lambda s: np.minimum.reduce(s.x, 1),
    "max": lambda s: np.maximum.reduce(s.x, 1),
    "mean_slope": lambda s: (
        np.add.reduce(np.abs(s.x[:, 1:] - s.x[:, :-1]), 1) * s.layout.per_step
    ),  # units per second
    "skewness": lambda s: s.average_product(s.z_squared, s.z),  # no unit
    "kurtosis": lambda s: s.average_product(
        s.z_squared, s.z_squared
    ),  # no unit; 3 for a normal distribution
    "band_level_db": _Signals.band_level_db,  # dB re (1 unit)^2
    "correlation": _Signals.correlation,  # no unit
}

# name -> how many numbers a window gives
SIZES: dict[str, Callable[[_Layout], int]] = {
    **dict.fromkeys(("mean", "std"), lambda layout: layout.channels),
    **dict.fromkeys(("mean_magnitude", "std_magnitude"), lambda layout: len(layout.sensors)),
    **dict.fromkeys(
        ("min", "max", "mean_slope", "skewness", "kurtosis"), lambda layout: layout.n_signals
    ),
    "band_level_db": lambda layout: layout.n_signals * len(layout.band_starts),
    "correlation": lambda layout: len(layout.first),
}
