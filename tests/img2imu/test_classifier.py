import doctest
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_predict, cross_val_score

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu import MotionClassifier
from img2imu.storage import DEFAULT_NAME, describe

RATE_HZ, SAMPLES = 50.0, 100
SWING_HZ = (1.0, 3.0, 8.0)
SETS = (("acc_z",), CHANNELS[:3], CHANNELS[3:], CHANNELS)


def motions(n=4, channels=CHANNELS, samples=SAMPLES, rate_hz=RATE_HZ, seed=0):
    """Return windows (3 * n, samples, channels) of three motions, shuffled, and their numbers."""
    random = np.random.default_rng(seed)
    numbers = random.permutation(np.repeat(np.arange(3), n))
    times_s = np.arange(samples) / rate_hz
    windows = random.normal(0, 0.05, (len(numbers), samples, 6)) + np.array([0, 0, 9.81, 0, 0, 0])
    for window, number in zip(windows, numbers, strict=True):
        strength = np.ones(6)
        strength[[number, 3 + number]] = 3  # a motion is strongest on one axis
        phase = 2 * np.pi * SWING_HZ[number] * times_s[:, None] + random.uniform(0, 6, 6)
        window += strength * np.sin(phase)
    columns = [CHANNELS.index(name) for name in channels]
    return windows[:, :, columns].astype(np.float32), numbers


@pytest.fixture(scope="module")
def fitted():
    return MotionClassifier(RATE_HZ, CHANNELS).fit(*motions())


@pytest.mark.parametrize("windows_per_class", [1, 5])
@pytest.mark.parametrize("channels", SETS, ids=len)
def test_clean_motions_are_all_recognised(channels, windows_per_class):
    classifier = MotionClassifier(RATE_HZ, channels).fit(*motions(windows_per_class, channels))
    windows, numbers = motions(10, channels, seed=1)
    np.testing.assert_array_equal(classifier.predict(windows), numbers)


@pytest.mark.parametrize(("rate_hz", "samples"), [(20.0, 16), (25.0, 40), (400.0, 1200)])
def test_any_rate_and_window(rate_hz, samples):
    classifier = MotionClassifier(rate_hz, "acc+gyro").fit(
        *motions(3, samples=samples, rate_hz=rate_hz)
    )
    windows, numbers = motions(4, samples=samples, rate_hz=rate_hz, seed=1)
    np.testing.assert_array_equal(classifier.predict(windows), numbers)


def test_probabilities(fitted):
    windows, numbers = motions(seed=1)
    p = fitted.predict_proba(windows)
    assert p.shape == (12, 3)
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
    assert (p > 0).all()
    assert p[np.arange(12), numbers].min() > 0.5


@pytest.mark.parametrize(
    "names",
    [
        np.array(["walk", "jump", "swim the crawl"]),
        np.array([7, -3, 40]),
        np.array([2, 1, 0], np.int8),
        np.array([0.0, 1.0, -1.0]),
        np.array(["läuft", "スイム", "1"]),
    ],
    ids=lambda names: names.dtype.str,
)
def test_labels_keep_their_type_and_values(names):
    windows, numbers = motions()
    classifier = MotionClassifier(RATE_HZ, CHANNELS).fit(windows, names[numbers])
    new, expected = motions(seed=1)
    answers = classifier.predict(new)
    assert answers.dtype == names.dtype
    np.testing.assert_array_equal(answers, names[expected])
    np.testing.assert_array_equal(classifier.classes_, np.sort(names))
    order = np.argsort(names)
    np.testing.assert_array_equal(
        classifier.predict_proba(new).argmax(1), np.argsort(order)[expected]
    )


def test_two_classes():
    windows, numbers = motions()
    some = numbers < 2
    classifier = MotionClassifier(RATE_HZ, CHANNELS).fit(windows[some], numbers[some] == 1)
    assert classifier.predict(windows[some]).dtype == bool
    np.testing.assert_array_equal(classifier.predict(windows[some]), numbers[some] == 1)


