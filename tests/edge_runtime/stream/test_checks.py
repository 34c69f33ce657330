import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS, StreamSpec
from edge_runtime.errors import StreamError
from edge_runtime.stream.checks import (
    STANDARD_GRAVITY,
    acceleration_kind,
    check_alive,
    check_rate,
    check_units,
    first_bad_sample,
    is_usable,
)

SPEC = StreamSpec(("gyro_x", "gyro_y", "gyro_z", "acc_x", "acc_y", "acc_z"), 50.0, "included")


def acceleration(motion_m_s2, gravity=STANDARD_GRAVITY, n=200, seed=0):
    """Three axes of a sensor that points anywhere and swings, m/s^2."""
    generator = np.random.default_rng(seed)
    up = generator.normal(size=3)
    return (gravity * up / np.linalg.norm(up) + generator.normal(0, motion_m_s2, (n, 3))).astype(
        np.float32
    )


def window(acc):
    return np.concatenate([np.zeros_like(acc), acc], axis=1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("motion_m_s2", [0.02, 1, 5])
@pytest.mark.parametrize(
    "factor, kind",
    [
        (1, "si"),
        (1 / STANDARD_GRAVITY, "g"),
        (1000 / STANDARD_GRAVITY, "milli-g"),
        (16384 / STANDARD_GRAVITY, "counts"),
        (4096 / 0.7 / STANDARD_GRAVITY, "counts"),
    ],
)
def test_units_are_told_apart_at_rest_and_in_motion(seed, motion_m_s2, factor, kind):
    assert acceleration_kind(acceleration(motion_m_s2, seed=seed) * np.float32(factor)) == kind


@pytest.mark.parametrize("motion_m_s2", [0.02, 0.5, 1, 2, 3])
def test_removed_gravity_is_noticed_whatever_the_motion(motion_m_s2):
    assert acceleration_kind(acceleration(motion_m_s2, gravity=0)) == "no gravity"


def test_a_sensor_that_gives_zeros_is_dead():
    assert acceleration_kind(np.zeros((50, 3), np.float32)) == "dead"
    assert acceleration_kind(np.full((50, 3), 1e-4, np.float32)) == "dead"


def test_a_moment_of_free_fall_or_impact_is_still_si():
    acc = acceleration(0.5)
    acc[:60], acc[60:70] = 0, 150
    assert acceleration_kind(acc) == "si"


@pytest.mark.parametrize(
    "acc, words",
    [
        (
            acceleration(0) / np.float32(STANDARD_GRAVITY),
            ["is 1,", "9.81 m/s^2", "look like g", "multiply them by 9.80665"],
        ),
        (
            acceleration(0) * np.float32(1000 / STANDARD_GRAVITY),
            ["is 1e+03,", "9.81 m/s^2", "multiply them by 0.00980665"],
        ),
        (
            acceleration(0.1) * np.float32(1600),
            ["e+04", "9.81 m/s^2", "raw counts", "multiply them by the driver's scale"],
        ),
        (
            acceleration(0.1, gravity=0),
            ["is 0.1", "9.81 m/s^2", "gravity seems to be removed", "use the raw acc"],
        ),
        (
            np.zeros((50, 3), np.float32),
            ["is 0", "9.81 m/s^2", "nothing but zeros", "check that it is switched on"],
        ),
    ],
    ids=["g", "milli-g", "counts", "no gravity", "dead"],
)
def test_the_refusal_gives_value_expectation_and_remedy(acc, words, is_sentence):
    with pytest.raises(StreamError) as caught:
        check_units(window(acc), SPEC)
    assert [word for word in words if word not in str(caught.value)] == []
    assert is_sentence(str(caught.value))


def test_the_right_unit_passes():
    check_units(window(acceleration(1)), SPEC)


@pytest.mark.parametrize(
    "channels, gravity",
    [
        (SPEC.channels, "unknown"),
        (("acc_z",), "included"),
        (("gyro_x", "gyro_y", "gyro_z"), "included"),
    ],
)
def test_nothing_is_asked_of_gravity_where_the_model_cannot_expect_it(channels, gravity):
    check_units(np.zeros((50, len(channels)), np.float32), StreamSpec(channels, 50.0, gravity))


@pytest.mark.parametrize("motion_m_s2", [0.05, 1, 3])
def test_a_model_without_gravity_takes_linear_acceleration_and_refuses_gravity(motion_m_s2):
    spec = StreamSpec(SPEC.channels, 50.0, "removed")
    check_units(window(acceleration(motion_m_s2, gravity=0)), spec)
    with pytest.raises(StreamError, match=r"expected m/s\^2 without gravity; gravity is included"):
        check_units(window(acceleration(motion_m_s2)), spec)


def test_free_fall_passes_once_a_stream_is_accepted_and_a_dead_sensor_does_not():
    falling = window(acceleration(0.3, gravity=0))
    with pytest.raises(StreamError):
        check_units(falling, SPEC)
    check_alive(falling, SPEC)
    with pytest.raises(StreamError, match="nothing but zeros"):
        check_alive(np.zeros_like(falling), SPEC)
    check_alive(
        np.zeros((50, 3), np.float32), StreamSpec(("gyro_x", "gyro_y", "gyro_z"), 50.0, "unknown")
    )


def test_degrees_per_second_are_refused_and_the_fastest_turn_passes():
    still = window(acceleration(0.1))
    still[3, 1] = -69.0  # 4000 degrees per second, in rad/s
    check_units(still, SPEC)
    still[3, 1] = -250.0
    with pytest.raises(
        StreamError, match="the gyroscope gives 250, expected rad/s, at most 100; .* by 0.0174533"
    ):
        check_units(still, SPEC)


@pytest.mark.parametrize("rate_hz", [10.0, 30.0, 50.0, 400.0])
@pytest.mark.parametrize("factor", [0.91, 0.999, 1.0, 1.09])
def test_a_rate_within_the_tolerance_passes(rate_hz, factor):
    check_rate(rate_hz * factor, StreamSpec(SPEC.channels, rate_hz, "included"))


@pytest.mark.parametrize("factor", [0.0, 0.2, 0.5, 0.89, 1.11, 2.0])
def test_a_rate_beyond_the_tolerance_is_refused_with_both_rates_and_the_remedy(factor, is_sentence):
    with pytest.raises(StreamError) as caught:
        check_rate(50 * factor, SPEC)
    for words in (
        f"comes at {50 * factor:.4g} Hz",
        "expected 50 Hz within 10%",
        "set the sensor to 50 Hz",
    ):
        assert words in str(caught.value)
    assert is_sentence(str(caught.value))


def test_the_tolerance_is_the_contracts():
    loose = StreamSpec(SPEC.channels, 50.0, "included", rate_tolerance=0.3)
    check_rate(60, loose)
    with pytest.raises(StreamError, match="within 30%"):
        check_rate(70, loose)


def chunk(n=5):
    return np.arange(n) / 50, np.ones((n, 6), np.float32)


@pytest.mark.parametrize("last_time_s", [None, -0.02, 0.0])
def test_a_good_chunk_has_no_bad_sample(last_time_s):
    assert first_bad_sample(*chunk(), last_time_s, SPEC) is None
    assert first_bad_sample(*chunk(1), last_time_s, SPEC) is None


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("column", [0, 5])
@pytest.mark.parametrize(
    "value, shown",
    [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (3e38, "3e+38"), (-2e6, "-2e+06")],
)
def test_a_value_that_no_sensor_gives_is_found_and_named(place, column, value, shown, is_sentence):
    times, samples = chunk()
    samples[place:, column] = value
    position, sentence = first_bad_sample(times, samples, None, SPEC)
    assert position == place
    assert (
        f"{SPEC.channels[column]} is {shown} at {times[place]:.6f} s, expected a number below 1e+06"
        in sentence
    )
    assert "check the sensor" in sentence and is_sentence(sentence)


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("time_s", [math.nan, math.inf, -math.inf])
def test_a_timestamp_that_is_no_number_is_found_and_named(place, time_s, is_sentence):
    times, samples = chunk()
    times[place] = time_s
    position, sentence = first_bad_sample(times, samples, -1.0, SPEC)
    assert position == place
    assert (
        f"timestamp {time_s}" in sentence
        and "check the source's clock" in sentence
        and is_sentence(sentence)
    )


def test_time_that_runs_back_inside_a_chunk_is_found_and_named(is_sentence):
    times, samples = chunk()
    times[3] = 0.01
    position, sentence = first_bad_sample(times, samples, None, SPEC)
    assert position == 3
    assert "run back from 0.040000 s to 0.010000 s" in sentence and "sort the samples" in sentence
    assert is_sentence(sentence)


def test_time_that_runs_back_from_the_chunk_before_is_found():
    position, sentence = first_bad_sample(*chunk(), 0.001, SPEC)
    assert position == 0 and "run back from 0.001000 s to 0.000000 s" in sentence


def test_where_samples_are_put_in_order_time_may_run_back():
    times, samples = chunk()
    times[3] = 0.01
    assert first_bad_sample(times, samples, 0.3, SPEC, ordered=False) is None
    times[4] = math.nan
    assert first_bad_sample(times, samples, 0.3, SPEC, ordered=False)[0] == 4


def test_a_faster_stream_may_pass_where_it_is_filtered():
    check_rate(200.0, SPEC, faster=True)
    with pytest.raises(StreamError, match="comes at 40 Hz"):
        check_rate(40.0, SPEC, faster=True)


def test_the_first_of_several_bad_samples_is_named():
    times, samples = chunk()
    samples[2, 1], times[3], samples[4, 0] = math.nan, -5, math.inf
    assert first_bad_sample(times, samples, None, SPEC)[0] == 2


def test_equal_timestamps_are_no_step_back():
    times, samples = chunk()
    assert first_bad_sample(np.repeat(times, 2), np.repeat(samples, 2, axis=0), 0.0, SPEC) is None


@given(
    st.lists(
        st.sampled_from([0.0, -9.81, 9.9e5, -9.9e5, 1e6, -1e6, math.inf, -math.inf, math.nan])
        | st.floats(width=32),
        min_size=1,
        max_size=6,
    )
)
def test_one_sample_is_usable_where_a_stream_of_it_is(sample):
    spec = StreamSpec(CHANNELS[: len(sample)], 50.0, "included")
    bad = first_bad_sample(np.zeros(1), np.array([sample], np.float32), None, spec, ordered=False)
    assert is_usable(sample) == (bad is None)
