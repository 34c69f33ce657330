import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.sources.arrival import ArrivalClock


def feed(clock, arrivals_s, batches):
    """Return all times and samples that come out. The samples are numbered from 0."""
    times = []
    samples = []
    n = 0
    for arrival_s, batch in zip(arrivals_s, batches, strict=True):
        chunk = clock.stamp(np.arange(n, n + batch, dtype=np.float32)[:, None], arrival_s)
        n += batch
        times.append(chunk.timestamps_s)
        samples.append(chunk.samples[:, 0])
    return np.concatenate(times), np.concatenate(samples)


@pytest.mark.parametrize("batch", [1, 5, 12])
def test_steady_batches_with_jitter_get_steady_times(notes, batch):
    n = 4000 // batch
    generator = np.random.default_rng(batch)
    arrivals = 100 + np.arange(1, n + 1) * batch / 104 + generator.uniform(0, 0.015, n)
    times, samples = feed(ArrivalClock(1, notes), arrivals, [batch] * n)
    np.testing.assert_array_equal(samples, np.arange(batch, n * batch))  # all but the first batch
    steps = np.diff(times)[len(times) // 4 :]
    assert steps.min() > 0.85 / 104 and steps.max() < 1.15 / 104
    assert 1 / steps.mean() == pytest.approx(104, rel=0.002)
    late = arrivals[-1] - times[-1]
    assert abs(late) < 0.015
    assert len(notes.said) == 1 and "samples come without times, at 10" in notes.said[0]


def test_the_first_second_is_held_back_and_then_returned(notes):
    clock = ArrivalClock(1, notes)
    for i in range(51):
        assert not len(clock.stamp(np.zeros((1, 1), np.float32), 0.02 * i).samples) or i == 50
    assert clock.rate_hz == pytest.approx(50)
    times, _ = feed(ArrivalClock(1, notes), 0.02 * np.arange(60), [1] * 60)
    assert times[0] == pytest.approx(0.02) and times[-1] == pytest.approx(0.02 * 59)


def test_a_known_rate_is_not_measured(notes):
    chunk = ArrivalClock(1, notes, 50.0).stamp(np.zeros((3, 1), np.float32), 7.0)
    np.testing.assert_allclose(chunk.timestamps_s, [6.96, 6.98, 7.0])
    assert notes.said == []


def test_a_pause_is_kept(notes):
    arrivals = np.concatenate([np.arange(200), np.arange(200) + 350]) / 50
    times, _ = feed(ArrivalClock(1, notes, 50.0), arrivals, [1] * 400)
    assert np.diff(times).max() == pytest.approx(151 / 50, abs=0.02)
    assert np.diff(times).argmax() == 199


def test_a_burst_after_a_stall_is_not_a_pause(notes):
    arrivals = [*(np.arange(1, 201) / 50), 6.0, *(6 + np.arange(1, 101) / 50)]
    times, _ = feed(ArrivalClock(1, notes, 50.0), arrivals, [1] * 200 + [100] + [1] * 100)
    assert np.diff(times).max() < 0.022


def test_a_changed_rate_is_followed_and_reported(notes):
    arrivals = np.concatenate([np.arange(1000) / 50, 20 + np.arange(3000) / 60])
    clock = ArrivalClock(1, notes)
    times, _ = feed(clock, arrivals, [1] * 4000)
    assert clock.rate_hz == pytest.approx(60, rel=0.02)
    assert times[-1] == pytest.approx(arrivals[-1], abs=0.02)
    assert [said for said in notes.said if "before at 5" in said and "now come at" in said]


@given(
    arrivals=st.lists(st.floats(0, 3), min_size=1, max_size=60).map(np.cumsum),
    data=st.data(),
    rate_hz=st.sampled_from([None, 10.0, 400.0]),
)
def test_times_always_increase(arrivals, data, rate_hz):
    from edge_runtime.sources.notes import Notes

    notes = Notes("x")
    notes.say = lambda _: None
    batches = data.draw(
        st.lists(st.integers(0, 50), min_size=len(arrivals), max_size=len(arrivals))
    )
    times, samples = feed(ArrivalClock(1, notes, rate_hz), arrivals, batches)
    assert (np.diff(times) > 0).all()
    assert np.isfinite(times).all()
    if rate_hz is not None:
        assert len(samples) == sum(batches)
