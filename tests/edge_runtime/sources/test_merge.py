import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.sources.merge import HOLD_S, SensorMerger
from edge_runtime.sources.notes import Notes


def acc(times):
    return np.stack([times, 2 * times, -times], axis=1)


def gyro(times):
    return np.stack([10 * times, 20 * times, times + 5], axis=1)


def pull_all(merger, deliveries):
    chunks = []
    for sensor, times, values in deliveries:
        merger.add(sensor, times, values)
        chunks.append(merger.pull())
    return np.concatenate([c.timestamps_s for c in chunks]), np.concatenate(
        [c.samples for c in chunks]
    )


@given(st.data())
def test_the_result_does_not_depend_on_the_order_of_arrival(data):
    """Interpolation of straight lines is exact, however the samples are delivered."""
    notes = Notes("x")
    deliveries = []
    for sensor, line, times in (
        ("acc", acc, np.arange(80) / 50),
        ("gyro", gyro, np.arange(-2, 105) / 62),
    ):
        cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(times)), max_size=6))), len(times)]
        deliveries.append(
            [(sensor, times[a:b], line(times[a:b])) for a, b in itertools.pairwise(cuts)]
        )
    order = data.draw(st.permutations([0] * len(deliveries[0]) + [1] * len(deliveries[1])))
    queues = [iter(queue) for queue in deliveries]
    times, samples = pull_all(SensorMerger(CHANNELS, notes), [next(queues[i]) for i in order])
    np.testing.assert_array_equal(times, np.arange(80) / 50)
    np.testing.assert_allclose(samples, np.hstack([acc(times), gyro(times)]), atol=1e-4)
    assert not notes.counts


def test_columns_are_in_the_requested_order_and_other_sensors_are_ignored(notes):
    merger = SensorMerger(("gyro_y", "acc_z"), notes)
    times = np.array([1.0, 2.0])
    merger.add("acc", times, acc(times))
    merger.add("gyro", times, gyro(times))
    assert merger.pull().samples.tolist() == [[20, -1], [40, -2]]
    merger = SensorMerger(("acc_y",), notes)
    merger.add("gyro", times, gyro(times))
    merger.add("acc", times, acc(times))
    assert merger.sensors == ("acc",)
    assert merger.pull().samples.tolist() == [[2], [4]]
    assert merger.pull().samples.shape == (0, 1)


def test_samples_out_of_order_are_sorted_and_duplicates_removed(notes):
    merger = SensorMerger(CHANNELS, notes)
    for times in ([0.2, 0.3], [0.0, 0.1], [0.2]):
        merger.add("acc", np.array(times), acc(np.array(times)))
    merger.add("gyro", np.array([0.0, 0.4]), gyro(np.array([0.0, 0.4])))
    chunk = merger.pull()
    assert chunk.timestamps_s.tolist() == [0.0, 0.1, 0.2, 0.3]
    np.testing.assert_allclose(chunk.samples[:, 3], [0, 1, 2, 3], atol=1e-6)


def test_late_and_nan_samples_are_dropped_counted_and_reported(notes):
    merger = SensorMerger(CHANNELS[:3], notes)
    merger.add("acc", np.array([1.0, 2.0]), np.array([[1, 1, 1], [np.nan, 1, 1]]))
    merger.pull()
    merger.add("acc", np.array([0.5, np.inf, 3.0]), np.ones((3, 3)))
    assert merger.pull().timestamps_s.tolist() == [3.0]
    assert notes.counts == {"sample with NaN": 2, "late sample": 1}
    assert "came 0.5 s too late" in notes.said[-1]


def test_a_clock_set_back_by_an_hour_starts_over(notes):
    merger = SensorMerger(CHANNELS, notes)
    for start_s in (7200.0, 3600.0):
        times = start_s + np.arange(10) / 50
        merger.add("acc", times, acc(times))
        merger.add("gyro", times, gyro(times))
        assert merger.pull().timestamps_s.tolist() == times.tolist()
    assert "clock went back by 3.6e+03 s" in notes.said[0]


def test_a_silent_gyroscope_costs_counted_samples_and_memory_stays_bounded(notes):
    merger = SensorMerger(CHANNELS, notes)
    pulled = 0
    for i in range(5000):
        times = np.array([i / 50])
        merger.add("acc", times, acc(times))
        if i < 100 or i >= 4000:
            merger.add("gyro", times, gyro(times))
        pulled += len(merger.pull().samples)
        assert all(len(lane.times_s) <= HOLD_S * 50 + 2 for lane in merger._lanes.values())
    assert pulled == 100 + 1000
    assert notes.counts == {"accelerometer sample without gyroscope": 5000 - pulled}


def test_a_silent_accelerometer_yields_nothing_and_memory_stays_bounded(notes):
    merger = SensorMerger(CHANNELS, notes)
    for i in range(2000):
        times = np.array([i / 50])
        merger.add("gyro", times, gyro(times))
        assert not len(merger.pull().samples)
    assert len(merger._lanes["gyro"].times_s) <= HOLD_S * 50 + 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acc", "gyro"]),
            st.lists(st.floats(-100, 100) | st.just(float("nan")), max_size=6),
        ),
        max_size=30,
    )
)
def test_times_always_increase_between_restarts(deliveries):
    notes = Notes("x")
    said = []
    notes.say = said.append
    merger = SensorMerger(CHANNELS, notes)
    last = -np.inf
    for sensor, times in deliveries:
        restarts = sum("starting over" in text for text in said)
        merger.add(sensor, np.array(times), np.ones((len(times), 3)))
        chunk = merger.pull()
        assert np.isfinite(chunk.samples).all()
        if sum("starting over" in text for text in said) > restarts:
            last = -np.inf
        if len(chunk.timestamps_s):
            assert (np.diff(chunk.timestamps_s, prepend=last) > 0).all()
            last = chunk.timestamps_s[-1]


@pytest.mark.parametrize("channels", [CHANNELS, CHANNELS[:3], ("gyro_x",)])
def test_without_input_there_is_no_output(channels, notes):
    assert SensorMerger(channels, notes).pull().samples.shape == (0, len(channels))
