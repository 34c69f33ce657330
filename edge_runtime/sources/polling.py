"""Sensors that are read by asking, at a steady pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

REPEATS_OF = 200  # readings over which those are counted that equal the one before
TOO_MANY_REPEATS = 0.3


def polled(read: Callable[[], list[float]], rate_hz: float, notes: Notes) -> Iterator[Chunk]:
    """A chunk for each reading, with the time in the middle of it.

    A reading that could not be made in time is left out and counted; a sensor slower than the pace
    is said.

    Args:
        read: gives a value for each channel.
        rate_hz: readings per second.
        notes: told of both.
    """
    period_s, due_s = 1 / rate_hz, time.monotonic()
    readings = repeats = 0
    before: list[float] = []
    while True:
        time.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        values = read()
        ended_s = time.monotonic()
        yield Chunk(np.array([(began_s + ended_s) / 2]), np.array([values], np.float32))
        readings, repeats = readings + 1, repeats + (values == before)
        before = values
        if readings == REPEATS_OF and any(values):
            if repeats > TOO_MANY_REPEATS * REPEATS_OF:
                notes.tell(
                    f"{repeats} of {readings} readings were equal to the one before: the sensor is slower than "
                    f"{rate_hz:g} Hz; raise its rate, or give rate_hz"
                )
            readings = repeats = 0
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
