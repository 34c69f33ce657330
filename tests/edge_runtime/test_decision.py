import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract import DecisionSpec
from edge_runtime.decision import Decision, Latency, Smoother

LABELS = ("rest", "walk", "jump")
PROBABILITIES = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(windows=st.lists(PROBABILITIES, min_size=1, max_size=12), smoothing=st.integers(1, 5))
def test_probabilities_are_the_mean_of_the_newest_windows(windows, smoothing):
    smoother = Smoother(DecisionSpec(smoothing, 0.0), LABELS)
    for i, window in enumerate(windows):
        decision = smoother.decide(float(i), np.array(window))
        newest = windows[max(0, i + 1 - smoothing):i + 1]
        expected = [sum(column) / len(newest) for column in zip(*newest, strict=True)]
        np.testing.assert_allclose(decision.probabilities, expected, atol=1e-12)
        assert decision.window_probabilities == tuple(window)
        assert decision.probability == max(decision.probabilities)
        assert decision.label == LABELS[decision.probabilities.index(decision.probability)]
        assert (decision.time_s, decision.state) == (float(i), "recognised")


@pytest.mark.parametrize("best, threshold, state, label", [
    (0.6, 0.5, "recognised", "walk"), (0.5, 0.5, "recognised", "walk"), (0.49, 0.5, "unknown", None),
    (0.4, 0.0, "recognised", "walk"), (0.99, 1.0, "unknown", None), (1.0, 1.0, "recognised", "walk"),
])
def test_below_the_threshold_there_is_no_label(best, threshold, state, label):
    rest = (1 - best) / 2
    decision = Smoother(DecisionSpec(1, threshold), LABELS).decide(0.0, np.array([rest, best, rest]))
    assert (decision.state, decision.label, decision.probability) == (state, label, best)


def test_the_threshold_is_for_smoothed_probabilities():
    smoother = Smoother(DecisionSpec(2, 0.7), LABELS)
    assert smoother.decide(0.0, np.array([0.5, 0.3, 0.2])).state == "unknown"
    assert smoother.decide(1.0, np.array([0.9, 0.1, 0.0])).label == "rest"  # the mean is 0.7
    assert smoother.decide(2.0, np.array([0.0, 0.9, 0.1])).state == "unknown"


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_network_that_answers_nan_never_gives_a_label(threshold):
    decision = Smoother(DecisionSpec(1, threshold), LABELS).decide(0.0, np.array([math.nan, 0.9, 0.1]))
    assert (decision.state, decision.label) == ("unknown", None)


def test_reset_forgets_earlier_windows():
    smoother = Smoother(DecisionSpec(5), LABELS)
    smoother.decide(0.0, np.array([1.0, 0.0, 0.0]))
    smoother.reset()
    assert smoother.decide(1.0, np.array([0.0, 0.25, 0.75])).probabilities == (0.0, 0.25, 0.75)


def test_probabilities_may_live_in_a_buffer_that_is_used_again():
    smoother, buffer = Smoother(DecisionSpec(2), LABELS), np.array([1.0, 0.0, 0.0])
    smoother.decide(0.0, buffer)
    buffer[:] = [0.0, 0.0, 1.0]
    assert smoother.decide(1.0, buffer).probabilities == (0.5, 0.0, 0.5)


def test_decisions_hold_plain_python_values():
    decision = Smoother(DecisionSpec(2), LABELS).decide(0.5, np.array([0.25, 0.5, 0.25], np.float32))
    assert [type(x) for x in (*decision.probabilities, *decision.window_probabilities, decision.probability)] \
        == [float] * 7


def test_decisions_are_equal_whatever_time_they_took():
    parts = (1.0, "recognised", "walk", 0.9, (0.1, 0.9), (0.1, 0.9))
    assert Decision(*parts, Latency(1, 2, 3)) == Decision(*parts, Latency(4, 5, 9))
    assert Decision(*parts) != Decision(2.0, *parts[1:])


def test_a_gap_has_no_label_and_no_probability():
    assert Decision.gap(3.5) == Decision(3.5, "gap", None, 0.0, (), (), None)
    assert Decision.warming_up(3.5) == Decision(3.5, "warming up", None, 0.0, (), (), None)
