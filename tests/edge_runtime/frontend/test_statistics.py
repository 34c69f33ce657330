import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import ContractError
from edge_runtime.frontend.statistics import BAND_EDGES_HZ, STATISTICS, WindowStatistics

RATE_HZ = 50.0


def sensors(channels):
    return [range(first, first + 3) for first in range(0, channels, 3)] if channels >= 3 else []


def signals(window):
    return np.concatenate(
        [
            window,
            *(
                np.linalg.norm(window[:, s], axis=1, keepdims=True)
                for s in sensors(window.shape[1])
            ),
        ],
        1,
    )


def moment(window, order):
    """Return the standardised moment of each signal: 3 is the skewness, 4 the kurtosis."""
    x = signals(window) - signals(window).mean(0)
    return (x**order).mean(0) / (x**2).mean(0) ** (order / 2)


def band_levels(window):
    """Return the band levels by the definition of the DFT, bin by bin."""
    x, n = signals(window), len(window)
    t = np.arange(n)
    taper = 1 - np.cos(2 * np.pi * t / n)  # twice Hann; its sum is n
    bins = [
        (
            k * RATE_HZ / n,
            np.abs((taper * np.exp(-2j * np.pi * k * t / n)) @ (x - x.mean(0)) * 2 / n) ** 2,
        )
        for k in range(n // 2 + 1)
    ]
    levels = []
    for low, high in itertools.pairwise([*BAND_EDGES_HZ, np.inf]):
        inside = [power for hz, power in bins if low <= hz < high]
        if inside:
            levels.append(10 * np.log10(np.sum(inside, 0) + 1e-6))
    return np.array(levels).T.ravel()


def correlations(window):
    pairs = [pair for s in sensors(window.shape[1]) for pair in itertools.combinations(s, 2)]
    return np.array([np.corrcoef(window[:, i], window[:, j])[0, 1] for i, j in pairs])


# The definition of each statistic, in double precision. A new statistic needs a line here.
REFERENCE = {
    "mean": lambda w: w.mean(0),
    "std": lambda w: w.std(0),
    "mean_magnitude": lambda w: signals(w)[:, w.shape[1] :].mean(0),
    "std_magnitude": lambda w: signals(w)[:, w.shape[1] :].std(0),
    "min": lambda w: signals(w).min(0),
    "max": lambda w: signals(w).max(0),
    "mean_slope": lambda w: np.abs(np.diff(signals(w), axis=0)).mean(0) * RATE_HZ,
    "skewness": lambda w: moment(w, 3),
    "kurtosis": lambda w: moment(w, 4),
    "band_level_db": band_levels,
    "correlation": correlations,
}

T = np.arange(200)
SINE = 3 * np.sin(2 * np.pi * T / 20) + 5  # 2.5 Hz, ten whole periods, 20 samples each
RAMP = 0.5 * T - 7
N = len(T)
# (signal, statistic) to value, from the textbook
CLOSED_FORMS = {
    ("sine", "mean"): 5,
    ("sine", "std"): 3 / 2**0.5,
    ("sine", "min"): 2,
    ("sine", "max"): 8,
    ("sine", "skewness"): 0,
    ("sine", "kurtosis"): 1.5,
    ("ramp", "mean"): 0.5 * (N - 1) / 2 - 7,
    ("ramp", "std"): 0.5 * ((N**2 - 1) / 12) ** 0.5,
    ("ramp", "mean_slope"): 0.5 * RATE_HZ,
    ("ramp", "kurtosis"): 1.8,
    ("constant", "mean"): 8,
    ("constant", "std"): 0,
    ("constant", "kurtosis"): 0,
    ("constant", "skewness"): 0,
}
SIGNALS = {"sine": SINE, "ramp": RAMP, "constant": np.full(N, 8.0)}


@pytest.fixture
def statistics(make_front_end):
    def compute(window, names):
        channels = window.shape[1]
        triples = tuple(tuple(s) for s in sensors(channels)) or ((0, 0, 0),)
        spec = make_front_end(channels=channels, statistics=names, image_channels=triples).spec
        window_statistics = WindowStatistics(spec, len(window), channels, RATE_HZ)
        values = window_statistics(window)
        assert values.shape == (window_statistics.size,) and values.dtype == np.float32
        return values

    return compute


def noise(n, channels, seed=0):
    generator = np.random.default_rng(seed)
    mixed = generator.normal(size=(n, channels)) @ generator.normal(size=(channels, channels))
    return (mixed + generator.normal(0, 5, channels)).astype(np.float32)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("n", [16, 61, 250])
def test_each_statistic_equals_its_definition(statistics, name, channels, n):
    for seed in range(3):
        window = noise(n, channels, seed)
        expected = REFERENCE[name](window.astype(np.float64))
        np.testing.assert_allclose(statistics(window, (name,)), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("signal, name", CLOSED_FORMS)
def test_closed_forms(statistics, signal, name):
    values = statistics(SIGNALS[signal].astype(np.float32)[:, None], (name,))
    np.testing.assert_allclose(values, [CLOSED_FORMS[signal, name]], rtol=1e-4, atol=1e-4)


def test_a_sine_shows_its_amplitude_in_its_band(statistics):
    """A Hann window spreads a sine on a bin over three: A^2 (1 + 1/4 + 1/4)."""
    levels_db = statistics(SINE.astype(np.float32)[:, None], ("band_level_db",))
    band = np.searchsorted(BAND_EDGES_HZ, 2.5, side="right") - 1
    assert levels_db.argmax() == band
    np.testing.assert_allclose(levels_db[band], 10 * np.log10(1.5 * 9), atol=0.01)


def test_rounding_of_a_sensor_at_rest_has_no_shape(statistics):
    still = np.float32(9.81) + np.random.default_rng(0).normal(0, 1e-6, (250, 3)).astype(np.float32)
    assert np.abs(statistics(still, ("skewness", "kurtosis", "correlation"))).max() < 1e-3


def test_statistics_are_in_the_order_of_their_names(statistics):
    window, names = noise(50, 6), tuple(reversed(STATISTICS))
    expected = np.concatenate([statistics(window, (name,)) for name in names])
    np.testing.assert_array_equal(statistics(window, names), expected)


def test_a_triple_that_repeats_a_channel_is_not_a_sensor(make_front_end):
    spec = make_front_end(
        channels=3, statistics=("mean_magnitude", "correlation"), image_channels=((0, 0, 1),)
    ).spec
    assert WindowStatistics(spec, 32, 3, RATE_HZ).size == 0


def test_the_channels_of_a_sensor_may_be_in_any_order(make_front_end):
    window = noise(40, 6)
    spec = make_front_end(
        channels=6, statistics=("mean_magnitude",), image_channels=((4, 0, 2),)
    ).spec
    expected = np.linalg.norm(window[:, [4, 0, 2]].astype(np.float64), axis=1).mean()
    np.testing.assert_allclose(
        WindowStatistics(spec, 40, 6, RATE_HZ)(window), [expected], rtol=1e-5
    )


def test_an_unknown_statistic_is_refused(make_front_end):
    with pytest.raises(
        ContractError,
        match=r"has the statistic 'entropy', expected one of mean, std, .*: export the",
    ):
        make_front_end(statistics=("mean", "entropy"))


@pytest.fixture(scope="module")
def all_of_three_axes(make_front_end):
    return make_front_end(channels=3, window_samples=32, statistics=tuple(STATISTICS)).statistics


@given(
    st.lists(st.floats(-160, 160, width=32), min_size=96, max_size=96),
    st.sampled_from([0.0, 9.81, 1e-20, 1e5]),
)
def test_every_statistic_is_finite_for_any_samples(all_of_three_axes, values, offset):
    window = (np.array(values, np.float32) + np.float32(offset)).reshape(32, 3)
    assert np.isfinite(all_of_three_axes(window)).all()


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("value", [0.0, -9.81, 999_999.0])
def test_a_constant_window_gives_finite_values(statistics, channels, value):
    window = np.full((32, channels), value, np.float32)
    assert np.isfinite(statistics(window, tuple(STATISTICS))).all()


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("rate_hz", [10.0, 50.0, 400.0])
def test_the_size_is_the_number_of_values(make_front_end, name, channels, rate_hz):
    statistics = make_front_end(
        channels=channels, rate_hz=rate_hz, statistics=(name, "mean")
    ).statistics
    assert statistics.size == len(statistics(np.zeros((32, channels), np.float32)))
