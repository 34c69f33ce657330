import numpy as np
import pytest
import torch

from edge_runtime.frontend import Features
from export.checks import (
    INTEGER_STEP,
    MAX_SUM_ERROR,
    MIN_AGREEMENT,
    ExportError,
    check_agreement,
    check_float,
    check_sums,
    trained_answers,
)

TRUTH = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]] * 0.7 + 0.1


def changed(row, values):
    answers = TRUTH.copy()
    answers[row] = values
    return answers


def test_equal_answers_pass():
    check_float(TRUTH, TRUTH, "it")
    check_sums(TRUTH, "int8", "float32")
    assert check_agreement(TRUTH, TRUTH, "int8") == 1


def test_agreement_is_the_share_of_windows_with_the_same_class():
    assert check_agreement(TRUTH, changed(3, [0.1, 0.8, 0.1]), "int8") == 0.9 == MIN_AGREEMENT


def test_probabilities_may_differ_as_long_as_the_class_is_the_same():
    assert check_agreement(TRUTH, changed(3, [0.4, 0.3, 0.3]), "int8") == 1


@pytest.mark.parametrize(
    ("float_answers", "message"),
    [
        (
            changed(9, [0.798, 0.102, 0.1]),
            "converted by it differs from the trained one by 0.002 in probability, "
            "expected at most 0.001",
        ),
        (TRUTH[::-1], "differs from the trained one by 0.7"),
        (changed(0, np.nan), "differs from the trained one by nan"),
    ],
)
def test_a_conversion_that_answers_otherwise_is_refused(float_answers, message):
    with pytest.raises(ExportError, match=message) as caught:
        check_float(TRUTH, float_answers, "it")
    assert "no file was written" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([0.8 + 3 * MAX_SUM_ERROR, 0.1, 0.1], "0.003"),
        ([0, 0, 0], "1"),
        ([np.nan, 0.5, 0.5], "nan"),
    ],
)
def test_probabilities_that_do_not_sum_to_1_are_refused(values, error):
    with pytest.raises(
        ExportError, match="the int8 network's probabilities sum to 1 within"
    ) as caught:
        check_sums(changed(0, values), "int8", "float32")
    assert f"within {error}, expected 0.001; no file was written" in str(caught.value)


def test_integer_probabilities_may_miss_1_by_a_step_a_class():
    rounded = changed(0, [0.8 + 2 * INTEGER_STEP, 0.1, 0.1])
    check_sums(rounded, "int8", "uint8")
    with pytest.raises(ExportError):
        check_sums(rounded, "int8", "float32")
    with pytest.raises(ExportError):
        check_sums(changed(0, [0.8 + 4 * INTEGER_STEP, 0.1, 0.1]), "int8", "int8")


def test_a_recipe_that_names_other_classes_is_refused():
    answers = TRUTH.copy()
    answers[[0, 3]] = answers[[1, 4]]
    with pytest.raises(
        ExportError,
        match=r"int8 names the same class as float on 80% of 10 windows, expected 90% or",
    ):
        check_agreement(TRUTH, answers, "int8")


def test_the_trained_network_is_asked_window_by_window():
    class Fake:
        """Answers with the rows of TRUTH in turn; the image says which."""

        def __call__(self, images, statistics):
            assert images.shape == (1, 1, 1, 3) and statistics.shape == (1, 2)
            return torch.from_numpy(TRUTH[int(images[0, 0, 0, 0])][None]), None

    features = Features(
        np.tile(np.arange(10, dtype=np.float32)[:, None, None, None, None], (1, 1, 1, 1, 3)),
        np.zeros((10, 2), np.float32),
    )
    np.testing.assert_array_equal(trained_answers(Fake(), features), TRUTH)
