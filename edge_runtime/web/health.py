"""How the stream and the machine are, once a second."""

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

RATE_OVER_S = 5.0
LATENCIES = 40  # decisions over whose latency the median is taken


class Health:
    """Keeps what is needed to tell the rate, and reads the rest when asked.

    Args:
        source: whose omissions are told.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._arrived: deque[tuple[float, float, int]] = (
            deque()
        )  # first and last timestamp of a chunk, its samples
        self._latencies: deque[Latency] = deque(maxlen=LATENCIES)
        self._heard_s: float | None = None
        self._cpu_s, self._measured_s = time.process_time(), time.monotonic()

    def take(self, chunks: list[Chunk], decisions: list[Decision]) -> None:
        """Note what came since the last call."""
        for chunk in chunks:
            if len(chunk.timestamps_s):
                self._heard_s = time.monotonic()
                first_s, last_s = float(chunk.timestamps_s[0]), float(chunk.timestamps_s[-1])
                if self._arrived and not 0 <= first_s - self._arrived[-1][1] <= RATE_OVER_S:
                    self._arrived.clear()  # a gap, or another clock
                self._arrived.append((first_s, last_s, len(chunk.timestamps_s)))
        while len(self._arrived) > 1 and self._arrived[-1][1] - self._arrived[0][1] > RATE_OVER_S:
            self._arrived.popleft()
        self._latencies.extend(d.latency_us for d in decisions if d.latency_us is not None)

    @property
    def rate_hz(self) -> float | None:
        """Samples per second on the sensor's clock over the newest seconds; None when too few came."""
        if not self._arrived:
            return None
        span_s = self._arrived[-1][1] - self._arrived[0][0]
        count = sum(n for _, _, n in self._arrived) - 1
        return count / span_s if span_s > 0 and math.isfinite(span_s) else None

    def read(self, recognizer: Recognizer | None) -> dict[str, Any]:
        """Everything, as what ``json.dumps`` takes; None is what is not known.

        Args:
            recognizer: whose counts are told; None while there is none.

        Keys: ``rate_hz``, ``silent_s`` (since samples last came), ``fill`` (of the window, 0 to 1),
        ``counts`` (see :class:`edge_runtime.stream.counts.StreamCounts`), ``left_out`` (by the source,
        what to how often), ``latency_us`` (medians of the newest decisions), ``cpu`` (of one core,
        0 to 1, this process), ``memory_mb`` (resident), ``temperature_c`` (of the processor).
        """
        now_s, cpu_s = time.monotonic(), time.process_time()
        passed_s = now_s - self._measured_s
        used = (cpu_s - self._cpu_s) / passed_s if passed_s > 0 else None
        self._cpu_s, self._measured_s = cpu_s, now_s
        latency = None
        if self._latencies:
            frontend, inference, total = np.median(
                [dataclasses.astuple(each) for each in self._latencies], axis=0
            )
            latency = {
                "frontend": float(frontend),
                "inference": float(inference),
                "total": float(total),
            }
        return {
            "rate_hz": self.rate_hz,
            "silent_s": None if self._heard_s is None else now_s - self._heard_s,
            "fill": recognizer.fill if recognizer else 0.0,
            "counts": dataclasses.asdict(recognizer.counts if recognizer else StreamCounts()),
            "left_out": dict(self._source.notes.counts),
            "latency_us": latency,
            "cpu": used,
            "memory_mb": read_memory().resident_mb,
            "temperature_c": processor_temperature_c(),
        }
