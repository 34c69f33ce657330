"""What every source is: an iterable of chunks with notes on what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

IDLE_S = 0.5  # a live source that receives nothing gives a chunk without samples this often or more


class Source(Protocol):
    """A stream of chunks; iterate to receive, ends when the stream ends.

    Attributes:
        notes: what had to be left out, and what else is to be said.
    """

    @property
    def notes(self) -> Notes:
        """What had to be left out."""

    def __iter__(self) -> Iterator[Chunk]: ...
