import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract.spec import (
    CHANNELS,
    SCHEMA,
    Contract,
    DecisionSpec,
    Provenance,
    Quantisation,
    StreamSpec,
)
from edge_runtime.errors import DataError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import (
    HOP_S,
    block_sizes,
    design_front_end,
    gravity_of,
    hop_samples,
    resolve_channels,
)

SETS = (("acc_z",), CHANNELS[:3], CHANNELS[3:], CHANNELS)


def contract(rate_hz, window_samples, channels):
    front_end = design_front_end(rate_hz, window_samples, channels)
    return Contract(
        schema=SCHEMA,
        name="a test",
        stream=StreamSpec(channels, rate_hz, "unknown"),
        window_samples=window_samples,
        hop_samples=hop_samples(rate_hz, front_end),
        front_end=front_end,
        labels=("a", "b"),
        decision=DecisionSpec(),
        quantisation=Quantisation("none", "none", "none"),
        provenance=Provenance("made up", "0", 1, 0, "2026-01-01"),
    )


@settings(deadline=None, max_examples=300)
@given(
    rate_hz=st.floats(10, 400), window_samples=st.integers(16, 5000), channels=st.sampled_from(SETS)
)
def test_every_stream_gets_a_front_end_that_a_contract_accepts(rate_hz, window_samples, channels):
    c = contract(rate_hz, window_samples, channels)  # raises when it does not
    ffts = [s.fft_samples for s in c.front_end.spectrograms]
    assert ffts == sorted(set(ffts))
    assert all(math.log2(n).is_integer() and 8 <= n <= window_samples / 1.5 for n in ffts)
    steps = {s.step_samples for s in c.front_end.spectrograms}
    assert len(steps) == 1
    assert c.hop_samples % steps.pop() == 0
    # as near to HOP_S as the step allows
    step = c.front_end.spectrograms[0].step_samples
    assert abs(c.hop_samples - HOP_S * rate_hz) <= max(step / 2, step - HOP_S * rate_hz)
    assert len(c.front_end.image_channels) == max(1, len(channels) // 3)


@settings(deadline=None, max_examples=40)
@given(
    rate_hz=st.sampled_from([10.0, 23.7, 50.0, 400.0]),
    window_samples=st.integers(16, 700),
    channels=st.sampled_from(SETS),
)
def test_the_front_end_computes_finite_features(rate_hz, window_samples, channels):
    front_end = FrontEnd(
        design_front_end(rate_hz, window_samples, channels), window_samples, len(channels), rate_hz
    )
    window = (
        np.random.default_rng(0).normal(0, 3, (window_samples, len(channels))).astype(np.float32)
    )
    features = front_end.compute(window)
    assert features.images.shape[0] == front_end.spec.n_images
    assert np.isfinite(features.images).all() and np.isfinite(features.statistics).all()
    assert np.ptp(features.images) > 0


@pytest.mark.parametrize(
    ("rate_hz", "window_samples", "ffts"),
    [
        (50.0, 250, [32, 64, 128]),
        (100.0, 500, [64, 128, 256]),
        (10.0, 50, [8, 16, 32]),
        (50.0, 60, [16, 32]),  # 1.2 s: the longer frames do not fit
        (10.0, 16, [8]),
    ],
)
def test_frames_are_about_a_second_and_fit_the_window(rate_hz, window_samples, ffts):
    assert [
        s.fft_samples for s in design_front_end(rate_hz, window_samples, CHANNELS).spectrograms
    ] == ffts


@pytest.mark.parametrize("window_samples", [24, 40, 60, 90])
def test_a_short_window_still_gets_two_resolutions(window_samples):
    assert len(design_front_end(50.0, window_samples, CHANNELS).spectrograms) == 2


def test_limits_depend_on_the_sensor():
    spec = design_front_end(50.0, 250, CHANNELS)
    assert len(set(spec.min_db[:3])) == len(set(spec.min_db[3:])) == 1
    assert spec.min_db[0] != spec.min_db[3]
    assert design_front_end(50.0, 250, CHANNELS[3:]).min_db == spec.min_db[3:]


@pytest.mark.parametrize(
    ("rate_hz", "window_samples", "message"),
    [
        (9.99, 250, "rate_hz is 9.99, expected 10 to 400: resample"),
        (401.0, 250, "rate_hz is 401, expected 10 to 400"),
        (math.nan, 250, "rate_hz is nan"),
        (math.inf, 250, "rate_hz is inf"),
        (50.0, 15, "windows have 15 samples, expected 16 or more"),
        (50.0, 0, "windows have 0 samples"),
    ],
)
def test_a_rate_or_window_out_of_bounds_is_refused(rate_hz, window_samples, message):
    with pytest.raises(DataError, match=message):
        design_front_end(rate_hz, window_samples, CHANNELS)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ("acc", CHANNELS[:3]),
        ("gyro", CHANNELS[3:]),
        ("acc+gyro", CHANNELS),
        ("gyro+acc", CHANNELS[3:] + CHANNELS[:3]),
        ("acc_z", ("acc_z",)),
        (["gyro_x"], ("gyro_x",)),
        (list(CHANNELS), CHANNELS),
        (np.array(CHANNELS[:3]), CHANNELS[:3]),
    ],
)
def test_channels_can_be_abbreviated(channels, expected):
    assert resolve_channels(channels) == expected


