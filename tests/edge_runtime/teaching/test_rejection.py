import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.teaching.rejection import CURVE, LEAST_MARGIN, FalseTriggers, choose, rarest


def logistic(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, float)))


def logit(probability):
    return math.log(probability / (1 - probability))


def test_windows_in_a_row_are_one_false_trigger():
    scores = np.full(1800, 0.01)  # an hour of windows of 2 s, end to end
    scores[[10, 11, 12, 500, 900, 901]] = 0.9
    triggers = FalseTriggers(scores, 3600.0, 2.0)
    assert triggers.per_hour(0.8) >= 3
    assert FalseTriggers(np.r_[scores, scores], 7200.0, 2.0).per_hour(0.8) == pytest.approx(
        triggers.per_hour(0.8)
    )


def test_counts_below_the_tail_are_exact():
    scores = logistic(np.arange(-50, 50))
    triggers = FalseTriggers(scores, 3600.0, 36.0)
    assert triggers.per_hour(float(logistic(0.0))) == 1.0  # the fifty highest are one run


def test_windows_that_lie_apart_stand_for_those_between_them():
    scores = np.full(100, 0.01)
    scores[50] = 0.6
    dense, sparse = FalseTriggers(scores, 200.0, 2.0), FalseTriggers(scores, 2000.0, 2.0)
    assert dense.per_hour(0.5) == pytest.approx(
        sparse.per_hour(0.5)
    )  # 1 in 200 s; 1, that stands for 10, in 2000 s


def test_beyond_the_largest_score_an_exponential_tail_goes_on():
    random = np.random.default_rng(0)
    logits = random.exponential(0.5, 2000)
    triggers = FalseTriggers(logistic(logits), 4000.0, 2.0)
    assert triggers.per_hour(1 - 1e-9) == rarest(4000.0) == 0.09
    for beyond in (3.5, 4.0, 4.5):  # P(logit > x) = exp(-2 x), of 1800 windows an hour
        assert abs(
            math.log(triggers.per_hour(float(logistic(beyond))) / (1800 * math.exp(-2 * beyond)))
        ) < math.log(4)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=5, max_size=60),
    st.lists(st.floats(0.0, 1.0), max_size=20),
)
def test_the_threshold_is_above_the_background_and_the_curve_falls(background, examples):
    found = choose(np.array(background), 100.0, 2.0, np.array(examples))
    assert 0.5 < found.chosen.threshold < 1
    assert found.chosen.threshold > min(max(background), 1 - 2e-9)
    assert [point.threshold for point in found.curve] == list(CURVE)
    missed = [point.missed for point in found.curve]
    assert missed == (sorted(missed) if examples else [None] * len(CURVE))
    assert all(point.false_triggers_per_hour >= 0 for point in found.curve)


def test_the_threshold_is_half_way_to_the_lower_quartile_of_the_examples():
    background, examples = (
        logistic([-4.0, -3.0, 1.0, -2.0, -5.0]),
        logistic([6.0, 7.0, 8.0, 9.0, 10.0]),
    )
    found = choose(background, 100.0, 2.0, examples)
    assert logit(found.chosen.threshold) == pytest.approx(1 + 0.5 * (7 - 1))
    close = choose(background, 100.0, 2.0, logistic([1.5, 1.5]))
    assert logit(close.chosen.threshold) == pytest.approx(1 + LEAST_MARGIN)
    alone = choose(background, 100.0, 2.0, np.empty(0))
    assert (
        logit(alone.chosen.threshold) == pytest.approx(1)
        and alone.chosen.threshold > background.max()
    )
    assert alone.chosen.missed is None
