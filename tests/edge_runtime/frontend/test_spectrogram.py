import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract.spec import SpectrogramSpec
from edge_runtime.frontend.spectrogram import (
    Resize,
    Spectrogram,
    frequency_weights,
    periodic_hann,
    scaled_hann,
    time_weights,
)

MIN_DB, MAX_DB = -60.0, 40.0  # of the front end in conftest.py
RATE_HZ = 50.0


@pytest.fixture(scope="session")
def make_spectrogram(make_contract):
    def make(fft_samples, step_samples=4, channels=1, **changes):
        front = make_contract(channels, window_samples=128, hop_samples=128, **changes).front_end
        return Spectrogram(SpectrogramSpec(fft_samples, step_samples), front, RATE_HZ)

    return make


def shade(power):
    """Convert power to -1..1 with the limits of the contract."""
    with np.errstate(divide="ignore"):
        return np.clip(2 * (10 * np.log10(power) - MIN_DB) / (MAX_DB - MIN_DB) - 1, -1, 1)


def sine(fft_samples, k, amplitude, phase=0.3, n=None):
    """Make a sine on bin ``k``: (n, 1)."""
    angle = 2 * np.pi * k * np.arange(n or fft_samples) / fft_samples + phase
    return (amplitude * np.sin(angle)).astype(np.float32)[:, None]


# ---- levels


@pytest.mark.parametrize("n", [8, 15, 128])
def test_the_scaled_hann_window_keeps_the_amplitude_of_a_sine(n):
    np.testing.assert_allclose(scaled_hann(n), periodic_hann(n) * 4 / n)
    spectrum = np.fft.rfft(scaled_hann(n) * 3 * np.sin(4 * np.pi * np.arange(n) / n + 0.3))
    np.testing.assert_allclose(np.abs(spectrum[2]), 3)


