import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import StreamError
from edge_runtime.stream.resampler import (
    HALF_WIDTH_STEPS,
    ON_GRID,
    LinearResampler,
    PolyphaseResampler,
)

RATES_HZ = st.sampled_from([10.0, 30.0, 50.0, 99.7, 400.0])
STEPS = st.lists(
    st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.1, 2.5, 7.0]) | st.floats(0, 5), max_size=40
)
CUTS = st.lists(st.integers(0, 45), max_size=8).map(sorted)


def irregular(steps, rate_hz, start_s=0.0):
    """Timestamps whose distances are ``steps`` sample periods, and two columns of noise."""
    times = start_s + np.concatenate([[0.0], np.cumsum(steps)]) / rate_hz
    return times, np.random.default_rng(len(times)).normal(size=(len(times), 2)).astype(np.float32)


def resample(times, values, rate_hz, cuts=(), kind=LinearResampler):
    """Times, samples and received of the whole grid, after pushing the stream cut into chunks."""
    resampler = kind(rate_hz, values.shape[1])
    pieces = [
        resampler.resample(t, v)
        for t, v in zip(np.split(times, cuts), np.split(values, cuts), strict=True)
    ]
    return tuple(
        np.concatenate([getattr(p, name) for p in pieces])
        for name in ("times_s", "samples", "received")
    )


@given(
    steps=STEPS, rate_hz=RATES_HZ, cuts=CUTS, start_s=st.sampled_from([0.0, -3.3, 1.7e9 + 0.123])
)
def test_any_chunking_gives_bit_identical_samples(steps, rate_hz, cuts, start_s):
    times, values = irregular(steps, rate_hz, start_s)
    whole = resample(times, values, rate_hz)
    one_by_one = resample(times, values, rate_hz, range(1, len(times)))
    chunks = resample(times, values, rate_hz, [min(cut, len(times)) for cut in cuts])
    for a, b, c in zip(whole, one_by_one, chunks, strict=True):
        assert a.dtype == b.dtype == c.dtype
        assert a.tobytes() == b.tobytes() == c.tobytes()


@given(
    n=st.integers(1, 200), rate_hz=RATES_HZ, start_s=st.floats(-1e9, 1e9), seed=st.integers(0, 9)
)
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
    np.testing.assert_allclose(
        samples[:, 0], 1 + slope * grid, rtol=1e-5, atol=1e-5 + ON_GRID / 50 * abs(slope)
    )


@given(steps=STEPS, rate_hz=RATES_HZ)
def test_agrees_with_numpy_interpolation(steps, rate_hz):
    times, values = irregular(steps, rate_hz)
    grid, samples, _ = resample(times, values, rate_hz)
    kept = np.concatenate([[True], np.diff(times) > 0])
    for column in range(2):
        expected = np.interp(grid, times[kept], values[kept, column])
        apart = np.maximum(np.diff(times[kept]), ON_GRID / rate_hz)
        steepest = np.abs(np.diff(values[kept, column]) / apart).max(initial=0)
        # A sample just before a grid time counts as on it; two intervals may meet in that time.
        atol = 1e-5 + 2 * ON_GRID / rate_hz * steepest
        np.testing.assert_allclose(samples[:, column], expected, rtol=1e-5, atol=atol)


@given(steps=STEPS, rate_hz=RATES_HZ)
def test_the_grid_is_regular_and_reaches_the_newest_sample(steps, rate_hz):
    times, values = irregular(steps, rate_hz)
    grid, _, _ = resample(times, values, rate_hz)
    assert grid.tolist() == [times[0] + i / rate_hz for i in range(len(grid))]
    assert times[-1] - 1.001 / rate_hz < grid[-1] <= times[-1] + ON_GRID / rate_hz


