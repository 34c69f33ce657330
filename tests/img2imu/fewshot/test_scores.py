import numpy as np
import pytest
from sklearn.metrics import f1_score

from img2imu.fewshot.scores import interval_over_subjects, score

NAMES = np.array(["a", "b", "c"])


def test_macro_f1_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    truth, predicted = NAMES[random.integers(0, 3, 60)], NAMES[random.integers(0, 3, 60)]
    people = np.array(["ada", "bo", "cy"])[random.integers(0, 3, 60)]
    scores = score(truth, predicted, people)
    assert scores.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert list(scores.f1_of_class.values()) == pytest.approx(
        f1_score(truth, predicted, average=None)
    )
    of_bo = people == "bo"
    assert scores.score_of_subject["bo"] == pytest.approx(
        f1_score(truth[of_bo], predicted[of_bo], average="macro")
    )


def test_a_class_without_test_windows_has_no_f1():
    scores = score(np.array(["a", "a", "b"]), np.array(["a", "c", "b"]), np.array(["ada"] * 3))
    assert scores.f1_of_class == pytest.approx({"a": 2 / 3, "b": 1.0})
    assert scores.macro_f1 == pytest.approx(5 / 6)


def test_one_window_is_right_or_wrong():
    scores = score(np.array(["a", "b"]), np.array(["a", "a"]), np.array(["1", "2"]))
    assert scores.score_of_subject == {"1": 1.0, "2": 0.0}


def test_a_subject_who_is_tested_often_counts_no_more():
    interval = interval_over_subjects([{"ada": 0.5, "bo": 1.0}, {"ada": 0.7}, {"ada": 0.6}])
    assert interval.mean == pytest.approx((0.6 + 1.0) / 2)
    assert interval.low == pytest.approx(0.6) and interval.high == pytest.approx(1.0)


def test_the_interval_is_about_that_of_the_normal_distribution():
    random = np.random.default_rng(1)
    values = random.normal(0.7, 0.1, 100)
    interval = interval_over_subjects(
        [{str(i): float(value) for i, value in enumerate(values)}], seed=3
    )
    assert interval.half_width == pytest.approx(1.96 * values.std() / 10, rel=0.1)
    assert interval == interval_over_subjects(
        [{str(i): float(value) for i, value in enumerate(values)}], seed=3
    )


def test_one_subject_says_nothing_about_others():
    interval = interval_over_subjects([{"ada": 0.5}, {"ada": 0.7}])
    assert interval.mean == 0.6
    assert (interval.low, interval.high, interval.half_width) == (None, None, None)
