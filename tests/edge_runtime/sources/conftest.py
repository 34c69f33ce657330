import contextlib
import time

import numpy as np
import pytest

from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

TIMEOUT_S = 20.0  # generous, for a busy machine


@pytest.fixture
def notes():
    """Notes that keep their lines in a list, ``notes.said``."""
    return listen(Notes("a sensor"))


def listen(notes):
    """Make notes keep their lines in ``notes.said``."""
    notes.said = []
    notes.say = notes.said.append
    return notes


@pytest.fixture
def heard():
    """A function that makes a source keep the lines of its notes in ``source.notes.said``."""

    def call(source):
        listen(source.notes)
        return source

    return call


@pytest.fixture
def receive():
    """A function that iterates over a source until ``until(all chunks so far, joined)`` is true.

    It then closes the source's session. ``once_open()`` is called with the first chunk, which is
    empty if nothing came yet.
    """

    def call(source, until, once_open=lambda: None):
        opened = False
        chunks = [Chunk(np.empty(0), np.empty((0, 0)))]
        deadline_s = time.monotonic() + TIMEOUT_S
        with contextlib.closing(iter(source)) as stream:
            for chunk in stream:
                assert chunk.samples.dtype == np.float32 and chunk.timestamps_s.dtype == np.float64
                assert len(chunk.samples) == len(chunk.timestamps_s)
                if not opened:
                    opened = True
                    once_open()
                if len(chunk.samples):
                    chunks = [joined([*chunks, chunk])]
                if until(chunks[0]):
                    return chunks[0]
                assert time.monotonic() < deadline_s, (
                    f"{len(chunks[0].samples)} samples, then nothing more"
                )
        return chunks[0]

    return call


def joined(chunks):
    chunks = [chunk for chunk in chunks if len(chunk.timestamps_s)]
    return Chunk(
        np.concatenate([chunk.timestamps_s for chunk in chunks]),
        np.concatenate([chunk.samples for chunk in chunks]),
    )
