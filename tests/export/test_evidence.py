from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.errors import DataError
from export.evidence import MAX_CALIBRATION_WINDOWS, gather, spread
from export.pipeline import Exportable


@pytest.fixture(scope="module")
def model(route):
    return Exportable.of(route.model.classifier, route.model.header)


@pytest.fixture
def gathered(model):
    def call(**data):
        return gather(model.contract, model.support, model.support_classes, **data)

    return call


@pytest.fixture(scope="module")
def person(motion, write_motion, tmp_path_factory):
    """A folder with the motions of one more person."""

    def make(name, seed, change=lambda samples: samples):
        home = tmp_path_factory.mktemp("more")
        for label in ("jump", "shake", "walk"):
            write_motion(home / name / label / "1.csv", change(motion(label, 6.0, seed=seed)))
        return str(home)

    return make


def equal(windows, others):
    """(n,) whether each window is among the others."""
    return (windows[:, None] == others[None]).all((2, 3)).any(1)


def test_by_themselves_the_training_windows_are_shared_out(model, gathered):
    found = gathered()
    judged = found.verification
    assert (len(found.calibration), len(judged.samples)) == (12, 6)
    assert not equal(judged.samples, found.calibration).any()
    assert equal(np.concatenate([found.calibration, judged.samples]), model.support).all()
    assert np.bincount(judged.classes).tolist() == [2, 2, 2]
    assert not judged.unseen


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
def test_even_the_fewest_windows_are_shared_out(model, classes, verify):
    support = model.support[: len(classes)]
    found = gather(model.contract, support, np.array(classes))
    np.testing.assert_array_equal(found.verification.samples, support[verify])
    np.testing.assert_array_equal(found.calibration, np.delete(support, verify, 0))


def test_people_not_learnt_from_verify(route, model, gathered, person):
    more = person("somebody else", 60)
    found = gathered(data=more)
    assert found.verification.unseen
    assert len(found.verification.samples) == 9
    assert found.verification.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert f"1 people of {more} whom it did not learn from" in found.verification.source
    np.testing.assert_array_equal(found.calibration, model.support)


def test_people_learnt_from_are_told_by_their_windows(
    route, model, person, motion, write_motion, tmp_path
):
    """Training data and a new person in one folder: only the new person verifies."""
    for name, seed in (("person 0", 0), ("stranger", 61)):
        for label in ("jump", "shake", "walk"):
            write_motion(tmp_path / name / label / "1.csv", motion(label, 5.0, seed=seed))
    found = gather(model.contract, model.support, model.support_classes, data=str(tmp_path))
    assert len(found.verification.samples) == 6
    assert "1 people of" in found.verification.source


def test_windows_not_learnt_from_verify_when_there_are_no_other_people(model, route):
    few = np.array([0, 2, 4, 6, 8, 10, 12, 14, 16])
    found = gather(
        model.contract,
        model.support[few],
        model.support_classes[few],
        data=str(route.trained.parent / "data"),
    )
    assert len(found.verification.samples) == 9
    assert not equal(found.verification.samples, model.support[few]).any()
    assert "windows that it did not learn from" in found.verification.source


def test_data_that_was_all_learnt_from_is_refused(gathered, route):
    with pytest.raises(
        DataError, match="learnt from every window of .*name other data, or leave --data out"
    ):
        gathered(data=str(route.trained.parent / "data"))


def test_ones_own_recordings_calibrate(model, gathered, person):
    own = person("me", 62)
    found = gathered(calibration=own)
    assert (len(found.calibration), found.calibration_source) == (9, own)
    np.testing.assert_array_equal(found.verification.samples, model.support)


def test_calibration_that_overlaps_the_verification_is_refused_wherever_it_was_cut(
    gathered, person, motion, write_motion, tmp_path
):
    data = person("somebody", 63)
    with pytest.raises(
        DataError, match="9 of 9 verification windows .* are in the calibration data too"
    ):
        gathered(data=data, calibration=data)
    for label in ("jump", "shake", "walk"):  # the same recordings, begun 0.74 s later
        write_motion(tmp_path / label / "1.csv", motion(label, 6.0, seed=63)[37:])
    with pytest.raises(DataError, match="of 9 verification windows .* expected none"):
        gathered(data=data, calibration=str(tmp_path))


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
def test_calibration_that_teaches_nothing_is_refused(gathered, person, change, message):
    with pytest.raises(DataError, match=message):
        gathered(calibration=person("odd", 64, change))


def test_data_of_other_motions_channels_or_place_is_refused(
    gathered, person, motion, write_motion, tmp_path, model
):
    for label in ("swim", "fly"):
        write_motion(tmp_path / label / "1.csv", motion("walk", 6.0, seed=65))
    with pytest.raises(DataError, match="has none of the model's labels"):
        gathered(data=str(tmp_path))
    with pytest.raises(DataError, match="there is no data set 'nowhere'"):
        gathered(data="nowhere")
    with pytest.raises(DataError, match=r"watch has 50 samples per second, the model takes 40"):
        gather(
            replace(model.contract, stream=replace(model.contract.stream, rate_hz=40.0)),
            model.support,
            model.support_classes,
            calibration="watch",
        )


def test_short_recordings_are_refused(gathered, motion, write_motion, tmp_path):
    write_motion(tmp_path / "walk" / "1.csv", motion("walk", 1.0, seed=1))
    with pytest.raises(DataError, match="no window of 2 s fits"):
        gathered(calibration=str(tmp_path))


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
def test_windows_are_picked_evenly(n, count, expected):
    assert spread(n, count).tolist() == expected


@pytest.mark.parametrize("n", [1, 199, 200, 201, 1000])
def test_calibration_windows_are_many_but_not_too_many(n):
    assert len(spread(n, MAX_CALIBRATION_WINDOWS)) == min(n, 200)
