import numpy as np
import pytest

from edge_runtime import Teacher
from edge_runtime.recordings import read_recording

RATE_HZ = 50.0


@pytest.fixture(scope="session")
def excerpt(demo_recording_path):
    """Cut timestamps and samples from the bundled recording, from one second to another.

    It holds ABD, IR and ROW, 10 s each.
    """
    recording = read_recording(demo_recording_path)

    def cut(begin_s, end_s):
        inside = (recording.timestamps_s >= begin_s) & (recording.timestamps_s < end_s)
        return recording.timestamps_s[inside], recording.samples[inside]

    return cut


@pytest.fixture(scope="session")
def swing():
    """Make timestamps and samples of a swing at some frequency, lying flat, with noise."""

    def make(frequency_hz, seconds=6.0, seed=0, size=4.0, channels=6, start_s=0.0, rate_hz=RATE_HZ):
        random = np.random.default_rng(seed)
        times_s = np.arange(round(seconds * rate_hz)) / rate_hz
        phase = 2 * np.pi * frequency_hz * times_s + random.uniform(0, 6)
        samples = random.normal(0, 0.03, (len(times_s), channels))
        samples[:, 0] += size * np.sin(phase)
        samples[:, min(1, channels - 1)] += 0.5 * size * np.cos(phase)
        samples[:, min(2, channels - 1)] += 9.81
        return start_s + times_s, samples.astype(np.float32)

    return make


@pytest.fixture
def taught(excerpt):
    """A teacher with two of the bundled exercises, and the third as the background."""
    teacher = Teacher.begin()
    teacher.add("ABD", *excerpt(0, 7))
    teacher.add("IR", *excerpt(10, 17))
    teacher.set_background(*excerpt(20, 29))
    return teacher
