import math

import numpy as np
import pytest

from edge_runtime.recordings.take import LOST_S, Take
from edge_runtime.stream.chunk import Chunk

EMPTY = Chunk.empty(3)


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def chunk(begin_s, n=5):
    times_s = begin_s + np.arange(n) / 50
    return Chunk(times_s, np.full((n, 3), begin_s, np.float32))


def test_without_a_countdown_every_chunk_belongs(clock):
    take = Take(1.0, 0.0, clock=clock)
    assert take.starts_in_s == 0
    assert take.add(chunk(7.0))
    assert take.add(chunk(7.5))
    times_s, samples = take.samples()
    assert times_s.tolist() == [*chunk(7.0).timestamps_s, *chunk(7.5).timestamps_s]
    assert samples.shape == (10, 3)


def test_no_sample_from_before_the_end_of_the_countdown_belongs(clock):
    take = Take(1.0, 2.0, clock=clock)
    clock.now_s += 1.5
    assert take.starts_in_s == pytest.approx(0.5)
    assert not take.add(chunk(0.0))
    clock.now_s += 1.0  # this chunk was waited for since before the end
    assert not take.add(chunk(0.5))
    assert take.starts_in_s == 0
    clock.now_s += 0.1
    assert take.add(chunk(1.0))
    assert take.lasted_s == pytest.approx(0.08)
    assert take.samples()[0][0] == 1.0


def test_it_is_complete_when_the_samples_cover_the_length(clock):
    take = Take(0.5, 0.0, clock=clock)
    assert not take.is_complete
    take.add(chunk(3.0))
    assert not take.is_complete
    take.add(chunk(3.5))
    assert take.is_complete and take.lasted_s == pytest.approx(0.58)


def test_without_end_it_is_never_complete(clock):
    take = Take(math.inf, 0.0, clock=clock)
    take.add(chunk(0.0))
    take.add(chunk(1e6))
    assert not take.is_complete


def test_silence_is_counted_from_the_end_of_the_countdown_and_from_each_arrival(clock):
    take = Take(1.0, 3.0, clock=clock)
    clock.now_s += 2
    assert take.silent_s == 0
    clock.now_s += 5
    assert take.silent_s == pytest.approx(4)
    take.add(EMPTY)
    assert take.silent_s == pytest.approx(4)
    take.add(chunk(0.0))
    assert take.silent_s == 0


def test_after_too_long_a_silence_the_sensor_is_lost(clock):
    take = Take(1.0, 0.0, clock=clock)
    clock.now_s += LOST_S
    assert take.why_lost == ""
    clock.now_s += 0.1
    assert take.why_lost == "nothing has come for 10 s: check the sensor"
    take.add(chunk(0.0))
    assert take.why_lost == ""


def test_samples_are_copied_because_a_source_may_use_its_buffer_again(clock):
    take, buffer = Take(1.0, 0.0, clock=clock), chunk(1.0)
    take.add(buffer)
    buffer.samples[:] = 9
    assert (take.samples()[1] == 1).all()


def test_without_keeping_samples_only_time_is_followed(clock):
    take = Take(0.05, 0.0, keep_samples=False, clock=clock)
    assert take.add(chunk(0.0)) and take.is_complete and take.chunks == []
