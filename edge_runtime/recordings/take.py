"""``Take``: one recording made live, with a countdown before it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.stream.chunk import Chunk

LOST_S = 10.0  # without samples: the sensor is lost


class Take:
    """Follow one recording: a countdown, then samples until they cover ``seconds``.

    Add every chunk of the source, also during the countdown and also those without samples. No
    sample from before the end of the countdown becomes part of the recording.

    Args:
        seconds: length of the recording on the sensor's clock.
        countdown_s: seconds until it begins, on this machine's clock.
        keep_samples: whether :meth:`samples` is needed; if not, only time is followed.
        clock: returns seconds that do not run back.

    Attributes:
        seconds: length of the recording on the sensor's clock.
        lasted_s: from the first sample to the newest, on the sensor's clock.
    """

    def __init__(
        self,
        seconds: float,
        countdown_s: float,
        keep_samples: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.lasted_s = 0.0
        self._clock = clock
        self._keep_samples = keep_samples
        self._chunks: list[Chunk] = []
        self._first_s: float | None = None
        self._previous_s = clock()  # when the previous chunk was added
        self._begins_s = self._previous_s + countdown_s
        self._last_arrival_s = self._begins_s

    @property
    def starts_in_s(self) -> float:
        """Seconds that are left of the countdown, 0 after it."""
        return max(0.0, self._begins_s - self._clock())

    @property
    def silent_s(self) -> float:
        """Seconds since samples last arrived, or since the end of the countdown; 0 before."""
        return max(0.0, self._clock() - self._last_arrival_s)

    @property
    def why_lost(self) -> str:
        """Why the sensor counts as lost: one sentence, empty while it does not."""
        if self.silent_s <= LOST_S:
            return ""
        return f"nothing has come for {LOST_S:g} s: check the sensor"

    @property
    def is_complete(self) -> bool:
        """Whether the samples cover the length that was asked for."""
        return self._first_s is not None and self.lasted_s >= self.seconds

    @property
    def chunks(self) -> list[Chunk]:
        """Copies of the chunks that belong to the recording."""
        return self._chunks

    def add(self, chunk: Chunk) -> bool:
        """Add a chunk; return whether its samples belong to the recording.

        A chunk that was waited for since before the end of the countdown does not: its samples may
        be older.
        """
        has_begun = self._previous_s >= self._begins_s
        self._previous_s = self._clock()
        if not len(chunk.timestamps_s):
            return False
        self._last_arrival_s = max(self._previous_s, self._begins_s)
        if not has_begun:
            return False
        if self._first_s is None:
            self._first_s = float(chunk.timestamps_s[0])
        self.lasted_s = float(chunk.timestamps_s[-1]) - self._first_s
        if self._keep_samples:
            self._chunks.append(Chunk(chunk.timestamps_s.copy(), chunk.samples.copy()))
        return True

    def samples(self) -> tuple[Float64Array, Float32Array]:
        """Return the timestamps (n,) and samples (n, channels) of the recording so far."""
        return (
            np.concatenate([chunk.timestamps_s for chunk in self._chunks]),
            np.concatenate([chunk.samples for chunk in self._chunks]),
        )
