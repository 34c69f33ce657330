"""Late and repeated samples, holes, and clocks that are set back; what became of every sample."""

import math
import tracemalloc

import numpy as np
import pytest

from edge_runtime.decision import Decision
from edge_runtime.errors import StreamError
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream.checks import STANDARD_GRAVITY

W, HOP, RATE_HZ = 32, 8, 50.0  # of the contract in conftest.py


@pytest.mark.parametrize("back_s", [6.0, 3600.0])
def test_a_clock_set_back_is_a_gap_and_then_a_new_stream(make_recognizer, motion, back_s):
    times, samples = motion(200)
    times[100:] -= back_s
    recognizer = make_recognizer()
    decisions = recognizer.push(times, samples)
    fresh = make_recognizer().push(times[100:], samples[100:])
    assert decisions[-len(fresh) - 2 :] == [
        Decision.gap(times[100]),
        Decision.warming_up(times[100]),
        *fresh,
    ]
    assert decisions[: -len(fresh) - 2] == make_recognizer().push(times[:100], samples[:100])
    assert recognizer.counts.gaps == 1 and recognizer.counts.used == 200


def test_no_window_holds_samples_from_both_sides_of_a_clock_set_back_a_little(
    make_recognizer, motion
):
    times, samples = motion(300)
    times[150:] -= 1.5
    recognizer = make_recognizer()
    decisions = recognizer.push(times, samples)
    at = [d.state for d in decisions].index("gap")
    assert (
        decisions[at].time_s == times[175] and recognizer.counts.late == 25
    )  # half a second's worth
    assert decisions[at + 2 :] == make_recognizer().push(times[175:], samples[175:])


def test_a_clock_that_stands_still_is_refused_in_the_end(
    make_recognizer, motion, is_sentence, refusal
):
    error = refusal(make_recognizer(), np.zeros(1000), motion(1000)[1])
    assert "a clock that stood still or was set back" in str(error) and is_sentence(str(error))
    assert all(d.label is None for d in error.decisions)


def test_held_samples_make_a_disordered_stream_that_of_an_ordered_one(
    make_contract, fake_model, motion
):
    times, samples = motion(200)
    order = np.argsort(np.arange(200) + np.random.default_rng(3).uniform(0, 4, 200))
    recognizer = Recognizer(make_contract(), fake_model(3), hold_s=0.1)
    found = recognizer.push(times[order], samples[order])
    found += recognizer.flush()
    assert found == Recognizer(make_contract(), fake_model(3)).push(times, samples)
    assert recognizer.counts.received == recognizer.counts.used == 200


def test_every_decision_carries_what_became_of_the_samples(make_recognizer, motion):
    times, samples = motion(100)
    repeated = np.insert(np.arange(100), [20, 30], [5, 29])  # one late, one twice
    recognizer = make_recognizer()
    *_, last = recognizer.push(times[repeated], samples[repeated])
    assert (last.counts.received, last.counts.late, last.counts.duplicate) == (102, 1, 1)
    assert recognizer.counts.used == 100 and recognizer.counts.dropped == 2


def test_samples_made_up_in_a_short_pause_are_counted(make_recognizer, motion):
    times, samples = motion(200)
    times[50:] += 0.2
    recognizer = make_recognizer(window_samples=128)
    recognizer.push(times, samples)
    assert recognizer.counts.interpolated == 10


@pytest.mark.parametrize("pause_s", [0.1, 0.3, 0.48])
def test_a_window_with_too_much_made_up_gives_no_label_and_the_stream_goes_on(
    make_recognizer, motion, pause_s
):
    times, samples = motion(300)
    times[150:] += pause_s  # of a window of 0.64 s
    found = make_recognizer().push(times, samples)
    states = [d.state for d in found]
    during = [d for d in found if times[149] < d.time_s < times[150] + (W + HOP) / RATE_HZ]
    assert states.count("gap") >= 3 and {d.state for d in found if d not in during} == {
        "recognised"
    }
    assert all(d.label is None and d.probabilities == () for d in during if d.state == "gap")
    after = [d for d in found if d.time_s > times[150] + (W + HOP) / RATE_HZ]
    assert len(after) >= 10


def test_units_are_checked_though_the_first_window_has_holes(make_recognizer, motion, refusal):
    times, samples = motion(300)
    times[10:] += 0.3
    error = refusal(make_recognizer(), times, samples / STANDARD_GRAVITY)
    assert "look like g" in str(error) and {d.state for d in error.decisions} == {"gap"}


def test_a_refused_call_is_accounted_for(make_recognizer, motion, refusal):
    times, samples = motion(100)
    samples[60, 2] = math.nan
    recognizer = make_recognizer()
    refusal(recognizer, times, samples)
    assert (recognizer.counts.used, recognizer.counts.refused) == (60, 40)


@pytest.mark.parametrize("hold_s", [-1.0, 10.1, math.nan])
def test_a_hold_that_makes_no_sense_is_refused(make_contract, fake_model, hold_s):
    with pytest.raises(StreamError, match="expected 0 to 10"):
        Recognizer(make_contract(), fake_model(3), hold_s=hold_s)


def test_a_long_stream_is_accounted_for_and_takes_no_memory(
    make_contract, fake_model, motion, accounted
):
    class Forgetful(fake_model):
        def infer(self, features):
            self.seen.clear()
            return super().infer(features)

    recognizer = Recognizer(make_contract(hop_samples=W), Forgetful(3), hold_s=0.1)
    times, samples = motion(1000)
    ours = [tracemalloc.Filter(True, "*/edge_runtime/*.py"), tracemalloc.Filter(False, "*/tests/*")]
    held = []
    tracemalloc.start()
    try:
        for i in range(40):
            assert all(d.state == "recognised" for d in recognizer.push(times + 20 * i, samples))
            if i in (9, 39):
                held.append(tracemalloc.take_snapshot().filter_traces(ours))
    finally:
        tracemalloc.stop()
    assert recognizer.counts.received == 40_000 and accounted(recognizer)
    # bytes; 30,000 samples are 960,000, and Python keeps freed tuples for later
    assert sum(change.size_diff for change in held[1].compare_to(held[0], "filename")) < 300_000
