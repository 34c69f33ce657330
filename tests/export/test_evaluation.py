from dataclasses import replace

import numpy as np
import pytest
import torch

from edge_runtime.errors import DataError
from edge_runtime.frontend import Features
from export.evaluation import (
    INTEGER_STEP,
    MAX_CALIBRATION_WINDOWS,
    MAX_SUM_ERROR,
    MIN_AGREEMENT,
    ExportError,
    check_agreement,
    check_float,
    check_sums,
    choose_windows,
    compare,
    evenly_spaced,
    trained_probabilities,
)
from export.pipeline import Exportable

# ---- which windows calibrate and verify


@pytest.fixture(scope="module")
def model(route):
    return Exportable.of(route.model.classifier, route.model.header)


@pytest.fixture
def choose(model):
    """Choose windows for the model, from its support windows and optional data."""

    def call(**data):
        return choose_windows(model.contract, model.support, model.support_classes, **data)

    return call


@pytest.fixture(scope="module")
def person(motion, write_motion, tmp_path_factory):
    """Record the motions of one more person into a folder."""

    def make(name, seed, change=lambda samples: samples):
        home = tmp_path_factory.mktemp("more")
        for label in ("jump", "shake", "walk"):
            write_motion(home / name / label / "1.csv", change(motion(label, 6.0, seed=seed)))
        return str(home)

    return make


def is_among(windows, others):
    """Return whether each window is among the others, (n,)."""
    return (windows[:, None] == others[None]).all((2, 3)).any(1)


def test_without_data_the_training_windows_are_divided(model, choose):
    windows = choose()
    verification = windows.verification
    assert (len(windows.calibration), len(verification.samples)) == (12, 6)
    assert not is_among(verification.samples, windows.calibration).any()
    both = np.concatenate([windows.calibration, verification.samples])
    assert is_among(both, model.support).all()
    assert np.bincount(verification.classes).tolist() == [2, 2, 2]
    assert not verification.unseen


@pytest.mark.parametrize(
    ("classes", "verify"),
    [
        ([0, 1], [1]),
        ([0, 1, 2], [2]),
        ([0, 1, 2, 3, 4, 5, 6], [2, 5]),
        ([0, 1, 0, 1], [2, 3]),
        ([0, 0, 1], [1]),
        ([0, 1, 0, 1, 0, 1, 0, 1], [4, 5]),
        ([0, 0, 0, 0, 0, 0, 1], [2, 5]),
    ],
)
def test_even_two_training_windows_are_divided(model, classes, verify):
    support = model.support[: len(classes)]
    windows = choose_windows(model.contract, support, np.array(classes))
    np.testing.assert_array_equal(windows.verification.samples, support[verify])
    np.testing.assert_array_equal(windows.calibration, np.delete(support, verify, 0))


def test_people_the_model_did_not_learn_from_verify(route, model, choose, person):
    more = person("somebody else", 60)
    windows = choose(data=more)
    assert windows.verification.unseen
    assert len(windows.verification.samples) == 9
    assert windows.verification.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert f"1 person in {more} that the model did not learn from" in windows.verification.source
    np.testing.assert_array_equal(windows.calibration, model.support)


def test_people_the_model_learnt_from_are_recognised_by_their_windows(
    route, model, person, motion, write_motion, tmp_path
):
    """If a folder holds training data and a new person, only the new person verifies."""
    for name, seed in (("person 0", 0), ("stranger", 61)):
        for label in ("jump", "shake", "walk"):
            write_motion(tmp_path / name / label / "1.csv", motion(label, 5.0, seed=seed))
    windows = choose_windows(
        model.contract, model.support, model.support_classes, data=str(tmp_path)
    )
    assert len(windows.verification.samples) == 6
    assert windows.verification.source.startswith("1 person in ")


def test_without_other_people_the_other_windows_verify(model, route):
    few = np.array([0, 2, 4, 6, 8, 10, 12, 14, 16])
    windows = choose_windows(
        model.contract,
        model.support[few],
        model.support_classes[few],
        data=str(route.trained.parent / "data"),
    )
    assert len(windows.verification.samples) == 9
    assert not is_among(windows.verification.samples, model.support[few]).any()
    assert "of people it learnt from" in windows.verification.source


