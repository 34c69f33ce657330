"""From sensor samples in the order of time to windows on the model's grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import Contract
from edge_runtime.stream.buffers import Backlog, RingBuffer
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.resampler import LinearResampler, PolyphaseResampler

MAX_BACKLOG = 256  # samples: more than a hop of most sensors


@dataclass(frozen=True, eq=False)
class Window:
    """A window on the model's grid; its arrays are views, valid until the next window.

    Attributes:
        time_s: timestamp of its newest sample.
        samples: (window_samples, channels).
        received: (window_samples,) sensor samples received up to each grid sample, see
            :class:`edge_runtime.stream.resampler.GridPiece`.
    """

    time_s: float
    samples: Float32Array
    received: Float64Array


@dataclass(frozen=True)
class Gap:
    """Samples are missing: the window starts over with the sample at ``time_s``.

    Attributes:
        time_s: timestamp of the first sample after the gap.
        was_announced: whether the gap was reported before it ended, when the source fell silent.
    """

    time_s: float
    was_announced: bool = False


@dataclass(frozen=True)
class WarmingUp:
    """Samples arrive again, the first at ``time_s``; no window is full yet."""

    time_s: float


class WindowStream:
    """Resample a stream and yield a window every hop.

    The windows do not depend on how the stream is cut into chunks.

    After the first window, samples are kept back until one arrives that can complete the next
    window, and are then resampled together. Windows are complete at the same moments as without.

    Args:
        contract: rate, channels, window and hop.
        polyphase: whether to filter, see
            :class:`edge_runtime.stream.resampler.PolyphaseResampler`.
        counts: used and interpolated samples are counted here.

    Attributes:
        newest_s: timestamp of the newest sensor sample; None at the start.
        quiet_until_s: no sample before this time completes a window.
    """

    def __init__(self, contract: Contract, polyphase: bool, counts: StreamCounts) -> None:
        channels = len(contract.stream.channels)
        resampler = PolyphaseResampler if polyphase else LinearResampler
        self._window_samples = contract.window_samples
        self._hop_samples = contract.hop_samples
        self._counts = counts
        self._backlog = Backlog(MAX_BACKLOG, channels)
        self._resampler = resampler(contract.stream.rate_hz, channels)
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

    def add(self, times_s: Float64Array, values: Float32Array) -> Iterator[Window]:
        """Add samples; yield each window that they complete.

        Args:
            times_s: (n,) seconds, n at least 1, all later than before.
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
        """Resample and count the samples that were kept back; they complete no window."""
        for _ in self._resample(*self._backlog.take()):
            raise AssertionError("a window was complete before its time")

    def _resample(self, times_s: Float64Array, values: Float32Array) -> Iterator[Window]:
        if not len(times_s):
            return
        piece = self._resampler.resample(times_s, values)
        self._counts.interpolated += piece.interpolated
        begin = 0
        while begin < len(piece.samples):
            end = min(len(piece.samples), begin + self._due - self._samples.total)
            self._samples.extend(piece.samples[begin:end])
            self._received.extend(piece.received[begin:end, None])
            if self._samples.total == self._due:
                self._due += self._hop_samples
                yield self._window(float(piece.times_s[end - 1]))
            begin = end
        # While the first window fills up, nothing is kept back, so that `fill` is current.
        if self._samples.total >= self._window_samples:
            self.quiet_until_s = self._resampler.complete_s(self._due - 1)

    def _window(self, time_s: float) -> Window:
        samples = self._samples.newest(self._window_samples)
        received = self._received.newest(self._window_samples)[:, 0]
        return Window(
            time_s,
            samples.astype(np.float32, copy=False),
            received.astype(np.float64, copy=False),
        )
