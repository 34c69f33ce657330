"""The loop of every live command: a source's chunks in, a recogniser's decisions out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from edge_runtime.decision import Decision
from edge_runtime.errors import StreamError
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream.chunk import Chunk

# A longer batch is a catch-up after a broken connection: it says nothing about the next one.
MAX_BATCH_S = 5.0


class LiveLoop:
    """Recognise a source's samples until the source ends.

    Iterating yields a list of decisions for each chunk, often an empty one. When the source is
    silent for too long, a gap is among them. At the end, samples that were held back are flushed.

    Args:
        source: gives chunks.
        recognizer: recognises them; None while there is none.
        max_gap_s: from the contract; a longer silence is a gap.
        should_stop: called before each chunk; if it returns True, the loop ends as if the source
            had ended.
        on_chunk: called with each chunk before it is recognised. It may replace ``recognizer``.
        on_error: called with a StreamError, after which the loop continues. Without it, the loop
            yields the decisions that came before the error, and then raises it.

    Attributes:
        recognizer: the recogniser in use; may be replaced between chunks.
    """

    def __init__(
        self,
        source: Iterable[Chunk],
        recognizer: Recognizer | None,
        max_gap_s: float,
        should_stop: Callable[[], bool] | None = None,
        on_chunk: Callable[[Chunk], None] | None = None,
        on_error: Callable[[StreamError], None] | None = None,
    ) -> None:
        self.recognizer = recognizer
        self._source = source
        self._should_stop = should_stop
        self._on_chunk = on_chunk
        self._on_error = on_error
        self._silence = SilenceWatch(max_gap_s)

    def __iter__(self) -> Iterator[list[Decision]]:
        for chunk in self._source:
            if self._should_stop is not None and self._should_stop():
                break
            if self._on_chunk is not None:
                self._on_chunk(chunk)
            if self.recognizer is not None:
                yield from self._recognise(self.recognizer, chunk)
        if self.recognizer is not None:
            yield from self._recognise(self.recognizer, None)

    def _recognise(self, recognizer: Recognizer, chunk: Chunk | None) -> Iterator[list[Decision]]:
        """Yield the decisions of a chunk; of samples held back if there are no more chunks."""
        decisions: list[Decision] = []
        try:
            if chunk is None:
                decisions += recognizer.flush()
            else:
                if silent_s := self._silence.too_long_s(chunk):
                    decisions += recognizer.silent(silent_s)
                decisions += recognizer.push(chunk.timestamps_s, chunk.samples)
        except StreamError as error:
            decisions += error.decisions
            if self._on_error is None:
                yield decisions
                raise
            self._on_error(error)
        yield decisions


class SilenceWatch:
    """Measure how long a source has been silent, on this machine's clock.

    A source that sends batches is silent between them: after a batch that covers N seconds, the
    next may take N seconds and ``max_gap_s`` more.

    Args:
        max_gap_s: from the contract.
        clock: returns seconds that do not run back.
    """

    def __init__(self, max_gap_s: float, clock: Callable[[], float] | None = None) -> None:
        self._max_gap_s = max_gap_s
        self._clock = clock or time.monotonic
        self._last_arrival_s: float | None = None
        self._batch_s = 0.0

    def too_long_s(self, chunk: Chunk) -> float:
        """Note the arrival of a chunk; return the seconds of silence if it lasts too long, else 0.

        Args:
            chunk: the newest one; without samples, the silence continues.
        """
        now_s = self._clock()
        if len(chunk.timestamps_s):
            covered_s = float(chunk.timestamps_s[-1] - chunk.timestamps_s[0])
            self._last_arrival_s = now_s
            self._batch_s = min(max(covered_s, 0.0), MAX_BATCH_S)
            return 0.0
        if self._last_arrival_s is None:
            return 0.0
        silent_s = now_s - self._last_arrival_s
        return silent_s if silent_s > self._max_gap_s + self._batch_s else 0.0