def test_text_stored_as_objects_by_pandas_can_be_saved(tmp_path):
    windows, numbers = motions()
    labels = np.array(["rest", "walk", "jump"], object)[numbers]
    classifier = MotionClassifier(RATE_HZ, CHANNELS).fit(windows, labels)
    assert classifier.predict(windows).tolist() == labels.tolist()
    classifier.save(tmp_path / "m.npz")
    assert MotionClassifier.load(tmp_path / "m.npz").predict(windows).tolist() == labels.tolist()


def test_lists_are_accepted_like_arrays(fitted):
    windows, numbers = motions()
    classifier = MotionClassifier(RATE_HZ, list(CHANNELS)).fit(windows.tolist(), numbers.tolist())
    np.testing.assert_array_equal(classifier.predict_proba(windows), fitted.predict_proba(windows))


def test_the_callers_arrays_are_not_changed():
    windows, numbers = motions()
    before = windows.copy(), numbers.copy()
    MotionClassifier(RATE_HZ, CHANNELS).fit(windows, numbers).predict(windows)
    np.testing.assert_array_equal(windows, before[0])
    np.testing.assert_array_equal(numbers, before[1])


def test_the_same_windows_give_the_same_model_to_the_last_bit(fitted):
    again = MotionClassifier(RATE_HZ, CHANNELS).fit(*motions())
    windows, _ = motions(seed=1)
    np.testing.assert_array_equal(again.predict_proba(windows), fitted.predict_proba(windows))
    np.testing.assert_array_equal(again.head_.weights, fitted.head_.weights)


def test_a_window_gets_the_same_answer_alone_and_among_others(fitted):
    windows, _ = motions(30, seed=1)  # more than one chunk
    together = fitted.predict_proba(windows)
    np.testing.assert_allclose(fitted.predict_proba(windows[70:71]), together[70:71], atol=1e-5)


def test_the_order_of_the_training_windows_does_not_matter(fitted):
    windows, numbers = motions()
    order = np.random.default_rng(5).permutation(len(numbers))
    shuffled = MotionClassifier(RATE_HZ, CHANNELS).fit(windows[order], numbers[order])
    new, _ = motions(seed=1)
    np.testing.assert_array_equal(shuffled.predict(new), fitted.predict(new))


# ---- scikit-learn's conventions


def test_parameters_can_be_read_set_and_cloned(fitted):
    assert fitted.get_params() == {"rate_hz": RATE_HZ, "channels": CHANNELS, "seed": 0}
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(motions()[0])
    assert copy.set_params(rate_hz=25.0, seed=3) is copy
    assert (copy.rate_hz, copy.seed) == (25.0, 3)
    assert is_classifier(copy)
    assert "rate_hz=25.0" in repr(copy)


def test_fit_returns_the_classifier_and_can_be_called_again():
    classifier = MotionClassifier(RATE_HZ, CHANNELS)
    assert classifier.fit(*motions(2)) is classifier
    longer = motions(2, samples=150)
    assert classifier.fit(*longer).window_samples_ == 150
    np.testing.assert_array_equal(classifier.predict(longer[0]), longer[1])


def test_cross_validation_over_people():
    windows, numbers = motions(4)
    people = np.empty(len(numbers), int)
    for number in range(3):
        people[numbers == number] = [0, 0, 1, 2]
    labels = np.array(["a", "b", "c"])[numbers]
    scores = cross_val_score(
        MotionClassifier(RATE_HZ, CHANNELS), windows, labels, groups=people, cv=GroupKFold(3)
    )
    assert scores.tolist() == [1, 1, 1]
    p = cross_val_predict(
        MotionClassifier(RATE_HZ, CHANNELS),
        windows,
        labels,
        groups=people,
        cv=GroupKFold(3),
        method="predict_proba",
    )
    np.testing.assert_array_equal(p.argmax(1), numbers)


def test_score_is_accuracy(fitted):
    windows, numbers = motions(seed=1)
    assert fitted.score(windows, numbers) == 1
    assert fitted.score(windows, (numbers + 1) % 3) == 0


def test_it_can_be_pickled(fitted):
    windows, _ = motions(seed=1)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(windows), fitted.predict_proba(windows))


@pytest.mark.parametrize("use", ["predict", "predict_proba", "embed", "save"])
def test_before_fit_scikit_learns_error_is_raised(use, tmp_path):
    argument = tmp_path / "m.npz" if use == "save" else motions()[0]
    with pytest.raises(NotFittedError):
        getattr(MotionClassifier(RATE_HZ, CHANNELS), use)(argument)
    assert not list(tmp_path.iterdir())


