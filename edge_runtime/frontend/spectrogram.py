"""Log spectrograms with fixed limits, drawn as image columns.

Each column depends on its own frame only. A column is therefore computed once for all windows that
contain it, and a stream gives the same columns as a whole window.
"""

from __future__ import annotations

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import FrontEndSpec, SpectrogramSpec

POWER_FLOOR = 1e-12  # keeps the logarithm finite: -120 dB, below every limit in use


class Spectrogram:
    """One resolution of the spectrogram images: frames of samples to image columns in -1..1.

    1. A frame is multiplied by :func:`scaled_hann` and transformed.
    2. The level in dB is clipped to fixed limits and mapped to -1..1.
    3. Bins are interpolated to the rows of the image, highest frequency first. Rows lie at
       ``knee * sinh(u)`` with even steps of u, from 0 to half the rate: people move at a few hertz,
       and an even scale would spend most rows above that.

    Args:
        spec: frame length and step.
        front_end: limits, image height and frequency scale.
        rate_hz: of the samples.
    """

    def __init__(self, spec: SpectrogramSpec, front_end: FrontEndSpec, rate_hz: float) -> None:
        self.spec = spec
        self._taper = scaled_hann(spec.fft_samples).astype(np.float32)
        low_db = np.asarray(front_end.min_db)[:, None]  # (channels, 1)
        high_db = np.asarray(front_end.max_db)[:, None]
        # shade = log10(power) * gain + offset; a level in dB is 10 log10(power)
        self._gain = (20 / (high_db - low_db)).astype(np.float32)
        self._offset = (-2 * low_db / (high_db - low_db) - 1).astype(np.float32)
        self._rows = Resize(
            frequency_weights(
                spec.fft_samples, front_end.image_height, rate_hz, front_end.frequency_knee_hz
            )
        )

    def n_columns(self, n_samples: int) -> int:
        """Return the number of whole frames in ``n_samples``."""
        return max(0, (n_samples - self.spec.fft_samples) // self.spec.step_samples + 1)

    def columns(self, samples: Float32Array) -> Float32Array:
        """Return the image columns of every whole frame.

        Args:
            samples: (n, channels).

        Returns:
            (frames, height, channels) in -1..1.
        """
        samples = np.ascontiguousarray(samples)
        sample_stride, channel_stride = samples.strides
        # (frames, channels, fft_samples), a view; as_strided takes ten times as long to make it
        frames: Float32Array = np.ndarray(
            (self.n_columns(len(samples)), samples.shape[1], self.spec.fft_samples),
            samples.dtype,
            samples.data,
            strides=(sample_stride * self.spec.step_samples, channel_stride, sample_stride),
        )
        spectrum = np.fft.rfft(frames * self._taper)  # (frames, channels, bins)
        spectrum = spectrum.astype(np.complex64, copy=False)  # numpy 1 computes in double precision
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        power += np.float32(POWER_FLOOR)
        shade = np.log10(power, out=power)
        shade *= self._gain
        shade += self._offset
        np.minimum(np.maximum(shade, np.float32(-1), out=shade), np.float32(1), out=shade)
        rows = self._rows(shade.transpose(2, 0, 1))  # (height, frames, channels), rising frequency
        return rows[::-1].transpose(1, 0, 2)


class Resize:
    """A linear map along the first axis with few weights per output.

    Only the weights that are not zero are applied, element by element. Each output therefore
    depends on its own inputs only, to the bit, and no BLAS thread is woken.

    Args:
        matrix: (n_out, n_in) weights; those of a row that are not zero are contiguous.
    """

    def __init__(self, matrix: Float32Array) -> None:
        self.matrix = matrix
        n_in = matrix.shape[1]
        used = matrix > 0
        first_used = used.argmax(1)  # (n_out,)
        end_used = n_in - used[:, ::-1].argmax(1)
        taps = int((end_used - first_used).max())
        first = np.minimum(first_used, n_in - taps)
        self._indices = first + np.arange(taps)[:, None]  # (taps, n_out)
        weights = np.take_along_axis(matrix, self._indices.T, axis=1).T
        self._weights = np.ascontiguousarray(weights)[:, :, None]  # (taps, n_out, 1)

    def __call__(self, values: Float32Array) -> Float32Array:
        """Convert values (n_in, ...) to (n_out, ...)."""
        flat = values.reshape(len(values), -1)  # (n_in, m)
        weighted = flat.take(self._indices, 0)  # (taps, n_out, m), a copy
        weighted *= self._weights
        # along the first axis numpy adds tap after tap, in the same order for every shape
        resized: Float32Array = np.add.reduce(weighted, 0)
        return resized.reshape(-1, *values.shape[1:])


def scaled_hann(n: int) -> Float64Array:
    """Return a periodic Hann window (n,), scaled so that a sine shows its amplitude.

    A sine of amplitude A on a bin of the FFT then has the power A^2, whatever n (Heinzel et al.
    2002, "Spectrum and spectral density estimation by the DFT", eq. 24).
    """
    hann = periodic_hann(n)
    return np.asarray(hann * 2 / hann.sum())


def periodic_hann(n: int) -> Float64Array:
    """Return a periodic Hann window (n,)."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n))


def frequency_weights(fft_samples: int, rows: int, rate_hz: float, knee_hz: float) -> Float32Array:
    """Return weights (rows, bins) from the bins of an FFT to rows of rising frequency.

    The weights of a row sum to 1. They are a triangle around the row's frequency, as wide as the
    distance to the next row, or to the next bin where bins are farther apart.
    """
    top = np.arcsinh(rate_hz / 2 / knee_hz)
    edges = knee_hz * np.sinh(top * np.arange(rows + 1) / rows)
    centres = knee_hz * np.sinh(top * (np.arange(rows) + 0.5) / rows)
    bins = np.arange(fft_samples // 2 + 1) * rate_hz / fft_samples
    return _triangles(bins, centres, np.maximum(np.diff(edges), rate_hz / fft_samples))


def time_weights(frames: int, columns: int) -> Float32Array:
    """Return weights (columns, frames) that stretch or shrink time.

    The weights of a column sum to 1. The convention is that of
    ``torch.nn.functional.interpolate(align_corners=False, antialias=True)``: column i sits at
    (i + 0.5) * frames / columns - 0.5.
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
    """Return weights (centres, positions) of triangles; those of a centre sum to 1."""
    centres = np.clip(centres, positions[0], positions[-1])
    weights = np.clip(1 - np.abs(positions - centres[:, None]) / half_widths[:, None], 0, None)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)
