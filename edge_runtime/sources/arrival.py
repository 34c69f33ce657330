"""Timestamps for samples that come without any: the sensor's steady clock recovered from when they arrive."""

from __future__ import annotations

import math

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

MEASURE_S = 1.0
# A slow loop: serial and Bluetooth deliver in batches up to 50 ms apart, which must not show in the
# timestamps.
BANDWIDTH_HZ = 0.1
LARGEST_ERROR_S = 0.25  # the stream paused, or the clock was stopped: start over from the arrival
RATE_MOVED = 0.1  # relative to what was last said
SLOWEST_HZ = 1.0
SMALLEST_STEP_S = 1e-6


class ArrivalClock:
    """Gives samples the times of a steady clock that follows their arrival.

    A delay-locked loop of second order (Adriaensen, "Using a DLL to filter time", 2005): it
    predicts when the batch should have arrived from the count of samples, and corrects time and
    period by a small part of the error. The first second is held back to measure the rate, unless
    that is given; its first batch, which may have waited in a buffer for long, is dropped.

    Args:
        channels: values in a sample.
        notes: told the measured rate, and when it moves.
        rate_hz: samples per second where known, else it is measured.
    """

    def __init__(self, channels: int, notes: Notes, rate_hz: float | None = None) -> None:
        self._channels = channels
        self._notes = notes
        self._period_s = None if rate_hz is None else 1 / rate_hz
        self._said_hz = rate_hz
        self._end_s: float | None = None  # time of the newest sample
        self._held: list[Float32Array] = []
        self._first_s: float | None = None  # arrival of the batch that was dropped

    @property
    def rate_hz(self) -> float | None:
        """What is measured now, or None in the first second."""
        return None if self._period_s is None else 1 / self._period_s

    def push(self, samples: Float32Array, arrival_s: float) -> Chunk:
        """Take the samples (n, channels) that arrived together; give those whose times are known.

        Args:
            samples: oldest first.
            arrival_s: when the newest came, on any clock that does not run back.
        """
        if not len(samples):
            return Chunk.empty(self._channels)
        if self._period_s is None:
            samples = self._measure(samples, arrival_s)
            if not len(samples):
                return Chunk.empty(self._channels)
        return Chunk(self._stamp(len(samples), arrival_s), samples)

    def _measure(self, samples: Float32Array, arrival_s: float) -> Float32Array:
        """Hold samples until a second has passed, then give them all."""
        if self._first_s is None:
            self._first_s = arrival_s
            return samples[:0]
        self._held.append(samples)
        count, elapsed_s = sum(map(len, self._held)), arrival_s - self._first_s
        if elapsed_s < MEASURE_S or count < 2:
            return samples[:0]
        self._period_s = elapsed_s / count
        self._said_hz = 1 / self._period_s
        self._notes.tell(f"samples come without times, at {self._said_hz:.4g} Hz")
        held, self._held = np.concatenate(self._held), []
        return held

    def _stamp(self, n: int, arrival_s: float) -> Float64Array:
        assert self._period_s is not None
        span_s = n * self._period_s
        error_s = math.inf if self._end_s is None else arrival_s - (self._end_s + span_s)
        if abs(error_s) > LARGEST_ERROR_S or self._end_s is None:
            start_s = arrival_s - span_s
            if self._end_s is not None:
                start_s = max(
                    start_s, self._end_s
                )  # a late burst is squeezed into the time that is left
            self._end_s = max(arrival_s, start_s + n * SMALLEST_STEP_S)
        else:
            start_s = self._end_s
            omega = 2 * math.pi * BANDWIDTH_HZ * span_s
            omega = min(omega, 0.5)  # a batch of many seconds
            self._end_s += span_s + min(math.sqrt(2) * omega, 1.0) * error_s
            self._end_s = max(self._end_s, start_s + span_s / 2)
            self._period_s += omega * omega * error_s / n
            self._period_s = min(max(self._period_s, 1e-4), 1 / SLOWEST_HZ)
            self._watch_rate()
        return np.linspace(start_s, self._end_s, n + 1)[1:]

    def _watch_rate(self) -> None:
        assert self._period_s is not None
        rate_hz = 1 / self._period_s
        if self._said_hz is not None and abs(rate_hz / self._said_hz - 1) > RATE_MOVED:
            self._notes.tell(
                f"samples now come at {rate_hz:.4g} Hz, before at {self._said_hz:.4g} Hz: check the "
                "sensor's rate and the connection"
            )
            self._said_hz = rate_hz
