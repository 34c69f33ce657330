import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from img2imu.datasets import Clock
from img2imu.datasets.raw import (
    check_units,
    common_rate,
    join_sensors,
    labelled_pieces,
    measured_rate,
    nearest_index,
    runs,
)

# ---- units

ACC = ("acc_x", "acc_y", "acc_z")


def standing(scale):
    noise = np.random.default_rng(0).normal(0, 0.01, (200, 3))
    return ((np.array([0, 0.6, 0.8]) + noise) * scale).astype(np.float32)


def moving_without_gravity():
    return np.random.default_rng(0).normal(0, 1, (200, 3)).astype(np.float32)


def test_si_units_with_gravity_are_accepted():
    check_units([("a", standing(9.8)), ("b", standing(9.8))], ACC)


def test_gravity_may_be_missing_in_all_recordings():
    check_units([("a", moving_without_gravity()), ("b", moving_without_gravity())], ACC)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (standing(1), r"b has a median \|acc\| of 1.*look like g: multiply them by 9.80665"),
        (standing(1000), "thousandths of g"),
        (standing(0), "b has .* nothing but zeros"),
        (moving_without_gravity(), "a holds gravity and b does not"),
    ],
)
def test_other_units_are_refused(samples, message):
    with pytest.raises(DataError, match=message):
        check_units([("a", standing(9.8)), ("b", samples)], ACC)


def test_one_axis_is_not_judged():
    check_units([("a", standing(1)[:, 2:])], ("acc_z",))


def test_the_order_of_the_columns_does_not_matter():
    with pytest.raises(DataError, match="look like g"):
        check_units(
            [("a", np.hstack([np.zeros((200, 3), np.float32), standing(1)]))],
            ("gyro_x", "gyro_y", "gyro_z", "acc_z", "acc_x", "acc_y"),
        )


# ---- time

SWING_HZ = 1.5


def motion(times_s, n_channels=3):
    phase = 2 * np.pi * SWING_HZ * np.asarray(times_s)[:, None] + np.arange(n_channels)
    return np.sin(phase).astype(np.float32)


def pieces(times_s, rate_hz, labels=None):
    labels = np.zeros(len(times_s), np.int16) if labels is None else np.asarray(labels, np.int16)
    return list(
        labelled_pieces("walk", "ada", np.asarray(times_s, float), motion(times_s), labels, rate_hz)
    )


@given(
    seed=st.integers(0, 1000),
    jitter=st.floats(0, 0.4),
    rate_hz=st.sampled_from([20.0, 50.0, 100.0]),
    gap_after=st.integers(50, 250),
)
def test_resampled_motion_is_the_motion(seed, jitter, rate_hz, gap_after):
    shake = np.random.default_rng(seed).uniform(-jitter, jitter, 300)
    recorded_s = (np.arange(300) + shake) / 50
    recorded_s[gap_after:] += 1.0
    cut = pieces(recorded_s, rate_hz)
    assert len(cut) == 2
    for piece, start in zip(cut, (0, gap_after), strict=True):
        on_grid = motion(recorded_s[start] + np.arange(len(piece.samples)) / rate_hz)
        # The error of linear interpolation over h is at most h^2 / 8 times the largest second
        # derivative. Here h < 1.8 steps of 20 ms.
        assert (
            np.abs(piece.samples - on_grid).max()
            < 0.036**2 / 8 * (2 * np.pi * SWING_HZ) ** 2 + 1e-4
        )


def test_time_that_runs_backwards_begins_a_new_piece():
    first, second = pieces([0.0, 0.1, 0.2, 0.1, 0.2], 10.0)
    assert (len(first.samples), len(second.samples)) == (3, 2)
    assert (first.name, second.name) == ("walk from 0.0 s", "walk from 0.1 s")
    assert first.subject == "ada"


@given(
    st.lists(st.integers(0, 400), min_size=2, max_size=60, unique=True),
    st.sampled_from([10.0, 25.0]),
)
def test_a_label_is_that_of_the_nearest_sample(hundredths, rate_hz):
    times_s = np.sort(hundredths) / 100
    labels = np.arange(len(times_s)) % 5 - 1
    begin = 0
    for piece in pieces(times_s, rate_hz, labels):
        end = begin + 1
        while end < len(times_s) and times_s[end] - times_s[end - 1] <= 0.5:
            end += 1
        for i, label in enumerate(piece.labels):
            away = np.abs(times_s[begin:end] - (times_s[begin] + i / rate_hz))
            assert label in labels[begin:end][away <= away.min() + 1e-9]
        begin = end
    assert begin == len(times_s)


def test_nearest_by_hand():
    queries_s = np.array([-1, 0.4, 0.6, 1.9, 2.1, 9])
    assert nearest_index(np.array([0.0, 1.0, 3.0]), queries_s).tolist() == [0, 0, 1, 1, 2, 2]
    assert nearest_index(np.array([5.0]), np.array([0.0, 9.0])).tolist() == [0, 0]


def test_two_sensors_become_one():
    acc_s, gyro_s = np.arange(0, 4, 0.02), np.arange(1.003, 6, 0.01)[::-1]  # in any order
    kept, samples = join_sensors(acc_s, motion(acc_s), gyro_s, motion(gyro_s, 2))
    assert acc_s[kept][0] == pytest.approx(1.02) and samples.shape == (kept.sum(), 5)
    assert np.abs(samples[:, 3:] - motion(acc_s[kept], 2)).max() < 2e-3
    assert np.array_equal(samples[:, :3], motion(acc_s[kept]))


def test_samples_are_left_out_where_the_second_sensor_pauses():
    acc_s, gyro_s = np.arange(0, 3, 0.1), np.array([0.0, 0.1, 0.2, 2.5, 2.6])
    kept, _ = join_sensors(acc_s, motion(acc_s), gyro_s, motion(gyro_s))
    assert np.allclose(acc_s[kept], [0, 0.1, 0.2, 0.3, 0.4, 2.3, 2.4, 2.5, 2.6])
    nothing, samples = join_sensors(acc_s, motion(acc_s), np.empty(0), np.empty((0, 3), np.float32))
    assert not nothing.any() and samples.shape == (0, 6)


def test_rates():
    assert measured_rate(Clock("a", np.array([0, 0.1, 0.2, 5.0, 5.1]))) == pytest.approx(10)
    assert common_rate([Clock("a", np.arange(50) / 49.7), Clock("b", np.arange(50) / 50.2)]) == 50
    with pytest.raises(DataError, match=r"a has 2 samples, no two of them within 0.5 s"):
        measured_rate(Clock("a", np.array([0.0, 20.0])))


def test_runs_by_hand():
    assert list(runs(list("aabb"), [1, 1, 1, 2])) == [(0, 2), (2, 3), (3, 4)]
    assert list(runs([7])) == [(0, 1)]
