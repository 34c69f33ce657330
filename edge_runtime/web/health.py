"""The state of the stream, this process and this machine, which the dashboard shows."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from typing import Any

import numpy as np

from edge_runtime.decision import Decision, Latency
from edge_runtime.machine import processor_temperature_c, read_memory
from edge_runtime.recognizer import Recognizer
from edge_runtime.sources.source import Source
from edge_runtime.stream.chunk import Chunk
from edge_runtime.stream.counts import StreamCounts

RATE_SPAN_S = 5.0  # newest seconds over which the rate is measured
LATENCY_DECISIONS = 40  # newest decisions whose median latency is reported


class Health:
    """Measures the rate and the latency of a stream, and reads the other figures on request.

    Args:
        source: the source; its counts of skipped items are reported.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        # First and last timestamp (seconds) of a chunk, and its number of samples.
        self._recent_chunks: deque[tuple[float, float, int]] = deque()
        self._latencies: deque[Latency] = deque(maxlen=LATENCY_DECISIONS)
        self._last_arrival_s: float | None = None
        self._last_read_s = time.monotonic()
        self._last_cpu_s = time.process_time()

    def record(self, chunks: list[Chunk], decisions: list[Decision]) -> None:
        """Record the chunks and decisions that are new since the last call."""
        recent = self._recent_chunks
        for chunk in chunks:
            if not len(chunk.timestamps_s):
                continue
            self._last_arrival_s = time.monotonic()
            first_s = float(chunk.timestamps_s[0])
            last_s = float(chunk.timestamps_s[-1])
            if recent and not 0 <= first_s - recent[-1][1] <= RATE_SPAN_S:
                recent.clear()  # after a gap, or if the clock was set
            recent.append((first_s, last_s, len(chunk.timestamps_s)))
        while len(recent) > 1 and recent[-1][1] - recent[0][1] > RATE_SPAN_S:
            recent.popleft()
        self._latencies.extend(d.latency_us for d in decisions if d.latency_us is not None)

    @property
    def rate_hz(self) -> float | None:
        """Samples per second of the sensor's clock, or None after fewer than two samples."""
        if not self._recent_chunks:
            return None
        span_s = self._recent_chunks[-1][1] - self._recent_chunks[0][0]
        intervals = sum(count for _, _, count in self._recent_chunks) - 1
        return intervals / span_s if span_s > 0 and math.isfinite(span_s) else None

    def read(self, recognizer: Recognizer | None) -> dict[str, Any]:
        """Return all figures as a JSON document; unknown ones are None.

        Args:
            recognizer: the recogniser whose counts are reported; None while there is none.

        Returns:
            A document with these keys: ``rate_hz``; ``silent_s`` (since the last sample); ``fill``
            (of the window, 0 to 1); ``counts``
            (:class:`edge_runtime.stream.counts.StreamCounts`); ``left_out`` (what the source
            skipped, to how often); ``latency_us`` (medians of the newest decisions); ``cpu``
            (share of one core that this process used since the last call, 1 is a whole core);
            ``memory_mb`` (resident); ``temperature_c`` (of the processor).
        """
        now_s = time.monotonic()
        cpu_s = time.process_time()
        passed_s = now_s - self._last_read_s
        cpu_share = (cpu_s - self._last_cpu_s) / passed_s if passed_s > 0 else None
        self._last_read_s = now_s
        self._last_cpu_s = cpu_s
        return {
            "rate_hz": self.rate_hz,
            "silent_s": None if self._last_arrival_s is None else now_s - self._last_arrival_s,
            "fill": recognizer.fill if recognizer else 0.0,
            "counts": dataclasses.asdict(recognizer.counts if recognizer else StreamCounts()),
            "left_out": dict(self._source.notes.counts),
            "latency_us": self._median_latency_us(),
            "cpu": cpu_share,
            "memory_mb": read_memory().resident_mb,
            "temperature_c": processor_temperature_c(),
        }

    def _median_latency_us(self) -> dict[str, float] | None:
        if not self._latencies:
            return None
        stages = [dataclasses.astuple(latency) for latency in self._latencies]
        frontend, inference, total = np.median(stages, axis=0)
        return {
            "frontend": float(frontend),
            "inference": float(inference),
            "total": float(total),
        }