@pytest.mark.parametrize("fft_samples", [8, 16, 64, 128])
@pytest.mark.parametrize("amplitude", [0.03, 1.0, 20.0])
def test_a_sine_on_a_bin_shows_its_squared_amplitude(make_spectrogram, fft_samples, amplitude):
    k = fft_samples // 4
    power = np.zeros(fft_samples // 2 + 1)
    power[k] = amplitude**2
    # a Hann window spreads half the amplitude to each neighbour
    power[[k - 1, k + 1]] = amplitude**2 / 4
    spectrogram = make_spectrogram(fft_samples, height=24)
    weights = frequency_weights(fft_samples, 24, RATE_HZ, 1.0)
    columns = spectrogram.columns(sine(fft_samples, k, amplitude))
    assert columns.shape == (1, 24, 1)
    np.testing.assert_allclose(columns[0, ::-1, 0], weights @ shade(power), atol=2e-3)


@pytest.mark.parametrize("fft_samples", [8, 32])
@pytest.mark.parametrize(
    "level_db, value",
    [
        (MIN_DB, -1),
        (MAX_DB, 1),
        ((MIN_DB + MAX_DB) / 2, 0),
        (MIN_DB + 25, -0.5),
        (MIN_DB - 30, -1),
        (MAX_DB + 30, 1),
    ],
)
def test_the_limits_in_db_become_minus_one_and_one(make_spectrogram, fft_samples, level_db, value):
    # An impulse h in the middle of a frame, where the Hann window is 1, has the amplitude 4 h / n
    # in every bin.
    impulse = np.zeros((fft_samples, 1), np.float32)
    impulse[fft_samples // 2] = 10 ** (level_db / 20) * fft_samples / 4
    np.testing.assert_allclose(make_spectrogram(fft_samples).columns(impulse), value, atol=1e-4)


@pytest.mark.parametrize("place", range(16))
def test_a_frame_is_multiplied_by_a_periodic_hann_window(make_spectrogram, place):
    impulse = np.zeros((16, 1), np.float32)
    impulse[place] = 4.0  # a quarter of the frame: power 1 where the window is 1
    hann = np.sin(np.pi * place / 16) ** 2
    np.testing.assert_allclose(make_spectrogram(16).columns(impulse), shade(hann**2), atol=1e-4)


def test_each_channel_has_its_own_limits(make_spectrogram):
    limits = {"min_db": (-60.0, -40.0, -20.0), "max_db": (40.0, 0.0, 20.0)}
    impulse = np.zeros((16, 3), np.float32)
    impulse[8] = 4  # 0 dB
    column = make_spectrogram(16, channels=3, **limits).columns(impulse)
    np.testing.assert_allclose(column[0], np.broadcast_to([0.2, 1, 0], column[0].shape), atol=1e-4)


def test_silence_is_the_darkest_shade(make_spectrogram):
    np.testing.assert_array_equal(make_spectrogram(16).columns(np.zeros((40, 1), np.float32)), -1)


# ---- rows and columns


def test_higher_frequencies_are_in_higher_rows(make_spectrogram):
    spectrogram = make_spectrogram(64, height=40)
    brightest = [int(spectrogram.columns(sine(64, k, 1.0))[0, :, 0].argmax()) for k in range(1, 32)]
    assert brightest == sorted(brightest, reverse=True)
    assert len(set(brightest)) > 8
    constant = spectrogram.columns(np.ones((64, 1), np.float32))[0, :, 0]
    alternating = spectrogram.columns(np.resize([1, -1], (64, 1)).astype(np.float32))[0, :, 0]
    assert constant.argmax() == 39 and alternating.argmax() == 0


@pytest.mark.parametrize(
    "fft_samples, step, n, frames",
    [
        (8, 4, 8, 1),
        (8, 4, 7, 0),
        (8, 4, 12, 2),
        (8, 3, 32, 9),
        (16, 100, 128, 2),
        (16, 200, 128, 1),
        (8, 4, 0, 0),
    ],
)
def test_there_is_a_column_for_every_whole_frame(make_spectrogram, fft_samples, step, n, frames):
    spectrogram = make_spectrogram(fft_samples, step)
    assert spectrogram.n_columns(n) == frames
    if frames:
        assert spectrogram.columns(np.zeros((n, 1), np.float32)).shape == (frames, 9, 1)


def test_an_impulse_brightens_the_columns_whose_frames_contain_it(make_spectrogram):
    samples = np.zeros((64, 1), np.float32)
    samples[30] = 1
    columns = make_spectrogram(8, 4).columns(samples)
    bright = np.flatnonzero((columns > -1).any((1, 2)))
    assert bright.tolist() == [i for i in range(15) if 4 * i < 30 < 4 * i + 8]


@settings(max_examples=40)
@given(
    n_frames=st.integers(1, 12),
    step=st.integers(1, 9),
    fft_samples=st.sampled_from([8, 15, 32]),
    channels=st.sampled_from([1, 3, 6]),
    seed=st.integers(0, 99),
)
def test_a_column_depends_on_its_own_frame_only_to_the_bit(
    make_spectrogram, n_frames, step, fft_samples, channels, seed
):
    spectrogram = make_spectrogram(fft_samples, step, channels)
    samples = np.random.default_rng(seed).normal(
        0, 3, ((n_frames - 1) * step + fft_samples, channels)
    )
    together = spectrogram.columns(samples.astype(np.float32))
    for i, column in enumerate(together):
        frame = samples[i * step : i * step + fft_samples].astype(np.float32)
        assert spectrogram.columns(frame)[0].tobytes() == column.tobytes()


def test_columns_are_float32_between_the_limits(make_spectrogram):
    samples = np.random.default_rng(0).normal(0, 1e4, (64, 3)).astype(np.float32)
    columns = make_spectrogram(32, channels=3).columns(samples)
    assert columns.dtype == np.float32
    assert columns.min() >= -1 - 1e-6 and columns.max() <= 1 + 1e-6


# ---- weights


FREQUENCY_CASES = st.tuples(
    st.integers(2, 300), st.integers(1, 80), st.floats(10, 400), st.floats(1e-3, 1e3)
)


@settings(max_examples=60)
@given(FREQUENCY_CASES)
def test_frequency_weights_of_a_row_sum_to_one_and_rise_in_frequency(case):
    fft_samples, rows, rate_hz, knee_hz = case
    weights = frequency_weights(fft_samples, rows, rate_hz, knee_hz)
    assert weights.shape == (rows, fft_samples // 2 + 1) and weights.dtype == np.float32
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    centre = weights @ np.arange(weights.shape[1])
    assert (np.diff(centre) >= -1e-3).all()


def loop_time_weights(frames, columns):
    """Return the weights of bilinear resizing with antialiasing, by a loop over pixels."""
    scale = frames / columns
    support = max(scale, 1.0)
    weights = np.zeros((columns, frames))
    for i in range(columns):
        centre = min(max((i + 0.5) * scale - 0.5, 0), frames - 1)
        for j in range(frames):
            weights[i, j] = max(0.0, 1 - abs(j - centre) / support)
        weights[i] /= sum(weights[i])
    return weights


@settings(max_examples=60)
@given(frames=st.integers(1, 60), columns=st.integers(1, 60))
def test_time_weights_are_those_of_bilinear_resizing(frames, columns):
    weights = time_weights(frames, columns)
    np.testing.assert_allclose(weights, loop_time_weights(frames, columns), atol=1e-6)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("frames, columns", [(2, 5), (7, 7), (5, 32)])
def test_stretching_time_interpolates_between_frames(frames, columns):
    values = np.random.default_rng(0).normal(size=frames)
    at = (np.arange(columns) + 0.5) * frames / columns - 0.5
    expected = np.interp(at, np.arange(frames), values)
    np.testing.assert_allclose(time_weights(frames, columns) @ values, expected, atol=1e-6)


@settings(max_examples=60)
@given(FREQUENCY_CASES, st.sampled_from([(), (3,), (2, 3)]))
def test_resize_applies_its_matrix(case, extra):
    matrix = frequency_weights(*case)
    values = np.random.default_rng(0).normal(size=(matrix.shape[1], *extra)).astype(np.float32)
    resized = Resize(matrix)(values)
    assert resized.shape == (matrix.shape[0], *extra) and resized.dtype == np.float32
    np.testing.assert_allclose(resized, np.tensordot(matrix, values, 1), atol=1e-5)
