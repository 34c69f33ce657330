"""The interface of every source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

IDLE_S = 0.5  # a live source without samples yields an empty chunk at least this often
GRAVITY_OPTIONS = ("included", "removed")  # values of the phone sources' option "gravity"


class Source(Protocol):
    """A stream of chunks. Iterate to receive; the iteration ends when the stream ends."""

    @property
    def notes(self) -> Notes:
        """What was left out, and other messages about the stream."""

    def __iter__(self) -> Iterator[Chunk]: ...
