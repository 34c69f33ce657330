import importlib.util
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.head import fit_head
from edge_runtime.errors import MissingExtraError
from edge_runtime.teaching.review import (
    CURVE_THRESHOLDS,
    MAX_FOLDS,
    MIN_MARGIN,
    Confusion,
    FalseTriggers,
    OperatingPoint,
    Rejection,
    Review,
    TrainingSet,
    choose_threshold,
    cross_validate,
    draw_rejection,
    measurable_rate,
    show_rejection,
    show_review,
)

REJECTION = Rejection(
    chosen=OperatingPoint(0.731, 0.004, 0.125),
    curve=(OperatingPoint(0.5, 12.0, 0.0), OperatingPoint(0.9, 0.0, None)),
    background_s=93.4,
)


def training_set(means, windows, background=None, seed=0, spread=0.5, d=6):
    """Gaussian examples of labels a, b, c ... around their means, and a background."""
    random = np.random.default_rng(seed)
    means = [np.eye(d)[i] * m for i, m in enumerate(means)]
    rows = [
        mean + spread * random.normal(size=(n, d)) for mean, n in zip(means, windows, strict=True)
    ]
    if background is not None:
        rows.append(background * np.eye(d)[-1] + spread * random.normal(size=(40, d)))
    return TrainingSet(
        embeddings=np.concatenate(rows).astype(np.float32),
        labels=tuple("abcdef"[: len(means)]),
        windows=tuple(windows),
        blocks=(d,),
        background_s=0.0 if background is None else 80.0,
        window_s=2.0,
    )


def logistic(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, float)))


def logit(probability):
    return math.log(probability / (1 - probability))


# ---- cross-validation


def test_the_background_is_the_class_after_the_last_label():
    training = training_set((9, 9), (2, 3), 9)
    assert training.classes.tolist() == [0, 0, 1, 1, 1] + [2] * 40


def test_examples_that_lie_apart_are_all_recognised():
    review = cross_validate(training_set((9, 9, 9), (4, 4, 2)))
    assert review.accuracy == 1.0 and review.confusions == () and review.rejection is None
    assert review.correct_by_label == {"a": (4, 4), "b": (4, 4), "c": (2, 2)}
    assert len(review.warnings) == 1 and "no background" in review.warnings[0]


def test_one_example_of_each_label_is_held_out_at_a_time():
    training = training_set((2, 2), (5, 5), spread=1.0, seed=3)
    embeddings, classes = training.embeddings, training.classes
    correct = 0
    for i in range(5):
        kept = [j for j in range(10) if j % 5 != i]
        head = fit_head(embeddings[kept], classes[kept], training.blocks)
        correct += int((head.probabilities(embeddings[[i, i + 5]]).argmax(1) == [0, 1]).sum())
    # the reference standardises without the example too, so one of them may differ
    assert abs(round(10 * cross_validate(training).accuracy) - correct) <= 1


def test_confusions_are_counted_and_labels_that_look_alike_are_named():
    rng = np.random.default_rng(0)
    same = rng.normal(size=(12, 6)).astype(np.float32)
    far = (20 * np.eye(6)[2] + 0.1 * rng.normal(size=(4, 6))).astype(np.float32)
    training = TrainingSet(
        np.concatenate([same, far]), ("a", "b", "c"), (6, 6, 4), (6,), 0.0, window_s=2.0
    )
    review = cross_validate(training)
    assert {(c.truth, c.predicted) for c in review.confusions} <= {("a", "b"), ("b", "a")}
    assert sum(c.windows for c in review.confusions) >= 4
    assert review.confusions == tuple(sorted(review.confusions, key=lambda c: -c.windows))
    assert any("'a' and 'b' look alike" in warning for warning in review.warnings)
    assert isinstance(review.confusions[0], Confusion)
    assert review.correct_by_label["c"] == (4, 4)


def test_a_background_gives_a_threshold_and_unknown():
    review = cross_validate(training_set((12, 12), (6, 6), 12))
    assert review.rejection is not None and review.accuracy == 1.0
    assert review.rejection.chosen.missed == 0.0 and review.rejection.background_s == 80.0
    # a lies where the background lies
    lost = cross_validate(training_set((0.1, 12), (6, 6), 0.1))
    assert lost.correct_by_label["b"] == (6, 6) and lost.correct_by_label["a"][0] < 6
    assert {c.predicted for c in lost.confusions} == {"unknown"}
    assert any("'a'" in warning and "like the background" in warning for warning in lost.warnings)


@pytest.mark.parametrize("n", [1, 2, MAX_FOLDS, 3 * MAX_FOLDS])
def test_any_number_of_examples_can_be_held_out(n):
    review = cross_validate(training_set((9, 9), (n, 4)))
    assert review.correct_by_label["a"][1] == (n if n > 1 else 0)
    assert review.correct_by_label["b"] == (4, 4)


