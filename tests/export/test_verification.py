import numpy as np
import pytest

from export.verification import compare

LABELS = ("a", "b", "c")


def answers(*classes):
    return np.eye(3, dtype=np.float32)[list(classes)] * 0.7 + 0.1


def f1_by_hand(truth, named, label):
    hits = sum(t == n == label for t, n in zip(truth, named, strict=True))
    return 2 * hits / max(1, truth.count(label) + named.count(label))


def test_scores_are_those_computed_by_hand():
    truth, before, after = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 0, 2]
    found = compare(np.array(truth), LABELS, answers(*before), answers(*after))
    f1 = [[f1_by_hand(truth, named, label) for label in range(3)] for named in (before, after)]
    assert found.macro_f1_float == pytest.approx(np.mean(f1[0]))
    assert found.macro_f1 == pytest.approx(np.mean(f1[1]))
    assert found.f1_drop == pytest.approx(np.mean(f1[0]) - np.mean(f1[1]))
    assert found.f1_change == pytest.approx(
        {label: f1[1][i] - f1[0][i] for i, label in enumerate(LABELS)}
    )
    assert found.agreement == pytest.approx(4 / 6)
    assert found.max_probability_difference == pytest.approx(0.7)
    assert found.max_sum_error == pytest.approx(0, abs=1e-6)


def test_classes_without_a_window_do_not_count():
    found = compare(np.array([0, 2]), LABELS, answers(0, 2), answers(0, 2))
    assert (found.macro_f1, set(found.f1_change)) == (1, {"a", "c"})


def test_sums_that_miss_1_are_seen():
    odd = answers(0, 1)
    odd[1] += 0.05
    assert compare(np.array([0, 1]), LABELS, answers(0, 1), odd).max_sum_error == pytest.approx(
        0.15, abs=1e-6
    )
