"""Timestamps for samples that come without any: a sensor's clock recovered from arrival times."""

from __future__ import annotations

import math

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

MEASURE_S = 1.0
# A slow loop: serial ports and Bluetooth deliver in batches up to 50 ms apart, which must not show
# in the timestamps.
BANDWIDTH_HZ = 0.1
LARGEST_ERROR_S = 0.25  # beyond this the stream paused, or this machine did: restart the loop
RATE_CHANGE = 0.1  # relative to the rate last reported
SLOWEST_HZ = 1.0
SMALLEST_STEP_S = 1e-6


class ArrivalClock:
    """Gives samples the times of a steady clock that follows their arrival.

    A second-order delay-locked loop (Adriaensen, "Using a DLL to filter time", 2005): it predicts
    from the number of samples when a batch should have arrived, and corrects time and period by a
    small part of the error. The first second is held back to measure the rate, unless the rate is
    known. Its first batch, which may have waited in a buffer for long, is dropped.

    Args:
        channels: number of values in a sample.
        notes: reports the measured rate, and when it changes.
        rate_hz: samples per second if known, else it is measured.
    """

    def __init__(self, channels: int, notes: Notes, rate_hz: float | None = None) -> None:
        self._channels = channels
        self._notes = notes
        self._period_s = None if rate_hz is None else 1 / rate_hz
        self._reported_hz = rate_hz
        self._newest_s: float | None = None  # time of the newest sample
        self._held: list[Float32Array] = []
        self._dropped_s: float | None = None  # arrival of the batch that was dropped

    @property
    def rate_hz(self) -> float | None:
        """The rate measured so far, or None in the first second."""
        return None if self._period_s is None else 1 / self._period_s

    def stamp(self, samples: Float32Array, arrival_s: float) -> Chunk:
        """Return the samples with their times, or none while the rate is measured.

        Args:
            samples: (n, channels) that arrived together, oldest first.
            arrival_s: when the newest arrived, on a monotonic clock.
        """
        if not len(samples):
            return Chunk.empty(self._channels)
        if self._period_s is None:
            samples = self._measure(samples, arrival_s)
            if not len(samples):
                return Chunk.empty(self._channels)
        return Chunk(self._times(len(samples), arrival_s), samples)

    def _measure(self, samples: Float32Array, arrival_s: float) -> Float32Array:
        """Hold samples until a second has passed, then return them all."""
        if self._dropped_s is None:
            self._dropped_s = arrival_s
            return samples[:0]
        self._held.append(samples)
        count = sum(map(len, self._held))
        elapsed_s = arrival_s - self._dropped_s
        if elapsed_s < MEASURE_S or count < 2:
            return samples[:0]
        self._period_s = elapsed_s / count
        self._reported_hz = 1 / self._period_s
        self._notes.tell(f"samples come without times, at {self._reported_hz:.4g} Hz")
        samples = np.concatenate(self._held)
        self._held = []
        return samples

    def _times(self, n: int, arrival_s: float) -> Float64Array:
        """Return the times (n,) of a batch, and correct the loop by its arrival."""
        assert self._period_s is not None
        span_s = n * self._period_s
        error_s = math.inf
        if self._newest_s is not None:
            error_s = arrival_s - (self._newest_s + span_s)
        if abs(error_s) > LARGEST_ERROR_S or self._newest_s is None:
            start_s = arrival_s - span_s
            if self._newest_s is not None:
                # A late burst is squeezed into the time that is left.
                start_s = max(start_s, self._newest_s)
            self._newest_s = max(arrival_s, start_s + n * SMALLEST_STEP_S)
        else:
            start_s = self._newest_s
            omega = 2 * math.pi * BANDWIDTH_HZ * span_s
            omega = min(omega, 0.5)  # a batch may last many seconds
            self._newest_s += span_s + min(math.sqrt(2) * omega, 1.0) * error_s
            self._newest_s = max(self._newest_s, start_s + span_s / 2)
            self._period_s += omega * omega * error_s / n
            self._period_s = min(max(self._period_s, 1e-4), 1 / SLOWEST_HZ)
            self._report_rate_change()
        return np.linspace(start_s, self._newest_s, n + 1)[1:]

    def _report_rate_change(self) -> None:
        assert self._period_s is not None
        rate_hz = 1 / self._period_s
        if self._reported_hz is not None and abs(rate_hz / self._reported_hz - 1) > RATE_CHANGE:
            self._notes.tell(
                f"samples now come at {rate_hz:.4g} Hz, before at {self._reported_hz:.4g} Hz: "
                "check the sensor's rate and the connection"
            )
            self._reported_hz = rate_hz