def test_data_without_unlearnt_windows_is_refused(choose, route):
    with pytest.raises(
        DataError, match="learnt from every window of .*name other data, or leave --data out"
    ):
        choose(data=str(route.trained.parent / "data"))


def test_own_recordings_calibrate(model, choose, person):
    recordings = person("me", 62)
    windows = choose(calibration=recordings)
    assert (len(windows.calibration), windows.calibration_source) == (9, recordings)
    np.testing.assert_array_equal(windows.verification.samples, model.support)


def test_calibration_that_overlaps_with_verification_is_refused_wherever_it_was_cut(
    choose, person, motion, write_motion, tmp_path
):
    data = person("somebody", 63)
    with pytest.raises(
        DataError, match="9 of 9 verification windows .* are in the calibration data too"
    ):
        choose(data=data, calibration=data)
    for label in ("jump", "shake", "walk"):  # the same recordings, starting 0.74 s later
        write_motion(tmp_path / label / "1.csv", motion(label, 6.0, seed=63)[37:])
    with pytest.raises(DataError, match="of 9 verification windows .* expected none"):
        choose(data=data, calibration=str(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: np.concatenate([s[:, :3], s[:1, 3:] * np.ones_like(s[:, 3:])], 1),
            "gyro_x is constant in the calibrat",
        ),
        (lambda s: s / 9.80665, "look like g"),
        (
            lambda s: s - np.array([0, 0, 9.81, 0, 0, 0], np.float32),
            "has gravity removed in its accelerometer",
        ),
    ],
)
def test_unsuitable_calibration_data_is_refused(choose, person, change, message):
    with pytest.raises(DataError, match=message):
        choose(calibration=person("odd", 64, change))


def test_data_of_other_motions_or_rate_is_refused(
    choose, person, motion, write_motion, tmp_path, model
):
    for label in ("swim", "fly"):
        write_motion(tmp_path / label / "1.csv", motion("walk", 6.0, seed=65))
    with pytest.raises(DataError, match="has none of the model's labels"):
        choose(data=str(tmp_path))
    with pytest.raises(DataError, match="there is no data set 'nowhere'"):
        choose(data="nowhere")
    with pytest.raises(DataError, match="watch has 50 samples per second, expected the model's 40"):
        choose_windows(
            replace(model.contract, stream=replace(model.contract.stream, rate_hz=40.0)),
            model.support,
            model.support_classes,
            calibration="watch",
        )


def test_short_recordings_are_refused(choose, motion, write_motion, tmp_path):
    write_motion(tmp_path / "walk" / "1.csv", motion("walk", 1.0, seed=1))
    with pytest.raises(DataError, match="no window of 2 s fits"):
        choose(calibration=str(tmp_path))


@pytest.mark.parametrize(
    ("n", "count", "expected"),
    [
        (1, 3, [0]),
        (2, 3, [0, 1]),
        (3, 3, [0, 1, 2]),
        (11, 3, [0, 5, 10]),
        (70, 4, [0, 23, 46, 69]),
    ],
)
def test_windows_are_chosen_evenly(n, count, expected):
    assert evenly_spaced(n, count).tolist() == expected


@pytest.mark.parametrize("n", [1, 199, 200, 201, 1000])
def test_the_number_of_calibration_windows_is_limited(n):
    assert len(evenly_spaced(n, MAX_CALIBRATION_WINDOWS)) == min(n, 200)


# ---- what a converted network must show

EXPECTED = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]] * 0.7 + 0.1


def changed(row, values):
    """Return EXPECTED with one row replaced."""
    probabilities = EXPECTED.copy()
    probabilities[row] = values
    return probabilities


def test_equal_probabilities_pass():
    check_float(EXPECTED, EXPECTED, "it")
    check_sums(EXPECTED, "int8", "float32")
    assert check_agreement(EXPECTED, EXPECTED, "int8") == 1


def test_agreement_is_the_share_of_windows_with_the_same_class():
    assert check_agreement(EXPECTED, changed(3, [0.1, 0.8, 0.1]), "int8") == 0.9 == MIN_AGREEMENT


