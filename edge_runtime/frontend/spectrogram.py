"""Log spectrograms with fixed limits, drawn as image columns.

Every column depends on its own frame alone, so a column computed once serves all windows that
contain it, and a stream gives the same columns as a whole window does.
"""

from __future__ import annotations

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import FrontEndSpec, SpectrogramSpec

POWER_FLOOR = 1e-12  # keeps the logarithm finite: -120 dB, below every limit in use


class Spectrogram:
    """One resolution of the spectrogram images: frames of samples to image columns in -1..1.

    A frame is multiplied by a periodic Hann window and transformed; amplitudes are scaled so that a
    sine of amplitude A on a bin shows A^2 whatever the frame's length (Heinzel et al. 2002,
    "Spectrum and spectral density estimation by the DFT", eq. 24); the level in dB is clipped to
    the fixed limits, mapped to -1..1, and the bins are interpolated to the image's rows, the
    highest frequency first. Rows lie at ``knee * sinh(u)`` with even steps of u, from 0 to half the
    rate: people move at a few hertz, and an even scale would spend most rows above.

    Args:
        spec: frame length and step.
        front_end: limits, image height and frequency scale.
        rate_hz: of the samples.
    """

    def __init__(self, spec: SpectrogramSpec, front_end: FrontEndSpec, rate_hz: float) -> None:
        n = spec.fft_samples
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        self.spec = spec
        self._taper = (hann * 2 / hann.sum()).astype(np.float32)
        low, high = np.asarray(front_end.min_db)[:, None], np.asarray(front_end.max_db)[:, None]
        self._gain = (20 / (high - low)).astype(
            np.float32
        )  # of log10(power): dB are ten times that
        self._offset = (-2 * low / (high - low) - 1).astype(np.float32)
        self._rows = Resize(
            frequency_weights(n, front_end.image_height, rate_hz, front_end.frequency_knee_hz)
        )

    def n_columns(self, n_samples: int) -> int:
        """Whole frames in a piece of ``n_samples``."""
        return max(0, (n_samples - self.spec.fft_samples) // self.spec.step_samples + 1)

    def columns(self, samples: Float32Array) -> Float32Array:
        """Image columns of every whole frame of ``samples`` (n, channels): (frames, height, channels)."""
        n, step = self.spec.fft_samples, self.spec.step_samples
        samples = np.ascontiguousarray(samples)
        by_sample, by_channel = samples.strides
        frames: Float32Array = np.ndarray(  # a view; as_strided takes ten times as long to make it
            (self.n_columns(len(samples)), samples.shape[1], n),
            samples.dtype,
            samples.data,
            strides=(by_sample * step, by_channel, by_sample),
        )
        spectrum = np.fft.rfft(frames * self._taper).astype(
            np.complex64, copy=False
        )  # numpy 1 computes in double
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)  # (frames, channels, bins)
        power += np.float32(POWER_FLOOR)
        shade = np.log10(power, out=power)
        shade *= self._gain
        shade += self._offset
        np.minimum(np.maximum(shade, np.float32(-1), out=shade), np.float32(1), out=shade)
        return self._rows(shade.transpose(2, 0, 1))[::-1].transpose(1, 0, 2)


class Resize:
    """A linear map along the first axis with few weights per output.

    Only the weights that are not zero are applied, element by element: each output depends on its
    inputs alone, whatever comes beside them, and no BLAS thread is woken.

    Args:
        matrix: (n_out, n_in) weights, each row's in one piece.
    """

    def __init__(self, matrix: Float32Array) -> None:
        self.matrix = matrix
        n_in = matrix.shape[1]
        used = matrix > 0
        taps = int((n_in - used[:, ::-1].argmax(1) - used.argmax(1)).max())
        first = np.minimum(used.argmax(1), n_in - taps)
        self._indices = first + np.arange(taps)[:, None]  # (taps, n_out)
        self._weights = np.ascontiguousarray(np.take_along_axis(matrix, self._indices.T, axis=1).T)[
            :, :, None
        ]

    def __call__(self, values: Float32Array) -> Float32Array:
        """(n_in, ...) to (n_out, ...)."""
        weighted = values.reshape(len(values), -1).take(
            self._indices, 0
        )  # (taps, n_out, all else), a copy
        weighted *= self._weights
        resized: Float32Array = np.add.reduce(weighted, 0)  # tap after tap, whatever the shape
        return resized.reshape(-1, *values.shape[1:])


def frequency_weights(fft_samples: int, rows: int, rate_hz: float, knee_hz: float) -> Float32Array:
    """Weights (rows, bins) from the bins of an FFT to rows of rising frequency; rows of weights sum to 1.

    Each row is a triangle around its frequency, as wide as the distance to the next row, or to the
    next bin where bins are farther apart.
    """
    top = np.arcsinh(rate_hz / 2 / knee_hz)
    edges = knee_hz * np.sinh(top * np.arange(rows + 1) / rows)
    centres = knee_hz * np.sinh(top * (np.arange(rows) + 0.5) / rows)
    bins = np.arange(fft_samples // 2 + 1) * rate_hz / fft_samples
    return _triangles(bins, centres, np.maximum(np.diff(edges), rate_hz / fft_samples))


def time_weights(frames: int, columns: int) -> Float32Array:
    """Weights (columns, frames) that stretch or shrink time; rows of weights sum to 1.

    The convention is that of ``torch.nn.functional.interpolate(align_corners=False,
    antialias=True)``: column i sits at (i + 0.5) * frames / columns - 0.5.
    """
    scale = frames / columns
    centres = np.clip((np.arange(columns) + 0.5) * scale - 0.5, 0, frames - 1)
    return _triangles(
        np.arange(frames, dtype=np.float64), centres, np.full(columns, max(scale, 1.0))
    )


def _triangles(
    positions: Float64Array,
    centres: Float64Array,
    half_widths: Float64Array,
) -> Float32Array:
    centres = np.clip(centres, positions[0], positions[-1])
    weights = np.clip(1 - np.abs(positions - centres[:, None]) / half_widths[:, None], 0, None)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)
