"""Holding on to a source that comes and goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from edge_runtime.errors import SourceError
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


def reconnecting(
    session: Callable[[], Iterator[Chunk]], notes: Notes, channels: int
) -> Iterator[Chunk]:
    """Chunks of one session after the other; the wait between them doubles until samples come again.

    Args:
        session: connects, gives chunks, and raises SourceError when the connection is lost.
        notes: told of every loss.
        channels: of the chunks.

    Raises:
        SourceError: the first connection gave no sample before it failed, so a mistake in the
            address is told at once and not waited for.
    """
    ever, wait_s = False, FIRST_WAIT_S
    while True:
        try:
            for chunk in session():
                if len(chunk.timestamps_s):
                    if wait_s > FIRST_WAIT_S:
                        notes.tell("samples come again")
                    ever, wait_s = True, FIRST_WAIT_S
                yield chunk
            return
        except SourceError as error:
            if not ever:
                raise
            notes.counts["lost connection"] += 1
            notes.tell(f"{error}; trying again in {wait_s:g} s")
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, IDLE_S))
            yield Chunk.empty(channels)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
