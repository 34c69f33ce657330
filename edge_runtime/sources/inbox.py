"""From the thread that receives to the one that recognises."""

from __future__ import annotations

import queue
from typing import Generic, TypeVar

from edge_runtime.errors import SourceError
from edge_runtime.sources.notes import Notes

T = TypeVar("T")
CAPACITY = 1024  # messages; at the sensors' usual ten a second, 100 s


class Inbox(Generic[T]):
    """A bounded queue: what does not fit is dropped, counted and said.

    Args:
        notes: told of drops.
        what: a message is called.
        capacity: messages.
    """

    def __init__(self, notes: Notes, what: str, capacity: int = CAPACITY) -> None:
        self._queue: queue.Queue[T | SourceError] = queue.Queue(capacity)
        self._notes = notes
        self._what = what

    def put(self, message: T) -> bool:
        """Leave a message; False when there was no room."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self._notes.skipped(
                self._what,
                f"{self._queue.maxsize} of them wait already, because recognition does "
                "not keep up: lower the sensor's rate, or free the processor",
            )
            return False
        return True

    @property
    def full(self) -> bool:
        """Whether a message that is put now would be dropped."""
        return self._queue.full()

    def fail(self, error: SourceError) -> None:
        """Let the receiver raise this, before what is still waiting if there is no room for it."""
        while True:
            try:
                return self._queue.put_nowait(error)
            except queue.Full:
                self._queue.get_nowait()

    def get(self, timeout_s: float) -> T | None:
        """The oldest message, or None when none comes in time.

        Raises:
            SourceError: the connection that fills the inbox is lost.
        """
        try:
            message = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(message, SourceError):
            raise message
        return message