def test_a_fit_that_failed_leaves_no_half_fitted_classifier():
    classifier = MotionClassifier(RATE_HZ, CHANNELS)
    for windows, labels in (
        (motions()[0], np.zeros(12, int)),
        (motions(samples=15)[0], motions()[1]),
    ):
        with pytest.raises(DataError):
            classifier.fit(windows, labels)
        with pytest.raises(NotFittedError):
            classifier.predict(motions()[0])


# ---- refusals


def changed(value, at=(5, 7, 1)):
    windows, _ = motions()
    windows = windows.astype(np.float64)
    windows[at] = value
    return windows


def ragged():
    return [w[: len(w) - i] for i, w in enumerate(motions()[0])]


NUMBERS = motions()[1]


@pytest.mark.parametrize(
    ("windows", "labels", "message"),
    [
        (motions()[0][0], NUMBERS, r"shape \(100, 6\), expected \(n, samples, 6\)"),
        (
            motions()[0].transpose(0, 2, 1),
            NUMBERS,
            r"shape \(12, 6, 100\), expected \(n, samples, 6\)",
        ),
        (motions(channels=CHANNELS[:3])[0], NUMBERS, r"shape \(12, 100, 3\), expected"),
        (np.empty((0, 100, 6)), [], "at least one window"),
        (ragged(), NUMBERS, "unequal lengths"),
        ([["a"]], ["a"], "not one array of numbers"),
        (motions(samples=15)[0], NUMBERS, "windows have 15 samples, expected 16 or more"),
        (changed(np.nan), NUMBERS, "window 5 holds NaN or infinite"),
        (changed(-np.inf), NUMBERS, "window 5 holds NaN or infinite"),
        (changed(1e300), NUMBERS, "window 5 holds NaN or infinite"),
        (changed(1e20), NUMBERS, r"window 5 holds .*, expected numbers below 1e\+06"),
        (motions()[0], NUMBERS[:-1], r"12 windows came with labels of shape \(11,\)"),
        (motions()[0], np.stack([NUMBERS, NUMBERS], 1), r"labels of shape \(12, 2\)"),
        (motions()[0], NUMBERS + 0.5, r"labels are continuous numbers such as \d\.5"),
        (motions()[0], None, "requires y to be passed, but the target y is None"),
        (motions()[0] + 1j, NUMBERS, "complex numbers"),
        (csr_array(np.eye(12)), NUMBERS, "sparse container"),
        (
            changed(0.5, (slice(None), slice(None), 4)),
            NUMBERS,
            r"gyro_y is 0\.5 in every sample of all 12 windows",
        ),
        (
            motions()[0] * np.array([1, 1, 1, 57.3, 57.3, 57.3]),
            NUMBERS,
            r"gyro_\w reaches \d+, .* like degrees per second",
        ),
        (np.clip(motions()[0], -5, 5), NUMBERS, r"acc_z is 5 in every sample"),
        (
            np.clip(motions()[0], -100, [100, 100, 9.81, 100, 100, 100]),
            NUMBERS,
            "acc_z is saturated: .*9.81, expected",
        ),
        (motions()[0], [[1], [1, 2]], "labels are not one array"),
        (motions()[0], ["only"] * 12, r"name 1 class \(only\), expected two or more"),
        (
            motions()[0],
            np.where(NUMBERS == 1, np.nan, NUMBERS),
            "labels are of type float64, or some are missing",
        ),
        (
            motions()[0],
            np.where(NUMBERS == 1, None, "a"),
            "labels are of type object, or some are missing",
        ),
        (motions()[0], np.array([b"a", b"b", b"c"])[NUMBERS], r"labels are of type \|S1"),
        (
            motions()[0] / np.array([9.80665] * 3 + [1] * 3),
            NUMBERS,
            r"look like g.*multiply them by 9\.80665",
        ),
        (motions()[0] * 1000 / 9.80665, NUMBERS, "look like (milli-g|thousandths of g)"),
        (motions()[0] * 1000, NUMBERS, "raw counts"),
        (changed(0, (slice(None), slice(None), slice(3))), NUMBERS, "nothing but zeros"),
    ],
)
def test_unusable_training_data_is_refused_in_one_sentence(windows, labels, message):
    with pytest.raises(DataError, match=message) as caught:
        MotionClassifier(RATE_HZ, CHANNELS).fit(windows, labels)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("rate_hz", "channels", "message"),
    [
        (5.0, CHANNELS, "rate_hz is 5, expected 10 to 400"),
        (RATE_HZ, CHANNELS[:5], "channels are .*, expected 1, 3 or 6"),
        (RATE_HZ, "magnet", "channels are 'magnet', expected"),
    ],
)
def test_wrong_parameters_are_refused_by_fit(rate_hz, channels, message):
    with pytest.raises(DataError, match=message):
        MotionClassifier(rate_hz, channels).fit(*motions())


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (motions(samples=99)[0], "windows have 99 samples, the model was fitted on 100: cut"),
        (motions(channels=CHANNELS[:3])[0], r"shape \(12, 100, 3\), expected \(n, samples, 6\)"),
        (motions()[0][0], r"shape \(100, 6\)"),
        (np.empty((0, 100, 6)), "at least one window"),
        (changed(np.nan), "window 5 holds NaN"),
        (changed(1e30), "window 5 holds NaN, infinite|window 5 holds NaN or infinite"),
    ],
)
def test_unusable_windows_are_refused_by_predict(fitted, windows, message):
    with pytest.raises(DataError, match=message):
        fitted.predict(windows)


