"""Statistics of a window: what the images cannot show.

That is the direction of gravity, the exact amplitude, and the shape of a single transient. A
contract names the statistics its model uses, in order. All are sums, extremes and elementary
functions, so that they can also be computed inside a ``.tflite`` graph.

The selection follows Figo et al. 2010, "Preprocessing techniques for context recognition from
accelerometer data", and the UCI HAR data set (Anguita et al. 2013, "A public domain dataset for
human activity recognition using smartphones"). docs/method.md says how much it gains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract, FrontEndSpec
from edge_runtime.errors import ContractError
from edge_runtime.frontend.spectrogram import scaled_hann

# Bands have equal width where people move and equal ratio above. A band without a bin of its own is
# left out.
BAND_EDGES_HZ = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 50.0, 100.0, 200.0)
# Of a band, re 1 (m/s^2)^2 or (rad/s)^2: the noise of a good sensor.
POWER_FLOOR = np.float32(1e-6)
# m/s^2 or rad/s. A signal that deviates less is at rest, and its shape is rounding.
DEVIATION_FLOOR = np.float32(1e-3)


class WindowStatistics:
    """Computes the statistics that a contract names, for windows of one shape.

    A *sensor* is a triple of different channels that make an image. A *signal* is a channel, or the
    magnitude of a sensor.

    Args:
        front_end: names the statistics, each a key of :data:`STATISTICS`, and the sensors.
        window_samples: length of a window, samples.
        channels: number of channels of a sample.
        rate_hz: samples per second.

    Attributes:
        size: number of values for a window.

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
        """Return the statistics of a model."""
        return cls(
            contract.front_end,
            contract.window_samples,
            len(contract.stream.channels),
            contract.stream.rate_hz,
        )

    def __call__(self, window: Float32Array) -> Float32Array:
        """Return statistics (size,) float32 of a window (window_samples, channels)."""
        signals = _Signals(window, self._layout)
        return np.concatenate([compute(signals) for compute in self._compute]).astype(
            np.float32, copy=False
        )


class _Layout:
    """What all windows have in common."""

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
        triples = [triple for triple in image_channels if len(set(triple)) == 3]
        # columns of each sensor; a slice gives a view
        self.sensors = [
            slice(x, z + 1) if (y, z) == (x + 1, x + 2) else [x, y, z] for x, y, z in triples
        ]
        self.n_signals = channels + len(self.sensors)
        pairs = [pair for triple in triples for pair in combinations(triple, 2)]
        self.first = [first for first, _ in pairs]
        self.second = [second for _, second in pairs]
        self.taper = scaled_hann(window_samples).astype(np.float32)
        hz = np.arange(window_samples // 2 + 1) * rate_hz / window_samples  # of the bins
        edges_hz = [edge for edge in BAND_EDGES_HZ if edge <= hz[-1]]
        self.band_starts = np.unique(np.searchsorted(hz, edges_hz))  # first bin of each band


class _Signals:
    """The signals of one window, and what several statistics share, computed once."""

    def __init__(self, window: Float32Array, layout: _Layout) -> None:
        channels = layout.channels
        self.layout = layout
        # (signals, n), a signal contiguous in memory: its sums and extremes are four times as fast
        self.x = np.empty((layout.n_signals, len(window)), np.float32)
        self.x[:channels] = window.T
        squares = np.square(self.x[:channels])
        for magnitude, columns in zip(self.x[channels:], layout.sensors, strict=True):
            np.sqrt(np.add.reduce(squares[columns], 0), out=magnitude)

    @cached_property
    def mean(self) -> Float32Array:
        """Mean: (signals,)."""
        # in double precision: next to gravity, single precision loses small values
        total = np.add.reduce(self.x, 1, dtype=np.float64)
        mean: Float32Array = (total * self.layout.per_sample).astype(np.float32)
        return mean

    @cached_property
    def deviation(self) -> Float32Array:
        """Deviation from the mean: (signals, n)."""
        deviation: Float32Array = self.x - self.mean[:, None]
        return deviation

    @cached_property
    def std(self) -> Float32Array:
        """Standard deviation of the population: (signals,)."""
        std: Float32Array = np.sqrt(self.average_product(self.deviation, self.deviation))
        return std

    @cached_property
    def z(self) -> Float32Array:
        """Deviation in standard deviations: (signals, n)."""
        z: Float32Array = self.deviation / np.maximum(self.std, DEVIATION_FLOOR)[:, None]
        return z

    @cached_property
    def z_squared(self) -> Float32Array:
        """Square of z: (signals, n)."""
        squared: Float32Array = np.square(self.z)
        return squared

    def band_level_db(self) -> Float32Array:
        """Return the level of each band of a Hann periodogram: (signals * bands,)."""
        spectrum = np.fft.rfft(self.deviation * self.layout.taper)
        spectrum = spectrum.astype(np.complex64, copy=False)  # numpy 1 computes in double precision
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands = np.add.reduceat(power, self.layout.band_starts, axis=1)
        return np.asarray(np.log10(bands + POWER_FLOOR) * np.float32(10)).ravel()

    def correlation(self) -> Float32Array:
        """Return Pearson's correlation of each pair of axes of a sensor: (pairs,)."""
        return self.average_product(self.z[self.layout.first], self.z[self.layout.second])

    def average_product(self, a: Float32Array, b: Float32Array) -> Float32Array:
        """Return the mean over time of a * b, both (rows, n): (rows,)."""
        product: Float32Array = np.einsum("ij,ij->i", a, b) * np.float32(self.layout.per_sample)
        return product


# Name to function. mean and std have one value per channel, .._magnitude one per sensor,
# band_level_db one per signal and band, correlation one per pair of axes, all others one per
# signal. Units are those of the channels unless a comment names another.
STATISTICS: dict[str, Callable[[_Signals], Float32Array]] = {
    "mean": lambda s: s.mean[: s.layout.channels],
    "std": lambda s: s.std[: s.layout.channels],
    "mean_magnitude": lambda s: s.mean[s.layout.channels :],
    "std_magnitude": lambda s: s.std[s.layout.channels :],
    "min": lambda s: np.minimum.reduce(s.x, 1),
    "max": lambda s: np.maximum.reduce(s.x, 1),
    # units per second
    "mean_slope": lambda s: np.add.reduce(np.abs(s.x[:, 1:] - s.x[:, :-1]), 1) * s.layout.per_step,
    # no unit
    "skewness": lambda s: s.average_product(s.z_squared, s.z),
    # no unit; 3 for a normal distribution
    "kurtosis": lambda s: s.average_product(s.z_squared, s.z_squared),
    # dB re (1 unit)^2
    "band_level_db": _Signals.band_level_db,
    # no unit
    "correlation": _Signals.correlation,
}

# Name to number of values for a window.
SIZES: dict[str, Callable[[_Layout], int]] = {
    **dict.fromkeys(("mean", "std"), lambda layout: layout.channels),
    **dict.fromkeys(("mean_magnitude", "std_magnitude"), lambda layout: len(layout.sensors)),
    **dict.fromkeys(
        ("min", "max", "mean_slope", "skewness", "kurtosis"), lambda layout: layout.n_signals
    ),
    "band_level_db": lambda layout: layout.n_signals * len(layout.band_starts),
    "correlation": lambda layout: len(layout.first),
}
