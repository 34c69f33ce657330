"""What every sink is: it takes decisions one at a time, and can be closed."""

from __future__ import annotations

from typing import Protocol, Self

from edge_runtime.decision import Decision


class Sink(Protocol):
    """Takes decisions, one at a time; as a context manager it closes itself."""

    def write(self, decision: Decision) -> None:
        """Pass one decision on; a reader that went away (``| head``) is a BrokenPipeError for the caller."""

    def close(self) -> None:
        """Let go of what is open; closing twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
