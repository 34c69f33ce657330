import numpy as np
import pytest

from edge_runtime import live_loop
from edge_runtime.errors import StreamError
from edge_runtime.live_loop import MAX_BATCH_S, LiveLoop, SilenceWatch
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


@pytest.mark.parametrize("covered_s, usual_s", [(1.0, 1.0), (60.0, MAX_BATCH_S), (-3600.0, 0.0)])
def test_between_batches_a_source_may_be_silent_as_long_as_they_cover(covered_s, usual_s):
    clock = Clock()
    watch = SilenceWatch(0.5, clock)
    watch.too_long_s(batch(covered_s))
    clock.now_s += usual_s + 0.49
    assert watch.too_long_s(EMPTY) == 0
    clock.now_s += 0.02
    assert watch.too_long_s(EMPTY) == pytest.approx(usual_s + 0.51)


class Scripted:
    """A recogniser that notes what it was asked and answers as scripted."""

    def __init__(self, name="a", refuses_at=None):
        self.name = name
        self.calls = []
        self._refuses_at = refuses_at

    def silent(self, silence_s):
        self.calls.append("silent")
        return [f"{self.name} gap"]

    def push(self, timestamps_s, samples):
        self.calls.append(len(timestamps_s))
        if len(self.calls) == self._refuses_at:
            error = StreamError("the stream breaks the contract")
            error.decisions = (f"{self.name} before the error",)
            raise error
        return [f"{self.name} {n}" for n in range(len(timestamps_s))]

    def flush(self):
        self.calls.append("flush")
        return [f"{self.name} flushed"]


def test_the_loop_yields_the_decisions_of_each_chunk_and_then_flushes():
    loop = LiveLoop([batch(1.0, 2), EMPTY], Scripted(), 0.5)
    assert list(loop) == [["a 0", "a 1"], [], ["a flushed"]]


def test_silence_comes_before_the_chunk_that_reveals_it(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(live_loop.time, "monotonic", clock)

    def source():
        yield batch(0.0, 1)
        clock.now_s += 2
        yield EMPTY

    recognizer = Scripted()
    assert list(LiveLoop(source(), recognizer, 0.5)) == [["a 0"], ["a gap"], ["a flushed"]]
    assert recognizer.calls == [1, "silent", 0, "flush"]


def test_asked_to_stop_it_processes_no_further_chunk_but_flushes():
    chunks = iter([batch(0.0, 1), batch(0.0, 1), batch(0.0, 1)])
    answers = iter([False, True])
    loop = LiveLoop(chunks, Scripted(), 0.5, should_stop=lambda: next(answers))
    assert list(loop) == [["a 0"], ["a flushed"]]


def test_an_error_is_raised_after_the_decisions_before_it():
    loop = iter(LiveLoop([batch(0.0, 1), batch(0.0, 1)], Scripted(refuses_at=2), 0.5))
    assert next(loop) == ["a 0"]
    assert next(loop) == ["a before the error"]
    with pytest.raises(StreamError, match="breaks the contract"):
        next(loop)


def test_with_on_error_the_loop_goes_on():
    errors = []
    loop = LiveLoop([batch(0.0, 1)] * 3, Scripted(refuses_at=2), 0.5, on_error=errors.append)
    assert list(loop) == [["a 0"], ["a before the error"], ["a 0"], ["a flushed"]]
    assert [str(error) for error in errors] == ["the stream breaks the contract"]


def test_the_recogniser_can_come_and_change_while_the_loop_runs():
    recognizers = iter([None, Scripted("a"), Scripted("b")])

    def on_chunk(chunk):
        loop.recognizer = next(recognizers)

    loop = LiveLoop([batch(0.0, 1)] * 3, None, 0.5, on_chunk=on_chunk)
    assert list(loop) == [["a 0"], ["b 0"], ["b flushed"]]
