import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.frontend.statistics import STATISTICS, count, statistics

# What each name means, in double precision; a new statistic needs a line here.
REFERENCE = {
    "mean": lambda w: w.mean(0),
    "std": lambda w: w.std(0),
}

T = np.arange(200)
SINE = 3 * np.sin(2 * np.pi * T / 20) + 5  # ten whole periods, 20 samples each
RAMP = 0.5 * T - 7
N = len(T)
# (signal, statistic): value, from the textbook
CLOSED_FORMS = {
    ("sine", "mean"): 5, ("sine", "std"): 3 / 2**0.5,
    ("ramp", "mean"): 0.5 * (N - 1) / 2 - 7, ("ramp", "std"): 0.5 * ((N**2 - 1) / 12) ** 0.5,
    ("constant", "mean"): 8, ("constant", "std"): 0,
}
SIGNALS = {"sine": SINE, "ramp": RAMP, "constant": np.full(N, 8.0)}


def noise(n, channels, seed=0):
    generator = np.random.default_rng(seed)
    mixed = generator.normal(size=(n, channels)) @ generator.normal(size=(channels, channels))
    return (mixed + generator.normal(0, 5, channels)).astype(np.float32)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("n", [16, 250])
def test_each_statistic_is_what_its_name_says(name, channels, n):
    for seed in range(3):
        window = noise(n, channels, seed)
        found = statistics(window, (name,))
        assert found.shape == (count((name,), channels),) and found.dtype == np.float32
        np.testing.assert_allclose(found, REFERENCE[name](window.astype(np.float64)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("signal, name", CLOSED_FORMS)
def test_closed_forms(signal, name):
    found = statistics(SIGNALS[signal].astype(np.float32)[:, None], (name,))
    np.testing.assert_allclose(found, [CLOSED_FORMS[signal, name]], rtol=1e-4, atol=1e-4)


def test_statistics_stand_in_the_order_in_which_they_were_named():
    window, names = noise(50, 6), tuple(reversed(STATISTICS))
    expected = np.concatenate([statistics(window, (name,)) for name in names])
    np.testing.assert_array_equal(statistics(window, names), expected)


@given(st.lists(st.floats(-160, 160, width=32), min_size=48, max_size=48),
       st.sampled_from([0.0, 9.81, 1e-20, 1e5]))
def test_every_statistic_is_finite_for_whatever_a_sensor_may_give(values, offset):
    window = (np.array(values, np.float32) + np.float32(offset)).reshape(16, 3)
    assert np.isfinite(statistics(window, tuple(STATISTICS))).all()


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("value", [0.0, -9.81, 999_999.0])
def test_a_constant_window_gives_finite_values(channels, value):
    window = np.full((32, channels), value, np.float32)
    assert np.isfinite(statistics(window, tuple(STATISTICS))).all()
