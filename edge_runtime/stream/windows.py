"""From sensor samples in the order of time to windows on the model's grid."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import Contract
from edge_runtime.stream.buffers import Backlog, RingBuffer
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.resampler import LinearResampler, PolyphaseResampler

MOST_BACKLOG = 256  # samples: a hop of most sensors; of a faster one, so many at a time


class WindowStream:
    """Resamples a stream and gives a window every hop. How the stream is cut into chunks changes nothing.

    Once the first window is full, samples wait until one comes that can complete the next, and are
    resampled together: windows are complete at the same moments as without.

    Args:
        contract: rate, channels, window and hop.
        polyphase: see :class:`edge_runtime.stream.resampler.PolyphaseResampler`.
        counts: where used and interpolated samples are counted.

    Attributes:
        newest_s: time of the newest sensor sample; None at the start.
        quiet_until_s: no sample before this time completes a window.
    """

    def __init__(self, contract: Contract, polyphase: bool, counts: StreamCounts) -> None:
        channels = len(contract.stream.channels)
        self._window_samples, self._hop_samples = contract.window_samples, contract.hop_samples
        self._counts = counts
        self._backlog = Backlog(MOST_BACKLOG, channels)
        self._resampler = (PolyphaseResampler if polyphase else LinearResampler)(
            contract.stream.rate_hz, channels
        )
        self._samples = RingBuffer(contract.window_samples, channels)
        self._received = RingBuffer(contract.window_samples, 1, np.float64)
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far: a window must fill up again."""
        self.newest_s: float | None = None
        self.quiet_until_s = -math.inf
        self._backlog.take()
        self._resampler.reset()
        self._samples.clear()
        self._received.clear()
        self._due = self._window_samples  # grid samples at which the next window is complete

    @property
    def fill(self) -> float:
        """How full the window is, 0 to 1."""
        return len(self._samples) / self._window_samples

    @property
    def window(self) -> Float32Array:
        """The newest window (window_samples, channels): a view, good until the next one is asked for."""
        return self._samples.newest(self._window_samples).astype(np.float32, copy=False)

    @property
    def received(self) -> Float64Array:
        """Sensor samples received (window_samples,) up to each of the window's, as in a ``GridPiece``; a view too."""
        return self._received.newest(self._window_samples)[:, 0].astype(np.float64, copy=False)

    def push(self, times_s: Float64Array, values: Float32Array) -> Iterator[float]:
        """Take samples; gives the time of each window that they complete, when it is the newest.

        Args:
            times_s: (n,), at least one, all later than before.
            values: (n, channels).

        Raises:
            StreamError: the sensor is too fast to be filtered down.
        """
        self._counts.used += len(times_s)
        self.newest_s = float(times_s[-1])
        if not self._backlog.add(times_s, values):
            yield from self._resample(*self._backlog.take())
            yield from self._resample(times_s, values)
        elif self.newest_s >= self.quiet_until_s:
            yield from self._resample(*self._backlog.take())

    def catch_up(self) -> None:
        """Resample and count what waits; it completes no window."""
        for _ in self._resample(*self._backlog.take()):
            raise AssertionError("a window was complete before its time")

    def _resample(self, times_s: Float64Array, values: Float32Array) -> Iterator[float]:
        if not len(times_s):
            return
        piece = self._resampler.push(times_s, values)
        self._counts.interpolated += piece.interpolated
        begin = 0
        while begin < len(piece.samples):
            end = min(len(piece.samples), begin + self._due - self._samples.total)
            self._samples.extend(piece.samples[begin:end])
            self._received.extend(piece.received[begin:end, None])
            if self._samples.total == self._due:
                self._due += self._hop_samples
                yield float(piece.times_s[end - 1])
            begin = end
        if (
            self._samples.total >= self._window_samples
        ):  # before that, everyone may see how it fills
            self.quiet_until_s = self._resampler.complete_s(self._due - 1)
