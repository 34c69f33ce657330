import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.datasets import Clock, DataSet, LabelledRecording
from img2imu.datasets.inspection import describe_units, inspect_data_set, warnings

RATE_HZ = 50.0
REST = np.array([0, 0, 9.8, 0, 0, 0])


def recording(name="a", subject="ada", seconds=6.0, labels=0, gravity=REST, seed=0):
    n = round(seconds * RATE_HZ)
    samples = np.random.default_rng(seed).normal(0, 0.3, (n, 6)) + gravity
    labels = np.full(n, labels, np.int16) if np.isscalar(labels) else np.asarray(labels, np.int16)
    return LabelledRecording(name, subject, samples.astype(np.float32), labels)


def data_set(*recordings, clocks=(), names=("walk", "run")):
    return DataSet("mine", "", "", RATE_HZ, CHANNELS, names, recordings, tuple(clocks))


def test_classes_by_hand():
    labels = [0] * 100 + [-1] * 50 + [1] * 150
    found = inspect_data_set(
        data_set(recording("a", "ada", labels=labels), recording("b", "bo", 6.5, 1)), 1.0
    )
    assert [(c.label, c.recordings, c.subjects, c.seconds, c.windows) for c in found.classes] == [
        ("walk", 1, 1, 2.0, 2),
        ("run", 2, 2, 9.5, 9),
    ]
    assert found.unlabelled_s == 1.0
    assert warnings(found) == ["walk has one subject only: nobody else can be tested on it"]


@pytest.mark.parametrize(
    ("seconds", "expected_s"), [((6, 6), 5.0), ((6, 3.5), 3.0), ((2.0, 9), 2.0), ((1.2, 9), 1.0)]
)
def test_the_longest_window_that_every_class_has(seconds, expected_s):
    pair = [recording(str(i), seconds=s, labels=i) for i, s in enumerate(seconds)]
    assert inspect_data_set(data_set(*pair)).window_s == expected_s


def test_a_class_too_short_for_any_window_does_not_shorten_the_others():
    found = inspect_data_set(data_set(recording(), recording("b", seconds=0.5, labels=1)))
    assert found.window_s == 5.0
    assert warnings(found) == ["run has no window of 5 s: its stretches are shorter"]
    assert inspect_data_set(data_set(recording(seconds=0.5))).windows is None
    with pytest.raises(DataError, match="no window of 9 s fits"):
        inspect_data_set(data_set(recording()), 9.0)


def test_timing_by_hand():
    clocks = [
        Clock("a", np.array([0.0, 0.1, 0.2, 0.2, 0.4, 2.4, 2.5])),
        Clock("b", np.array([0.0, 0.05, 0.1])),
    ]
    timing = inspect_data_set(data_set(recording(), clocks=clocks)).timing
    assert np.allclose(timing.rates_hz, [4 / 0.5, 20])
    assert np.allclose(np.sort(timing.deviations_s), [0, 0, 0, 0, 0, 0.1])
    assert timing.gaps_s == (pytest.approx(2.0),)
    assert timing.repeated == 1
    assert inspect_data_set(data_set(recording())).timing is None


def test_time_that_runs_back_counts_for_nothing():
    timing = inspect_data_set(
        data_set(recording(), clocks=[Clock("a", np.array([1.0, 0.5, 0.4]))])
    ).timing
    assert np.isnan(timing.rates_hz).all() and not len(timing.deviations_s) and timing.gaps_s == ()


@pytest.mark.parametrize(
    ("recordings", "sentence"),
    [
        ((recording(), recording()), "looks like m/s^2 with gravity"),
        ((recording(gravity=0 * REST),), "looks like m/s^2 without gravity"),
        (
            (recording(), recording(), recording(gravity=0 * REST)),
            "looks like m/s^2 with gravity; 1 of 3 recordings look otherwise (1 as no gravity)",
        ),
    ],
)
def test_units(recordings, sentence):
    found = inspect_data_set(data_set(*recordings))
    assert describe_units(found) == sentence
    assert found.magnitudes[0] == pytest.approx(9.8 if "with g" in sentence else 0.45, abs=0.1)


def test_units_of_one_axis_cannot_be_told():
    samples = recording().samples[:, 2:3]
    one = DataSet(
        "mine",
        "",
        "",
        RATE_HZ,
        ("acc_z",),
        ("walk",),
        (LabelledRecording("a", "ada", samples, np.zeros(len(samples), np.int16)),),
    )
    found = inspect_data_set(one)
    assert describe_units(found).startswith("fewer than three accelerometer axes")
    assert not len(found.magnitudes)


def test_dead_and_saturated_channels():
    clipped = recording()
    clipped.samples[:, 0] = np.clip(clipped.samples[:, 0], -0.25, 0.25)
    clipped.samples[:, 4] = 0
    found = inspect_data_set(data_set(clipped))
    assert {
        channel.channel: channel.constant_in for channel in found.channels if channel.constant_in
    } == {"gyro_y": ("a",)}
    x = clipped.samples[:, 0]
    by_hand = sum(
        any(
            abs(x[i]) == 0.25 and (x[j : j + 3] == x[i]).all() and len(x[j : j + 3]) == 3
            for j in range(max(0, i - 2), i + 1)
        )
        for i in range(len(x))
    )
    assert {
        channel.channel: channel.saturated for channel in found.channels if channel.saturated
    } == {"acc_x": by_hand}
    assert by_hand > 0
    sentences = warnings(found)
    assert sentences[0] == (
        f"acc_x stays at -0.25 or 0.25 for three samples in a row or more, {by_hand} in all: does "
        "the sensor's range end there?"
    )
    assert sentences[1] == "gyro_y does not change in a: is that axis dead?"


def test_a_gyroscope_too_fast_to_be_true():
    spiked = recording()
    spiked.samples[7, 5] = -400
    assert warnings(inspect_data_set(data_set(spiked))) == [
        "gyro_z reaches 400, more than a gyroscope in rad/s can: degrees per second, or a corrupt sample?"
    ]
