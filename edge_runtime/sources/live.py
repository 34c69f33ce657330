"""What live sources share: reconnecting, an inbox between threads, and polling at a steady rate."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0

T = TypeVar("T")
INBOX_MESSAGES = 1024  # 100 s at ten messages a second, which is usual

REPEAT_CHECK_READINGS = 200
MAX_REPEATS = 0.3  # of these readings; more equal their predecessor only if the sensor is slower


def reconnecting(
    session: Callable[[], Iterator[Chunk]], notes: Notes, channels: int
) -> Iterator[Chunk]:
    """Yield the chunks of one session after another, waiting after each lost connection.

    The wait doubles each time until samples come again.

    Args:
        session: connects, yields chunks, and raises SourceError when the connection is lost.
        notes: counts and reports every loss.
        channels: number of channels of the chunks.

    Raises:
        SourceError: the first connection failed before its first sample. A mistake in the address
            is reported at once.
    """
    received_samples = False
    wait_s = FIRST_WAIT_S
    while True:
        try:
            for chunk in session():
                if len(chunk.timestamps_s):
                    if wait_s > FIRST_WAIT_S:
                        notes.tell("samples come again")
                    received_samples = True
                    wait_s = FIRST_WAIT_S
                yield chunk
            return
        except SourceError as error:
            if not received_samples:
                raise
            notes.lost_connection(f"{error}; trying again in {wait_s:g} s")
        retry_s = time.monotonic() + wait_s
        while (remaining_s := retry_s - time.monotonic()) > 0:
            time.sleep(min(remaining_s, IDLE_S))
            yield Chunk.empty(channels)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


class Inbox(Generic[T]):
    """A bounded queue from the thread that receives messages to the one that recognises.

    Messages that do not fit are dropped and counted.

    Args:
        notes: counts and reports dropped messages.
        what: what a message is called, a noun in the singular.
        capacity: number of messages.
    """

    def __init__(self, notes: Notes, what: str, capacity: int = INBOX_MESSAGES) -> None:
        self._queue: queue.Queue[T | SourceError] = queue.Queue(capacity)
        self._notes = notes
        self._what = what

    @property
    def full(self) -> bool:
        """Whether the next message would be dropped."""
        return self._queue.full()

    def put(self, message: T) -> bool:
        """Queue a message. Returns False if there was no room."""
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

    def fail(self, error: SourceError) -> None:
        """Queue an error for the receiver to raise. Waiting messages make room for it if needed."""
        while True:
            try:
                return self._queue.put_nowait(error)
            except queue.Full:
                self._queue.get_nowait()

    def get(self, timeout_s: float) -> T | None:
        """Return the oldest message, or None if none comes in time.

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

    def chunks(self, decode: Callable[[T], Chunk], channels: int) -> Iterator[Chunk]:
        """Yield every message decoded, and an empty chunk whenever none came for a while.

        Args:
            decode: turns a message into a chunk.
            channels: number of channels of the chunks.

        Raises:
            SourceError: the connection that fills the inbox is lost.
        """
        while True:
            message = self.get(IDLE_S)
            yield Chunk.empty(channels) if message is None else decode(message)


def polled(read: Callable[[], list[float]], rate_hz: float, notes: Notes) -> Iterator[Chunk]:
    """Read a sensor at a steady rate, and yield a chunk for each reading.

    A reading's time is the middle between its start and its end. Readings that could not be made in
    time are left out and counted. A sensor slower than the rate is reported.

    Args:
        read: returns one value per channel.
        rate_hz: readings per second.
        notes: reports missed readings and a slow sensor.
    """
    period_s = 1 / rate_hz
    due_s = time.monotonic()
    readings = 0
    repeats = 0
    previous: list[float] = []
    while True:
        time.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        values = read()
        ended_s = time.monotonic()
        yield Chunk(np.array([(began_s + ended_s) / 2]), np.array([values], np.float32))
        readings += 1
        if values == previous:
            repeats += 1
        previous = values
        if readings == REPEAT_CHECK_READINGS and any(values):
            if repeats > MAX_REPEATS * REPEAT_CHECK_READINGS:
                notes.tell(
                    f"{repeats} of {readings} readings were equal to the one before: the sensor is "
                    f"slower than {rate_hz:g} Hz; raise its rate, or give rate_hz"
                )
            readings = 0
            repeats = 0
        due_s += period_s
        missed = int((time.monotonic() - due_s) / period_s)
        if missed > 0:
            due_s += missed * period_s
            notes.skipped(
                "missed reading",
                f"a reading took {1000 * (ended_s - began_s):.3g} ms, expected at most "
                f"{1000 * period_s:.3g}: raise the bus's speed, or lower rate_hz",
                missed,
            )