# ---- false triggers


def test_consecutive_windows_are_one_false_trigger():
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
    assert triggers.per_hour(float(logistic(0.0))) == 1.0  # the fifty highest are consecutive


def test_windows_that_lie_apart_stand_for_those_between_them():
    scores = np.full(100, 0.01)
    scores[50] = 0.6
    dense = FalseTriggers(scores, 200.0, 2.0)  # 1 trigger in 200 s
    sparse = FalseTriggers(scores, 2000.0, 2.0)  # 1 that stands for 10, in 2000 s
    assert dense.per_hour(0.5) == pytest.approx(sparse.per_hour(0.5))


def test_above_the_largest_score_an_exponential_tail_continues():
    random = np.random.default_rng(0)
    logits = random.exponential(0.5, 2000)
    triggers = FalseTriggers(logistic(logits), 4000.0, 2.0)
    assert triggers.per_hour(1 - 1e-9) == measurable_rate(4000.0) == 0.09
    for beyond in (3.5, 4.0, 4.5):  # P(logit > x) = exp(-2 x), of 1800 windows an hour
        expected = 1800 * math.exp(-2 * beyond)
        ratio = triggers.per_hour(float(logistic(beyond))) / expected
        assert abs(math.log(ratio)) < math.log(4)


# ---- the threshold


@given(
    st.lists(st.floats(0.0, 1.0), min_size=5, max_size=60),
    st.lists(st.floats(0.0, 1.0), max_size=20),
)
def test_the_threshold_is_above_the_background_and_the_curve_falls(background, examples):
    rejection = choose_threshold(np.array(background), 100.0, 2.0, np.array(examples))
    assert 0.5 < rejection.chosen.threshold < 1
    assert rejection.chosen.threshold > min(max(background), 1 - 2e-9)
    assert [point.threshold for point in rejection.curve] == list(CURVE_THRESHOLDS)
    missed = [point.missed for point in rejection.curve]
    assert missed == (sorted(missed) if examples else [None] * len(CURVE_THRESHOLDS))
    assert all(point.false_triggers_per_hour >= 0 for point in rejection.curve)


def test_the_threshold_is_half_way_to_the_lower_quartile_of_the_examples():
    background = logistic([-4.0, -3.0, 1.0, -2.0, -5.0])
    examples = logistic([6.0, 7.0, 8.0, 9.0, 10.0])
    rejection = choose_threshold(background, 100.0, 2.0, examples)
    assert logit(rejection.chosen.threshold) == pytest.approx(1 + 0.5 * (7 - 1))
    close = choose_threshold(background, 100.0, 2.0, logistic([1.5, 1.5]))
    assert logit(close.chosen.threshold) == pytest.approx(1 + MIN_MARGIN)
    alone = choose_threshold(background, 100.0, 2.0, np.empty(0))
    assert logit(alone.chosen.threshold) == pytest.approx(1)
    assert alone.chosen.threshold > background.max()
    assert alone.chosen.missed is None


# ---- what is shown


def test_the_curve_is_a_table_with_the_chosen_threshold_marked():
    first, header, *rows = show_rejection(REJECTION)
    assert "below a probability of 0.731" in first
    assert "93 s of background" in first and "12% missed" in first
    assert "<3.9 false triggers an hour" in first  # 93 s cannot measure lower rates
    assert header.split() == ["threshold", "false", "triggers/h", "missed"]
    assert [row.split() for row in rows] == [
        ["0.5", "12", "0%"],
        ["0.731", "<3.9", "12%", "*"],
        ["0.9", "<3.9", "?"],
    ]


def test_a_review_in_words():
    review = Review(
        accuracy=0.75,
        correct_by_label={"jab": (3, 4), "nod": (0, 0)},
        confusions=(Confusion("jab", "unknown", 1),),
        rejection=None,
        warnings=("do it again",),
    )
    assert list(show_review(review)) == [
        "3 of 4 examples are recognised by a model that was not trained on them (75%)",
        "  jab  3 of 4; mistaken for unknown (1)",
        "  nod  one example, not tested",
        "note: do it again",
    ]


def test_the_picture_needs_matplotlib_and_says_so(tmp_path):
    path = tmp_path / "curve.png"
    if importlib.util.find_spec("matplotlib") is None:
        with pytest.raises(MissingExtraError, match="matplotlib"):
            draw_rejection(REJECTION, path)
        assert not path.exists()
    else:
        draw_rejection(REJECTION, path)
        assert path.read_bytes().startswith(b"\x89PNG")
