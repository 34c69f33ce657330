import numpy as np
import pytest

from edge_runtime.sources.silence import LONGEST_BATCH_S, SilenceWatch
from edge_runtime.stream.chunk import Chunk


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def batch(covered_s, n=11):
    return Chunk(np.linspace(0, covered_s, n), np.zeros((n, 3), np.float32))


EMPTY = Chunk.empty(3)


def test_nothing_is_missing_before_the_first_sample():
    clock = Clock()
    watch = SilenceWatch(0.5, clock)
    clock.now_s += 3600
    assert watch.too_long_s(EMPTY) == 0


def test_silence_longer_than_a_gap_is_too_long_until_samples_come():
    clock = Clock()
    watch = SilenceWatch(0.5, clock)
    watch.too_long_s(batch(0.0, 1))
    clock.now_s += 0.5
    assert watch.too_long_s(EMPTY) == 0
    clock.now_s += 0.1
    assert watch.too_long_s(EMPTY) == pytest.approx(0.6)
    clock.now_s += 9
    assert watch.too_long_s(EMPTY) == pytest.approx(9.6)
    assert watch.too_long_s(batch(0.0, 1)) == watch.too_long_s(EMPTY) == 0


@pytest.mark.parametrize(
    "covered_s, usual_s", [(1.0, 1.0), (60.0, LONGEST_BATCH_S), (-3600.0, 0.0)]
)
def test_between_batches_a_source_may_be_silent_as_long_as_they_cover(covered_s, usual_s):
    clock = Clock()
    watch = SilenceWatch(0.5, clock)
    watch.too_long_s(batch(covered_s))
    clock.now_s += usual_s + 0.49
    assert watch.too_long_s(EMPTY) == 0
    clock.now_s += 0.02
    assert watch.too_long_s(EMPTY) == pytest.approx(usual_s + 0.51)
