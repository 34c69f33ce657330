import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.resampler import ON_GRID, LinearResampler

RATES_HZ = st.sampled_from([10.0, 30.0, 50.0, 99.7, 400.0])
STEPS = st.lists(st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.1, 2.5, 7.0]) | st.floats(0, 5), max_size=40)
CUTS = st.lists(st.integers(0, 45), max_size=8).map(sorted)


def irregular(steps, rate_hz, start_s=0.0):
    """Timestamps whose distances are ``steps`` sample periods, and two columns of noise."""
    times = start_s + np.concatenate([[0.0], np.cumsum(steps)]) / rate_hz
    return times, np.random.default_rng(len(times)).normal(size=(len(times), 2)).astype(np.float32)


def resample(times, values, rate_hz, cuts=()):
    """Times, samples and received of the whole grid, after pushing the stream cut into chunks."""
    resampler = LinearResampler(rate_hz, values.shape[1])
    pieces = [resampler.push(t, v) for t, v in zip(np.split(times, cuts), np.split(values, cuts), strict=True)]
    return tuple(np.concatenate([getattr(p, name) for p in pieces]) for name in ("times_s", "samples", "received"))


@given(steps=STEPS, rate_hz=RATES_HZ, cuts=CUTS, start_s=st.sampled_from([0.0, -3.3, 1.7e9 + 0.123]))
def test_any_chunking_gives_bit_identical_samples(steps, rate_hz, cuts, start_s):
    times, values = irregular(steps, rate_hz, start_s)
    whole = resample(times, values, rate_hz)
    one_by_one = resample(times, values, rate_hz, range(1, len(times)))
    chunks = resample(times, values, rate_hz, [min(cut, len(times)) for cut in cuts])
    for a, b, c in zip(whole, one_by_one, chunks, strict=True):
        assert a.dtype == b.dtype == c.dtype
        assert a.tobytes() == b.tobytes() == c.tobytes()


@given(n=st.integers(1, 200), rate_hz=RATES_HZ, start_s=st.floats(-1e9, 1e9), seed=st.integers(0, 9))
def test_samples_already_on_the_grid_pass_unchanged(n, rate_hz, start_s, seed):
    times = start_s + np.arange(n) / rate_hz
    values = np.random.default_rng(seed).normal(0, 100, (n, 3)).astype(np.float32)
    grid, samples, received = resample(times, values, rate_hz)
    assert grid.tolist() == times.tolist()
    assert samples.tobytes() == values.tobytes()
    assert received.tolist() == list(range(1, n + 1))


@given(steps=st.lists(st.floats(0.05, 3), min_size=1, max_size=60), slope=st.floats(-50, 50))
def test_a_straight_line_stays_straight_under_jitter(steps, slope):
    times, _ = irregular(steps, 50.0)
    grid, samples, _ = resample(times, (1 + slope * times[:, None]).astype(np.float32), 50.0)
    np.testing.assert_allclose(samples[:, 0], 1 + slope * grid, rtol=1e-5, atol=1e-5 + ON_GRID / 50 * abs(slope))


@given(steps=STEPS, rate_hz=RATES_HZ)
def test_agrees_with_numpy_interpolation(steps, rate_hz):
    times, values = irregular(steps, rate_hz)
    grid, samples, _ = resample(times, values, rate_hz)
    kept = np.concatenate([[True], np.diff(times) > 0])
    for column in range(2):
        expected = np.interp(grid, times[kept], values[kept, column])
        # a sample just before a grid time counts as on it
        atol = 1e-5 + ON_GRID * np.ptp(values[:, column])
        np.testing.assert_allclose(samples[:, column], expected, rtol=1e-5, atol=atol)


@given(steps=STEPS, rate_hz=RATES_HZ)
def test_the_grid_is_regular_and_reaches_the_newest_sample(steps, rate_hz):
    times, values = irregular(steps, rate_hz)
    grid, _, _ = resample(times, values, rate_hz)
    assert grid.tolist() == [times[0] + i / rate_hz for i in range(len(grid))]
    assert times[-1] - 1.001 / rate_hz < grid[-1] <= times[-1] + ON_GRID / rate_hz


@given(steps=st.lists(st.floats(0.1, 3), min_size=1, max_size=30), repeated=st.sets(st.integers(0, 30)), cuts=CUTS)
def test_repeated_timestamps_are_dropped_with_their_values(steps, repeated, cuts):
    times, values = irregular(steps, 50.0)
    at = sorted(i for i in repeated if i < len(times))
    with_repeats = np.insert(times, [i + 1 for i in at], times[at])
    wrong = np.insert(values, [i + 1 for i in at], 999, axis=0)
    expected = resample(times, values, 50.0)
    found = resample(with_repeats, wrong, 50.0, [min(cut, len(with_repeats)) for cut in cuts])
    for a, b in zip(expected, found, strict=True):
        assert a.tobytes() == b.tobytes()


@settings(max_examples=50)
@given(rate_hz=st.floats(5, 500), n=st.integers(40, 100), grid_hz=RATES_HZ)
def test_received_counts_the_sensors_own_rate(rate_hz, n, grid_hz):
    times = np.arange(n) / rate_hz
    grid, _, received = resample(times, np.zeros((n, 1), np.float32), grid_hz)
    np.testing.assert_allclose(received, 1 + grid * rate_hz, rtol=1e-9, atol=ON_GRID * max(1, rate_hz / grid_hz))


def test_grid_samples_lie_between_their_neighbours():
    grid, samples, received = resample(np.array([0.0, 0.15, 0.25]), np.array([[0.0], [3.0], [5.0]], np.float32), 10.0)
    assert grid.tolist() == [0.0, 0.1, 0.2]
    np.testing.assert_allclose(samples[:, 0], [0, 2, 4], rtol=1e-6)
    np.testing.assert_allclose(received, [1, 1 + 2 / 3, 2.5])


def test_reset_starts_a_grid_at_the_next_sample_whatever_its_time():
    resampler = LinearResampler(10.0, 1)
    resampler.push(np.array([5.0, 5.33]), np.ones((2, 1), np.float32))
    assert resampler.last_time_s == 5.33
    resampler.reset()
    assert resampler.last_time_s is None
    piece = resampler.push(np.array([1.07]), np.full((1, 1), 7, np.float32))
    assert (piece.times_s.tolist(), piece.samples.tolist(), piece.received.tolist()) == ([1.07], [[7]], [1])


@pytest.mark.parametrize("before", [0, 1, 5])
def test_an_empty_chunk_changes_nothing(before):
    resampler = LinearResampler(10.0, 2)
    resampler.push(np.arange(before) / 10, np.zeros((before, 2), np.float32))
    last = resampler.last_time_s
    piece = resampler.push(np.empty(0), np.empty((0, 2), np.float32))
    assert (piece.times_s.shape, piece.samples.shape, piece.received.shape) == ((0,), (0, 2), (0,))
    assert resampler.last_time_s == last


@pytest.mark.parametrize("times", [np.arange(500) * 0.02, 1.7e9 + np.arange(500) * 0.02, np.arange(500) / 50])
def test_timestamps_off_the_grid_by_rounding_alone_count_as_on_it(times):
    values = np.arange(500, dtype=np.float32)[:, None]
    resampler = LinearResampler(50.0, 1)
    pieces = [resampler.push(times[i:i + 1], values[i:i + 1]) for i in range(500)]
    assert [len(piece.samples) for piece in pieces] == [1] * 500  # none comes a sample late
    np.testing.assert_allclose(np.concatenate([piece.samples for piece in pieces]), values, atol=1e-3)
