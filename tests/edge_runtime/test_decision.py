import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import DecisionSpec
from edge_runtime.decision import Decision, Latency, Smoother

LABELS = ("rest", "walk", "jump")
PROBABILITIES = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(windows=st.lists(PROBABILITIES, min_size=1, max_size=12), smoothing=st.integers(1, 5))
def test_probabilities_are_the_mean_of_the_newest_windows(windows, smoothing):
    smoother = Smoother(DecisionSpec(smoothing, 0.0), LABELS)
    for i, window in enumerate(windows):
        decision = smoother.decide(float(i), np.array(window))
        newest = windows[max(0, i + 1 - smoothing) : i + 1]
        expected = [sum(column) / len(newest) for column in zip(*newest, strict=True)]
        np.testing.assert_allclose(decision.probabilities, expected, atol=1e-12)
        assert decision.window_probabilities == tuple(window)
        assert decision.probability == max(decision.probabilities)
        assert decision.label == LABELS[decision.probabilities.index(decision.probability)]
        assert (decision.time_s, decision.state) == (float(i), "recognised")


@pytest.mark.parametrize(
    "best, threshold, state, label",
    [
        (0.6, 0.5, "recognised", "walk"),
        (0.5, 0.5, "recognised", "walk"),
        (0.49, 0.5, "unknown", None),
        (0.4, 0.0, "recognised", "walk"),
        (0.99, 1.0, "unknown", None),
        (1.0, 1.0, "recognised", "walk"),
    ],
)
def test_below_the_threshold_there_is_no_label(best, threshold, state, label):
    rest = (1 - best) / 2
    decision = Smoother(DecisionSpec(1, threshold), LABELS).decide(
        0.0, np.array([rest, best, rest])
    )
    assert (decision.state, decision.label, decision.probability) == (state, label, best)


def test_the_threshold_is_for_smoothed_probabilities():
    smoother = Smoother(DecisionSpec(2, 0.7), LABELS)
    assert smoother.decide(0.0, np.array([0.5, 0.3, 0.2])).state == "unknown"
    assert smoother.decide(1.0, np.array([0.9, 0.1, 0.0])).label == "rest"  # the mean is 0.7
    assert smoother.decide(2.0, np.array([0.0, 0.9, 0.1])).state == "unknown"


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_network_that_answers_nan_never_gives_a_label(threshold):
    decision = Smoother(DecisionSpec(1, threshold), LABELS).decide(
        0.0, np.array([math.nan, 0.9, 0.1])
    )
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
    decision = Smoother(DecisionSpec(2), LABELS).decide(
        0.5, np.array([0.25, 0.5, 0.25], np.float32)
    )
    assert [
        type(x)
        for x in (*decision.probabilities, *decision.window_probabilities, decision.probability)
    ] == [float] * 7


def test_decisions_are_equal_whatever_time_they_took():
    parts = (1.0, "recognised", "walk", 0.9, (0.1, 0.9), (0.1, 0.9))
    assert Decision(*parts, Latency(1, 2, 3)) == Decision(*parts, Latency(4, 5, 9))
    assert Decision(*parts) != Decision(2.0, *parts[1:])


def test_a_gap_has_no_label_and_no_probability():
    assert Decision.gap(3.5) == Decision(3.5, "gap", None, 0.0, (), (), None)
    assert Decision.warming_up(3.5) == Decision(3.5, "warming up", None, 0.0, (), (), None)


# ---- thresholds of classes, debounce, refractory time


def labels_of(best, spec, hop_s=1.0):
    """Labels (None: unknown) and events for windows whose most probable class has this index."""
    smoother = Smoother(spec, LABELS)
    decisions = [
        smoother.decide(i * hop_s, np.where(np.arange(3) == b, 0.8, 0.1))
        for i, b in enumerate(best)
    ]
    return [d.label for d in decisions], [d.event for d in decisions]


def test_a_class_can_have_a_threshold_of_its_own():
    spec = DecisionSpec(1, 0.9, {"walk": 0.5, "jump": 0.81})
    assert labels_of([0, 1, 2], spec)[0] == [None, "walk", None]
    assert labels_of([0, 1, 2], DecisionSpec(1, 0.0, {"walk": 0.9}))[0] == ["rest", None, "jump"]


def test_a_class_below_its_own_threshold_does_not_give_way_to_another():
    decision = Smoother(DecisionSpec(1, 0.1, {"walk": 0.9}), LABELS).decide(
        0.0, np.array([0.4, 0.6, 0.0])
    )
    assert (decision.label, decision.probability) == (None, 0.6)


@given(best=st.lists(st.integers(0, 2), max_size=40), n=st.integers(1, 5))
def test_a_label_is_given_when_the_last_n_decisions_agree(best, n):
    found, _ = labels_of(best, DecisionSpec(1, debounce_decisions=n))
    assert found == [
        LABELS[b] if i >= n - 1 and len(set(best[i - n + 1 : i + 1])) == 1 else None
        for i, b in enumerate(best)
    ]


def test_a_decision_without_a_label_breaks_the_row():
    smoother = Smoother(DecisionSpec(1, 0.5, debounce_decisions=2), LABELS)
    walk, nothing = np.array([0.0, 0.9, 0.1]), np.array([0.4, 0.3, 0.3])
    assert [smoother.decide(i, p).label for i, p in enumerate([walk, nothing, walk, walk])] == [
        None,
        None,
        None,
        "walk",
    ]


def test_an_event_is_where_a_label_begins():
    _, events = labels_of([0, 0, 1, 1, 0], DecisionSpec(1))
    assert events == [True, False, True, False, True]


@given(best=st.lists(st.integers(0, 2), max_size=40), refractory_s=st.floats(0, 6))
def test_no_label_begins_in_the_refractory_time(best, refractory_s):
    found, events = labels_of(best, DecisionSpec(1, refractory_s=refractory_s))
    began, before = -np.inf, None  # a reference, written down plainly
    for i, b in enumerate(best):
        begins = LABELS[b] != before
        allowed = not begins or i - began >= refractory_s
        assert found[i] == (LABELS[b] if allowed else None)
        assert events[i] == (begins and allowed)
        began, before = (i if events[i] else began), found[i]


def test_a_label_that_lasts_is_given_all_through_the_refractory_time():
    found, events = labels_of([0, 0, 1, 1, 0, 1, 1, 1], DecisionSpec(1, refractory_s=3.0))
    assert found == ["rest", "rest", None, "walk", None, None, "walk", "walk"]
    assert events == [True, False, False, True, False, False, True, False]


def test_reset_forgets_rows_and_events():
    smoother = Smoother(DecisionSpec(1, debounce_decisions=2, refractory_s=100.0), LABELS)
    walk = np.array([0.0, 0.9, 0.1])
    assert [smoother.decide(t, walk).event for t in (50.0, 51.0)] == [False, True]
    smoother.reset()
    assert [smoother.decide(t, walk).event for t in (1.0, 2.0)] == [False, True]
