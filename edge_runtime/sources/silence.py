"""When does a live source that sends nothing leave too long a gap?"""

from __future__ import annotations

import time
from collections.abc import Callable

from edge_runtime.stream.chunk import Chunk

LONGEST_BATCH_S = (
    5.0  # a catch-up after a broken connection may cover more, and says nothing about the next
)


class SilenceWatch:
    """Measures silence on this machine's clock.

    A source that sends batches is silent in between: after a batch that covers so many seconds, the
    next may take as long, and ``max_gap_s`` more.

    Args:
        max_gap_s: of the contract.
        clock: seconds that do not run back.
    """

    def __init__(self, max_gap_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_gap_s = max_gap_s
        self._clock = clock
        self._heard_s: float | None = None
        self._batch_s = 0.0

    def too_long_s(self, chunk: Chunk) -> float:
        """Seconds since samples last came, when a chunk without any has come after too long; else 0."""
        now_s = self._clock()
        if len(chunk.timestamps_s):
            covered_s = float(chunk.timestamps_s[-1] - chunk.timestamps_s[0])
            self._heard_s, self._batch_s = now_s, min(max(covered_s, 0.0), LONGEST_BATCH_S)
            return 0.0
        if self._heard_s is None:
            return 0.0
        silent_s = now_s - self._heard_s
        return silent_s if silent_s > self._max_gap_s + self._batch_s else 0.0