# ---- on disk


@pytest.mark.parametrize("channels", SETS, ids=len)
def test_a_saved_model_answers_the_same_to_the_last_bit(tmp_path, channels):
    classifier = MotionClassifier(RATE_HZ, channels, seed=3).fit(*motions(channels=channels))
    classifier.save(tmp_path / "m.npz")
    loaded = MotionClassifier.load(tmp_path / "m.npz")
    windows, _ = motions(channels=channels, seed=1)
    np.testing.assert_array_equal(loaded.predict_proba(windows), classifier.predict_proba(windows))
    np.testing.assert_array_equal(loaded.support_windows_, classifier.support_windows_)
    for name in ("classes_", "support_classes_"):
        assert getattr(loaded, name).dtype == getattr(classifier, name).dtype
        np.testing.assert_array_equal(getattr(loaded, name), getattr(classifier, name))
    for name in ("window_samples_", "front_end_", "gravity_", "rate_hz", "channels", "seed"):
        assert getattr(loaded, name) == getattr(classifier, name)


def test_a_fitted_classifier_is_enough_for_a_header(fitted):
    header = describe(fitted)
    assert (header.name, header.data_set, header.split_sha256) == (DEFAULT_NAME, "", "")
    assert (header.rate_hz, header.channels, header.gravity) == (RATE_HZ, CHANNELS, "included")
    assert header.front_end == fitted.front_end_
    named = describe(fitted, "swings", data_set="data", split_sha256="ab" * 32)
    assert (named.name, named.data_set, named.split_sha256) == ("swings", "data", "ab" * 32)


def test_a_loaded_classifier_keeps_its_header_until_it_is_fitted_again(tmp_path):
    windows, numbers = motions()
    classifier = MotionClassifier(RATE_HZ, CHANNELS).fit(windows, numbers)
    classifier.save(tmp_path / "a.npz", name="swings", data_set="data", split_sha256="ab" * 32)
    loaded = MotionClassifier.load(tmp_path / "a.npz")
    assert (loaded.header_.name, loaded.header_.data_set) == ("swings", "data")
    assert describe(loaded) == loaded.header_
    assert describe(loaded, data_set="other").data_set == "other"
    loaded.save(tmp_path / "b.npz")
    assert MotionClassifier.load(tmp_path / "b.npz").header_ == loaded.header_
    loaded.fit(windows, numbers)
    assert describe(loaded).name == DEFAULT_NAME


# ---- documentation


def test_the_example_in_the_docstring(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = doctest.DocTestFinder(recurse=False).find(MotionClassifier, "MotionClassifier")
    assert example.examples
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0
    assert (tmp_path / "motions.npz").exists()
