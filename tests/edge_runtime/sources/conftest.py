import contextlib
import time

import numpy as np
import pytest

from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

ENOUGH_S = 20.0  # a busy machine is slow; a test that waits so long fails


@pytest.fixture
def notes():
    """Notes that keep what they say in a list, ``notes.said``."""
    return listen(Notes("a sensor"))


def listen(notes):
    notes.said = []
    notes.say = notes.said.append
    return notes


@pytest.fixture
def heard():
    """Make a source's notes keep what they say."""

    def of(source):
        listen(source.notes)
        return source

    return of


@pytest.fixture
def receive():
    """Iterate over a source until ``until(chunks so far, joined)``; its session is closed then.

    ``once_open()`` is called with the first chunk, which is empty when nothing came yet.
    """

    def call(source, until, once_open=lambda: None):
        opened = False
        chunks = [Chunk(np.empty(0), np.empty((0, 0)))]
        deadline_s = time.monotonic() + ENOUGH_S
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
