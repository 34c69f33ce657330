import numpy as np
import pytest
from scipy.stats import kurtosis, skew

from edge_runtime.contract.spec import CHANNELS
from img2imu.baselines.signal_statistics import BAND_EDGES_HZ, signal_statistics

RATE_HZ, SAMPLES = 64.0, 128
NAMES = (
    "mean",
    "std",
    "min",
    "max",
    "quartile_1",
    "median",
    "quartile_3",
    "step",
    "skewness",
    "kurtosis",
    "centroid",
    "peak",
    "entropy",
)
BANDS = [edge for edge in BAND_EDGES_HZ if edge < RATE_HZ / 2]


def of_one_axis(signal):
    values = signal_statistics(signal[None, :, None].astype(np.float32), RATE_HZ, ("acc_x",))[0]
    return dict(zip(NAMES, values, strict=False)), values[len(NAMES) :]


@pytest.mark.parametrize(
    ("channels", "signals", "pairs"), [(("gyro_y",), 1, 0), (CHANNELS[:3], 4, 3), (CHANNELS, 8, 6)]
)
def test_every_axis_and_magnitude_has_every_statistic(channels, signals, pairs):
    windows = np.random.default_rng(0).normal(size=(5, SAMPLES, len(channels))).astype(np.float32)
    expected = (len(NAMES) + len(BANDS)) * signals + pairs
    assert signal_statistics(windows, RATE_HZ, channels).shape == (5, expected)


def test_moments_are_those_of_scipy():
    signal = np.random.default_rng(0).gamma(2, size=SAMPLES).astype(np.float32)
    values, _ = of_one_axis(signal)
    assert values["skewness"] == pytest.approx(skew(signal), rel=1e-5)
    assert values["kurtosis"] == pytest.approx(kurtosis(signal, fisher=False), rel=1e-5)
    assert values["quartile_3"] == pytest.approx(np.percentile(signal, 75), rel=1e-5)
    assert values["step"] == pytest.approx(np.abs(np.diff(signal)).mean(), rel=1e-5)


@pytest.mark.parametrize("hz", [3.5, 10.0, 20.0])
def test_a_sine_shows_at_its_frequency(hz):
    values, bands = of_one_axis(5 + np.sin(2 * np.pi * hz * np.arange(SAMPLES) / RATE_HZ))
    assert values["peak"] == pytest.approx(hz, abs=0.3)
    assert values["centroid"] == pytest.approx(hz, abs=0.3)
    assert BANDS[int(bands.argmax())] == max(edge for edge in BANDS if edge <= hz)


def test_noise_has_more_spectral_entropy_than_a_sine():
    sine = np.sin(2 * np.pi * 4 * np.arange(SAMPLES) / RATE_HZ)
    noise = np.random.default_rng(0).normal(size=SAMPLES)
    assert of_one_axis(noise)[0]["entropy"] > 0.8 > 0.4 > of_one_axis(sine)[0]["entropy"]


def test_correlations_are_those_of_numpy():
    windows = np.random.default_rng(0).normal(size=(3, SAMPLES, 6)).astype(np.float32)
    windows[:, :, 1] += windows[:, :, 0]
    correlations = signal_statistics(windows, RATE_HZ, CHANNELS)[:, -6:]
    for window, row in zip(windows, correlations, strict=True):
        matrix = np.corrcoef(window.T)
        np.testing.assert_allclose(
            row,
            [matrix[i, j] for i, j in ((0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5))],
            atol=1e-5,
        )


def test_a_channel_that_never_changes_gives_finite_numbers():
    assert np.isfinite(
        signal_statistics(np.full((2, SAMPLES, 6), 9.81, np.float32), RATE_HZ, CHANNELS)
    ).all()
