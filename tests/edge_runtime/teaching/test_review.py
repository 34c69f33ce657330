import numpy as np
import pytest

from edge_runtime.contract.head import fit_head
from edge_runtime.teaching.review import MAX_FOLDS, Confusion, Known, review


def known(means, each, background=None, seed=0, spread=0.5, d=6):
    """Gaussian examples of labels a, b, c ... around their means, and a background."""
    random = np.random.default_rng(seed)
    means = [np.eye(d)[i] * m for i, m in enumerate(means)]
    rows = [mean + spread * random.normal(size=(n, d)) for mean, n in zip(means, each, strict=True)]
    if background is not None:
        rows.append(background * np.eye(d)[-1] + spread * random.normal(size=(40, d)))
    return Known(
        np.concatenate(rows).astype(np.float32),
        tuple("abcdef"[: len(means)]),
        tuple(each),
        (d,),
        0.0 if background is None else 80.0,
        2.0,
    )


def test_the_background_is_the_class_after_the_last_label():
    found = known((9, 9), (2, 3), 9)
    assert found.classes.tolist() == [0, 0, 1, 1, 1] + [2] * 40


def test_examples_apart_are_all_right():
    found = review(known((9, 9, 9), (4, 4, 2)))
    assert found.accuracy == 1.0 and found.confused == () and found.rejection is None
    assert found.of_label == {"a": (4, 4), "b": (4, 4), "c": (2, 2)}
    assert len(found.warnings) == 1 and "no background" in found.warnings[0]


def test_one_example_of_each_label_is_left_out_at_a_time():
    given = known((2, 2), (5, 5), spread=1.0, seed=3)
    right = 0
    for i in range(5):
        kept = [j for j in range(10) if j % 5 != i]
        head = fit_head(given.embeddings[kept], given.classes[kept], given.blocks)
        right += int((head.probabilities(given.embeddings[[i, i + 5]]).argmax(1) == [0, 1]).sum())
    # the reference standardises without the example too, so one of them may differ
    assert abs(round(10 * review(given).accuracy) - right) <= 1


def test_confusions_are_counted_and_alike_labels_said():
    rng = np.random.default_rng(0)
    same = rng.normal(size=(12, 6)).astype(np.float32)
    far = (20 * np.eye(6)[2] + 0.1 * rng.normal(size=(4, 6))).astype(np.float32)
    found = review(Known(np.concatenate([same, far]), ("a", "b", "c"), (6, 6, 4), (6,), 0.0, 2.0))
    assert {(c.truth, c.given) for c in found.confused} <= {("a", "b"), ("b", "a")}
    assert sum(c.windows for c in found.confused) >= 4
    assert found.confused == tuple(sorted(found.confused, key=lambda c: -c.windows))
    assert any("'a' and 'b' look alike" in warning for warning in found.warnings)
    assert isinstance(found.confused[0], Confusion) and found.of_label["c"] == (4, 4)


def test_a_background_gives_a_threshold_and_unknown():
    found = review(known((12, 12), (6, 6), 12))
    assert found.rejection is not None and found.accuracy == 1.0
    assert found.rejection.chosen.missed == 0.0 and found.rejection.background_s == 80.0
    inside = known((0.1, 12), (6, 6), 0.1)  # a lies where the background lies
    lost = review(inside)
    assert lost.of_label["b"] == (6, 6) and lost.of_label["a"][0] < 6
    assert {c.given for c in lost.confused} == {"unknown"}
    assert any("'a'" in warning and "like the background" in warning for warning in lost.warnings)


@pytest.mark.parametrize("n", [1, 2, MAX_FOLDS, 3 * MAX_FOLDS])
def test_any_number_of_examples_can_be_judged(n):
    found = review(known((9, 9), (n, 4)))
    assert found.of_label["a"][1] == (n if n > 1 else 0)
    assert found.of_label["b"] == (4, 4)
