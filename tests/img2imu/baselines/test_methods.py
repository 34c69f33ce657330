import sys

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, MissingExtraError
from img2imu.baselines import BASELINES, METHODS, make, pick_methods

RATE_HZ = 50.0
# numba compiles for seconds, and one method is a whole EfficientNet
SLOW = {"minirocket", "multirocket_hydra", "paper_literal"}
ALL = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in BASELINES]
ANY_CHANNELS = [name for name in BASELINES if name not in SLOW and not name.startswith("limu_bert")]
pytestmark = pytest.mark.usefixtures("limu_bert_file")


def fit(name, windows, labels, channels=CHANNELS, seed=0, unlabelled=None):
    return make(name, RATE_HZ, channels, seed).fit(windows, labels, unlabelled)


@pytest.mark.parametrize("name", ALL)
def test_four_windows_a_class_are_enough_for_clear_motions(name, motions):
    windows, truth = motions(seed=1)
    baseline = fit(name, *motions(), unlabelled=motions(per_class=8, seed=2)[0])
    predicted = baseline.predict(windows)
    assert predicted.shape == truth.shape
    assert predicted.dtype.kind == "U"
    assert np.mean(predicted == truth) > 0.8


@pytest.mark.parametrize("name", ALL)
def test_one_window_a_class_and_no_unlabelled_ones_beat_chance(name, motions):
    windows, truth = motions(seed=1)
    assert np.mean(fit(name, *motions(per_class=1)).predict(windows) == truth) > 0.5


@pytest.mark.parametrize(
    "channels", [("acc_z",), CHANNELS[:3], CHANNELS[3:]], ids=["1", "acc", "gyro"]
)
@pytest.mark.parametrize("name", ANY_CHANNELS)
def test_fewer_channels_are_enough(name, channels, motions, monkeypatch):
    monkeypatch.setattr("img2imu.baselines.from_scratch.STEPS", 60)
    windows, truth = motions(channels=channels, seed=1)
    assert np.mean(fit(name, *motions(channels=channels), channels).predict(windows) == truth) > 0.6


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_predictions(name, motions, monkeypatch):
    for module in ("from_scratch", "limu_bert", "paper_literal"):
        # after three steps, predictions still depend on every random choice
        monkeypatch.setattr(f"img2imu.baselines.{module}.STEPS", 3)
    windows, _ = motions(per_class=10, seed=1)
    windows = windows + np.random.default_rng(0).normal(0, 3, windows.shape).astype(np.float32)
    unlabelled = motions(per_class=4, seed=2)[0]
    first = fit(name, *motions(), seed=5, unlabelled=unlabelled)
    np.random.seed(99)  # the state of the global generators must not matter
    second = fit(name, *motions(), seed=5, unlabelled=unlabelled)
    np.testing.assert_array_equal(first.predict(windows), second.predict(windows))
    np.testing.assert_array_equal(first.predict(windows), first.predict(windows))


@pytest.mark.parametrize("name", ["statistics_forest", "cnn", "random_network"])
def test_a_fit_leaves_the_callers_arrays_alone(name, motions, monkeypatch):
    monkeypatch.setattr("img2imu.baselines.from_scratch.STEPS", 2)
    windows, labels = motions()
    kept = windows.copy()
    fit(name, windows, labels, unlabelled=windows).predict(windows)
    np.testing.assert_array_equal(windows, kept)


@pytest.mark.parametrize(
    "name", ["statistics_lr", "cnn", "limu_bert_finetuned", "spectra_no_network"]
)
def test_numbers_as_labels_come_back_as_numbers(name, motions, monkeypatch):
    monkeypatch.setattr("img2imu.baselines.limu_bert.STEPS", 5)
    windows, labels = motions()
    two = labels != "shake"
    numbers = np.where(labels[two] == "nod", 3, 7)
    np.testing.assert_array_equal(fit(name, windows[two], numbers).predict(windows[two]), numbers)


def test_an_unknown_method_is_refused():
    message = "there is no method 'rocket', expected one of img2imu, statistics_lr"
    with pytest.raises(DataError, match=message):
        make("rocket", RATE_HZ, CHANNELS, 0)
    with pytest.raises(DataError, match=message):
        pick_methods(["rocket"])


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [("aeon", "minirocket", "bench"), ("sklearn", "statistics_lr", "train")],
)
def test_a_missing_package_names_its_extra(package, name, extra, monkeypatch):
    module = METHODS[name].partition(":")[0]
    monkeypatch.delitem(sys.modules, module, raising=False)
    for loaded in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}'.*img2imu\[{extra}\]"):
        make(name, RATE_HZ, CHANNELS, 0)


def test_ours_comes_first_and_then_the_baselines():
    assert list(pick_methods(None)) == ["img2imu", *BASELINES]
    assert list(pick_methods(["statistics_lr", "img2imu"])) == ["img2imu", "statistics_lr"]


def test_a_picked_method_can_be_made(motions):
    windows, labels = motions()
    method = pick_methods(["statistics_lr"])["statistics_lr"](RATE_HZ, CHANNELS, 0)
    method.fit(windows, labels, windows)
    assert (method.predict(windows) == labels).mean() > 0.9