@pytest.mark.parametrize(
    "channels",
    [
        "",
        "acc+",
        "+gyro",
        "acc+acc",
        "accel",
        "acc_w",
        [],
        ["acc_x", "acc_y"],
        ["acc_x"] * 3,
        ["acc_x", "mag_x", "acc_z"],
        [1, 2, 3],
    ],
)
def test_unknown_channels_are_named(channels):
    with pytest.raises(DataError) as caught:
        resolve_channels(channels)
    assert str(caught.value).startswith(
        f"channels are {channels!r}, expected 1, 3 or 6 different names out of acc_x, "
    )


# ---- gravity


def windows(*factors, still=(0.0, 0.0, 9.81)):
    """Make one window of 50 samples per factor: gravity and a small motion, times the factor."""
    random = np.random.default_rng(0)
    return np.array(
        [f * (np.array(still) + random.normal(0, 0.3, (50, 3))) for f in factors], np.float32
    )


def test_gravity_is_detected():
    assert gravity_of(windows(1, 1), CHANNELS[:3]) == "included"
    assert gravity_of(windows(1, 1, still=(0, 0, 0)), CHANNELS[:3]) == "removed"


def test_gravity_is_looked_for_in_the_accelerometer_columns():
    swapped = CHANNELS[3:] + CHANNELS[:3]
    both = np.concatenate([np.zeros((2, 50, 3), np.float32), windows(1, 1)], axis=2)
    assert gravity_of(both, swapped) == "included"
    with pytest.raises(DataError, match="nothing but zeros"):
        gravity_of(both, CHANNELS)


@pytest.mark.parametrize("channels", [("acc_z",), CHANNELS[3:]])
def test_gravity_is_unknown_without_three_accelerometer_axes(channels):
    assert gravity_of(windows(1)[:, :, : len(channels)], channels) == "unknown"


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (1 / 9.80665, "is not in m/s.* look like g: multiply them by 9.80665"),
        (1000 / 9.80665, "is not in m/s.* thousandths of g: multiply them by 0.00980665"),
        (8192 / 9.80665, "is not in m/s.* raw counts: multiply them by the driver's scale"),
    ],
)
def test_other_units_are_refused_with_the_factor(factor, message):
    with pytest.raises(DataError, match=message):
        gravity_of(windows(factor, factor), CHANNELS[:3])


def test_a_single_odd_window_does_not_matter():
    assert gravity_of(windows(1, 1, 1 / 9.8), CHANNELS[:3]) == "included"


def test_a_dead_window_is_named():
    with pytest.raises(DataError, match=r"window 2 has nothing but zeros .*: leave it out"):
        gravity_of(windows(1, 1, 0), CHANNELS[:3])


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_posture_is_a_block_of_its_own(channels):
    names = resolve_channels(CHANNELS[:channels])
    front_end = FrontEnd(design_front_end(50.0, 250, names), 250, channels, 50.0)
    blocks = [np.zeros((2, 7), np.float32), np.zeros((2, front_end.statistics.size), np.float32)]
    assert block_sizes(blocks, channels) == [
        7,
        2 * channels,
        front_end.statistics.size - 2 * channels,
    ]
    assert block_sizes([blocks[0], np.zeros((2, 2 * channels), np.float32)], channels) == [
        7,
        2 * channels,
    ]
