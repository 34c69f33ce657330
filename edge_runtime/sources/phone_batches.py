"""Batches of samples that the phone page sends, and where a stream goes on after the network was away.

A batch is little-endian: the number of its first sample since the page began (float64), then for
each sample its time (float64, milliseconds) and six values (float32): acceleration with gravity in
m/s^2, rotation in rad/s, NaN for a phone without a gyroscope. The page keeps what was not
acknowledged, and sends it again when it is connected again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.checks import VALUE_LIMIT
from edge_runtime.stream.chunk import Chunk

LARGEST_BATCH = 32 << 10  # bytes: 1000 samples
SAMPLE = np.dtype([("time_ms", "<f8"), ("values", "<f4", (len(CHANNELS),))])
HEADER_BYTES = 8
LATEST_MS = 1e14  # the year 5138: a larger clock is none
SHORTEST_STEP_MS = 0.5  # no browser gives 2000 samples a second
LONGEST_SESSION = 64  # characters of the name that a page gives itself


class PhoneDecoder:
    """From batches to chunks.

    Args:
        channels: columns to give, in order.
        notes: told what is left out.

    Attributes:
        received: number of the next sample of the session that is new; what to acknowledge.
    """

    def __init__(self, channels: Sequence[str], notes: Notes) -> None:
        self._columns = [CHANNELS.index(name) for name in channels]
        self._channels, self._notes = tuple(channels), notes
        self._session: str | None = None
        self._newest_ms = -math.inf
        self.received = 0

    def begin(self, session: str) -> None:
        """A page has connected: the one of before goes on where it was, a new one starts anew."""
        if session != self._session:
            self._session, self.received, self._newest_ms = session, 0, -math.inf

    def push(self, batch: bytes) -> Chunk:
        """Take one batch; give its samples that are new and make sense. What is no batch is counted and left out."""
        body = memoryview(batch)[HEADER_BYTES:]
        first = float(np.frombuffer(batch, "<f8", 1)[0]) if len(batch) >= HEADER_BYTES else math.nan
        if len(body) % SAMPLE.itemsize or not (first >= 0 and first.is_integer() and first < 2**53):
            self._notes.skipped(
                "malformed batch",
                f"it has {len(batch)} bytes and begins at sample {first:g}, "
                "expected what the phone page sends: open that page anew",
            )
            return Chunk.empty(len(self._channels))
        samples = np.frombuffer(body, SAMPLE)[max(0, self.received - int(first)) :]
        self.received = max(self.received, int(first) + len(body) // SAMPLE.itemsize)
        return self._chunk(samples)

    def _chunk(self, samples: np.ndarray) -> Chunk:
        times_ms, values = samples["time_ms"], samples["values"][:, self._columns]
        with np.errstate(invalid="ignore"):
            sound = (np.abs(times_ms) < LATEST_MS) & (np.abs(values) < VALUE_LIMIT).all(1)
        if not sound.all():
            missing = [
                name for i, name in enumerate(self._channels) if np.isnan(values[:, i]).all()
            ]
            why = (
                f"the phone gives no {', '.join(missing)}: take one with a gyroscope, or a model without"
                if missing
                else "a time or value is none that a sensor gives: open the page anew"
            )
            self._notes.skipped("unusable sample", why, int((~sound).sum()))
        times_ms, values = times_ms[sound], values[sound]
        kept = []
        for i, time_ms in enumerate(times_ms.tolist()):
            if time_ms - self._newest_ms >= SHORTEST_STEP_MS:
                kept.append(i)
                self._newest_ms = time_ms
        if len(kept) < len(times_ms):
            self._notes.skipped(
                "sample out of order",
                "the page sent one that was not later than the one before: open it anew",
                len(times_ms) - len(kept),
            )
        return Chunk(times_ms[kept] / 1000, np.ascontiguousarray(values[kept], np.float32))