def test_probabilities_may_differ_as_long_as_the_class_is_the_same():
    assert check_agreement(EXPECTED, changed(3, [0.4, 0.3, 0.3]), "int8") == 1


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (
            changed(9, [0.798, 0.102, 0.1]),
            "converted by it differs from the trained one by 0.002 in probability, "
            "expected at most 0.001",
        ),
        (EXPECTED[::-1], "differs from the trained one by 0.7"),
        (changed(0, np.nan), "differs from the trained one by nan"),
    ],
)
def test_a_conversion_with_other_probabilities_is_refused(probabilities, message):
    with pytest.raises(ExportError, match=message) as caught:
        check_float(EXPECTED, probabilities, "it")
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


def test_integer_probabilities_may_miss_1_by_one_step_per_class():
    rounded = changed(0, [0.8 + 2 * INTEGER_STEP, 0.1, 0.1])
    check_sums(rounded, "int8", "uint8")
    with pytest.raises(ExportError):
        check_sums(rounded, "int8", "float32")
    with pytest.raises(ExportError):
        check_sums(changed(0, [0.8 + 4 * INTEGER_STEP, 0.1, 0.1]), "int8", "int8")


def test_a_recipe_that_names_other_classes_is_refused():
    probabilities = EXPECTED.copy()
    probabilities[[0, 3]] = probabilities[[1, 4]]
    with pytest.raises(
        ExportError,
        match=r"int8 names the same class as float on 80% of 10 windows, expected 90% or",
    ):
        check_agreement(EXPECTED, probabilities, "int8")


def test_the_trained_network_runs_window_by_window():
    class Fake:
        """Returns the row of EXPECTED that the image names."""

        def __call__(self, images, statistics):
            assert images.shape == (1, 1, 1, 3) and statistics.shape == (1, 2)
            return torch.from_numpy(EXPECTED[int(images[0, 0, 0, 0])][None]), None

    features = Features(
        np.tile(np.arange(10, dtype=np.float32)[:, None, None, None, None], (1, 1, 1, 1, 3)),
        np.zeros((10, 2), np.float32),
    )
    np.testing.assert_array_equal(trained_probabilities(Fake(), features), EXPECTED)


# ---- what quantisation changed

LABELS = ("a", "b", "c")


def probabilities_of(*classes):
    """Return probabilities (n, 3) that favour these classes."""
    return np.eye(3, dtype=np.float32)[list(classes)] * 0.7 + 0.1


def f1_by_hand(truth, predicted, label):
    hits = sum(t == n == label for t, n in zip(truth, predicted, strict=True))
    return 2 * hits / max(1, truth.count(label) + predicted.count(label))


def test_scores_are_those_computed_by_hand():
    truth = [0, 0, 0, 1, 1, 2]
    before = [0, 0, 1, 1, 1, 2]
    after = [0, 0, 0, 1, 0, 2]
    comparison = compare(
        np.array(truth), LABELS, probabilities_of(*before), probabilities_of(*after)
    )
    f1 = [
        [f1_by_hand(truth, predicted, label) for label in range(3)] for predicted in (before, after)
    ]
    assert comparison.macro_f1_float == pytest.approx(np.mean(f1[0]))
    assert comparison.macro_f1 == pytest.approx(np.mean(f1[1]))
    assert comparison.f1_drop == pytest.approx(np.mean(f1[0]) - np.mean(f1[1]))
    assert comparison.f1_change == pytest.approx(
        {label: f1[1][i] - f1[0][i] for i, label in enumerate(LABELS)}
    )
    assert comparison.agreement == pytest.approx(4 / 6)
    assert comparison.max_probability_difference == pytest.approx(0.7)
    assert comparison.max_sum_error == pytest.approx(0, abs=1e-6)


def test_classes_without_windows_do_not_count():
    comparison = compare(np.array([0, 2]), LABELS, probabilities_of(0, 2), probabilities_of(0, 2))
    assert (comparison.macro_f1, set(comparison.f1_change)) == (1, {"a", "c"})


def test_sums_other_than_1_are_reported():
    odd = probabilities_of(0, 1)
    odd[1] += 0.05
    comparison = compare(np.array([0, 1]), LABELS, probabilities_of(0, 1), odd)
    assert comparison.max_sum_error == pytest.approx(0.15, abs=1e-6)
