import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from chip import CONFIG, Chip, load

from edge_runtime.stream.chunk import Chunk


@pytest.fixture(scope="session")
def chip():
    """The chip with its driver, and configfs."""
    load("iio-trig-hrtimer")
    subprocess.run(["mount", "-t", "configfs", "none", CONFIG], check=True)
    return Chip()


@pytest.fixture
def in_the_hand(chip):
    """Until the test ends, the chip lies flat and moves slightly, as in a hand."""
    generator = np.random.default_rng(0)
    ended = threading.Event()

    def move():
        while not ended.wait(0.01):
            chip.measure(*generator.normal([[0, 0, 16384], [0, 0, 0]], 100).astype(int).tolist())

    thread = threading.Thread(target=move)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.fixture
def collect():
    """A function that returns the first n samples of a source in one chunk.

    The lines of its notes are in ``notes.said``.
    """

    def call(source, n, on_chunk=lambda received: None):
        source.notes.said = []
        source.notes.say = source.notes.said.append
        times = [np.empty(0)]
        samples = []
        count = 0
        deadline_s = time.monotonic() + 60
        with contextlib.closing(iter(source)) as stream:
            for chunk in stream:
                if len(chunk.timestamps_s):
                    times.append(chunk.timestamps_s)
                    samples.append(chunk.samples)
                    count += len(chunk.timestamps_s)
                if count >= n:
                    break
                on_chunk(count)
                assert time.monotonic() < deadline_s, (
                    f"{count} samples, then nothing; {source.notes.said}"
                )
        return Chunk(np.concatenate(times), np.concatenate(samples))

    return call
