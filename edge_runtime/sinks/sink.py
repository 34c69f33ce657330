"""The interface of every sink."""

from __future__ import annotations

from typing import Protocol, Self

from edge_runtime.decision import Decision
from edge_runtime.sources.notes import Notes


class Sink(Protocol):
    """Takes decisions, one at a time. As a context manager it closes itself."""

    @property
    def notes(self) -> Notes | None:
        """What the sink could not deliver, or None for a sink that has nothing to report."""
        return None

    def write(self, decision: Decision) -> None:
        """Pass one decision on. If the reader has gone (``| head``), raise BrokenPipeError."""

    def close(self) -> None:
        """Release what is open. Closing twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