@pytest.mark.parametrize("kind", [LinearResampler, PolyphaseResampler])
@given(
    steps=st.lists(st.floats(0.1, 3), min_size=1, max_size=60),
    repeated=st.sets(st.integers(0, 60)),
    cuts=CUTS,
)
def test_repeated_timestamps_are_dropped_with_their_values(kind, steps, repeated, cuts):
    times, values = irregular(steps, 50.0)
    at = sorted(i for i in repeated if i < len(times))
    with_repeats = np.insert(times, [i + 1 for i in at], times[at])
    wrong = np.insert(values, [i + 1 for i in at], 999, axis=0)
    expected = resample(times, values, 50.0, kind=kind)
    found = resample(with_repeats, wrong, 50.0, [min(cut, len(with_repeats)) for cut in cuts], kind)
    for a, b in zip(expected, found, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("kind", [LinearResampler, PolyphaseResampler])
@given(
    steps=st.lists(st.floats(0.05, 3), min_size=1, max_size=120),
    start_s=st.sampled_from([0.0, -3.3, 1.7e9 + 0.1]),
)
def test_no_grid_sample_comes_before_it_can_be_complete(kind, steps, start_s):
    times, values = irregular(steps, 50.0, start_s)
    resampler, n = kind(50.0, 2), 0
    for i in range(len(times)):
        for _ in resampler.resample(times[i : i + 1], values[i : i + 1]).times_s:
            assert times[i] >= resampler.complete_s(n)
            n += 1
        if kind is LinearResampler:  # whose word is exact
            assert times[i] < resampler.complete_s(n)


@settings(max_examples=50)
@given(rate_hz=st.floats(5, 500), n=st.integers(40, 100), grid_hz=RATES_HZ)
def test_received_counts_the_sensors_own_rate(rate_hz, n, grid_hz):
    times = np.arange(n) / rate_hz
    grid, _, received = resample(times, np.zeros((n, 1), np.float32), grid_hz)
    np.testing.assert_allclose(
        received, 1 + grid * rate_hz, rtol=1e-9, atol=ON_GRID * max(1, rate_hz / grid_hz)
    )


def test_grid_samples_lie_between_their_neighbours():
    grid, samples, received = resample(
        np.array([0.0, 0.15, 0.25]), np.array([[0.0], [3.0], [5.0]], np.float32), 10.0
    )
    assert grid.tolist() == [0.0, 0.1, 0.2]
    np.testing.assert_allclose(samples[:, 0], [0, 2, 4], rtol=1e-6)
    np.testing.assert_allclose(received, [1, 1 + 2 / 3, 2.5])


def test_reset_starts_a_grid_at_the_next_sample_whatever_its_time():
    resampler = LinearResampler(10.0, 1)
    resampler.resample(np.array([5.0, 5.33]), np.ones((2, 1), np.float32))
    resampler.reset()
    piece = resampler.resample(np.array([1.07]), np.full((1, 1), 7, np.float32))
    assert (piece.times_s.tolist(), piece.samples.tolist(), piece.received.tolist()) == (
        [1.07],
        [[7]],
        [1],
    )


@pytest.mark.parametrize("before", [0, 1, 5])
def test_an_empty_chunk_changes_nothing(before):
    resampler = LinearResampler(10.0, 2)
    resampler.resample(np.arange(before) / 10, np.zeros((before, 2), np.float32))
    piece = resampler.resample(np.empty(0), np.empty((0, 2), np.float32))
    assert (piece.times_s.shape, piece.samples.shape, piece.received.shape) == ((0,), (0, 2), (0,))
    after = resampler.resample(np.array([before / 10]), np.ones((1, 2), np.float32))
    assert (after.times_s.tolist(), after.received.tolist()) == ([before / 10], [before + 1])


@pytest.mark.parametrize(
    "times", [np.arange(500) * 0.02, 1.7e9 + np.arange(500) * 0.02, np.arange(500) / 50]
)
def test_timestamps_off_the_grid_by_rounding_alone_count_as_on_it(times):
    values = np.arange(500, dtype=np.float32)[:, None]
    resampler = LinearResampler(50.0, 1)
    pieces = [resampler.resample(times[i : i + 1], values[i : i + 1]) for i in range(500)]
    assert [len(piece.samples) for piece in pieces] == [1] * 500  # none comes a sample late
    np.testing.assert_allclose(
        np.concatenate([piece.samples for piece in pieces]), values, atol=1e-3
    )


# ---- polyphase


def filtered(times, values, rate_hz, cuts=()):
    """As ``resample``, with the low-pass; and how many samples were interpolated."""
    resampler = PolyphaseResampler(rate_hz, values.shape[1])
    pieces = [
        resampler.resample(t, v)
        for t, v in zip(np.split(times, cuts), np.split(values, cuts), strict=True)
    ]
    joined = [
        np.concatenate([getattr(p, name) for p in pieces])
        for name in ("times_s", "samples", "received")
    ]
    return *joined, sum(p.interpolated for p in pieces)


def band_limited(times, highest_hz, seed=0):
    """Twelve sines up to ``highest_hz`` and gravity, one column."""
    generator = np.random.default_rng(seed)
    frequencies, phases = generator.uniform(0.1, highest_hz, 12), generator.uniform(0, 7, 12)
    return (
        9.81 + np.sin(2 * np.pi * np.outer(times, frequencies) + phases).sum(1)[:, None]
    ).astype(np.float32)


@given(
    steps=st.lists(
        st.sampled_from([0.1, 0.25, 0.5, 0.52]) | st.floats(0.01, 1.5), min_size=1, max_size=200
    ),
    cuts=st.lists(st.integers(0, 200), max_size=8).map(sorted),
    start_s=st.sampled_from([0.0, -3.3, 1.7e9 + 0.123]),
)
def test_any_chunking_gives_bit_identical_filtered_samples(steps, cuts, start_s):
    times, values = irregular(steps, 50.0, start_s)
    whole = filtered(times, values, 50.0)
    one_by_one = filtered(times, values, 50.0, range(1, len(times)))
    chunks = filtered(times, values, 50.0, [min(cut, len(times)) for cut in cuts])
    for a, b, c in zip(whole[:3], one_by_one[:3], chunks[:3], strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()
    assert whole[3] == one_by_one[3] == chunks[3]


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_a_regular_sensor_gets_scipys_polyphase_filter(factor):
    signal = pytest.importorskip("scipy.signal")
    times = np.arange(2000) / (50 * factor)
    values = band_limited(times, 20.0)
    grid, samples, _, interpolated = filtered(times, values, 50.0)
    expected = signal.resample_poly(values[:, 0].astype(float), 1, factor)[HALF_WIDTH_STEPS:][
        : len(samples)
    ]
    # the same filter; scipy's is scaled over all its taps, which differs by the rounding of samples
    # on its edges
    np.testing.assert_allclose(samples[:, 0], expected, atol=2e-3 * np.abs(expected).max())
    assert grid.tolist() == [PolyphaseResampler(50.0, 1).delay_s + i / 50 for i in range(len(grid))]
    assert interpolated == 0


@pytest.mark.parametrize("rate_hz", [104.0, 119.0, 208.0, 333.3])
def test_any_ratio_of_rates_keeps_what_lies_in_the_band(rate_hz):
    times = np.arange(int(10 * rate_hz)) / rate_hz
    grid, samples, received, _ = filtered(times, band_limited(times, 18.0), 50.0)
    np.testing.assert_allclose(
        samples, band_limited(grid, 18.0), atol=0.05
    )  # of 12 sines of amplitude 1
    np.testing.assert_allclose(np.diff(received), rate_hz / 50, rtol=1e-6)


@pytest.mark.parametrize("tone_hz", [35.0, 45.0, 55.0, 90.0])
def test_what_would_be_folded_back_is_gone_where_linear_interpolation_keeps_it(tone_hz):
    times = np.arange(2000) / 200
    tone = np.sin(2 * np.pi * tone_hz * times)[:, None].astype(np.float32)
    assert np.abs(resample(times, tone, 50.0)[1]).max() > 0.5
    assert np.abs(filtered(times, tone, 50.0)[1]).max() < 0.01


def test_jitter_and_a_hole_do_no_harm():
    generator = np.random.default_rng(1)
    times = np.arange(2000) / 200 + generator.uniform(-0.3, 0.3, 2000) / 200
    times = np.delete(times, range(900, 950))  # a quarter of a second
    grid, samples, _, interpolated = filtered(times, band_limited(times, 5.0), 50.0)
    away = (grid < 4.2) | (grid > 5.1)
    np.testing.assert_allclose(samples[away], band_limited(grid, 5.0)[away], atol=0.1)
    assert np.isfinite(samples).all() and np.abs(samples - 9.81).max() < 12
    assert 10 <= interpolated <= 13


def test_a_grid_sample_comes_after_the_delay_that_is_stated():
    resampler, came_s = PolyphaseResampler(50.0, 1), {}
    for i in range(400):
        piece = resampler.resample(np.array([i / 200]), np.zeros((1, 1), np.float32))
        came_s.update(dict.fromkeys(piece.times_s.tolist(), i / 200))
    delays = [came - time_s for time_s, came in came_s.items()]
    assert len(delays) > 70
    assert resampler.delay_s == 0.2 and 0.2 <= min(delays) and max(delays) <= 0.2 + 2 / 200 + 1e-9


def test_a_flood_is_refused_before_memory_is_full(is_sentence):
    resampler = PolyphaseResampler(50.0, 1)
    with pytest.raises(StreamError, match="expected at most 3200 Hz") as caught:
        resampler.resample(np.arange(5000) * 1e-6, np.zeros((5000, 1), np.float32))
    assert is_sentence(str(caught.value))


def test_filtered_reset_starts_a_grid_anew():
    times, resampler = np.arange(300) / 200, PolyphaseResampler(50.0, 1)
    first = resampler.resample(times, band_limited(times, 10.0))
    resampler.reset()
    again = resampler.resample(times, band_limited(times, 10.0))
    assert again.samples.tobytes() == first.samples.tobytes() and len(first.samples)


@given(steps=st.lists(st.floats(0.05, 4), min_size=1, max_size=60), cuts=CUTS)
def test_interpolated_counts_what_shares_its_interval(steps, cuts):
    times, values = irregular(steps, 50.0)
    resampler, found = LinearResampler(50.0, 2), 0
    for t, v in zip(np.split(times, cuts), np.split(values, cuts), strict=True):
        found += resampler.resample(t, v).interpolated
    grid = resample(times, values, 50.0)[0]
    right = np.searchsorted(times, grid - ON_GRID / 50)
    assert found == len(grid) - len(set(right.tolist()))
