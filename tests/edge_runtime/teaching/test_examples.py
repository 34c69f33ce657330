import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.contract.spec import StreamSpec
from edge_runtime.errors import DataError, StreamError
from edge_runtime.teaching.embedder import Embedder
from edge_runtime.teaching.examples import (
    PAUSE_SHARE,
    STILL_ACTIVITY,
    cut_background,
    cut_motion,
    resample_pieces,
)


@pytest.fixture(scope="module")
def draft():
    """Six axes at 50 Hz, windows of 2 s."""
    return Embedder.bundled("acc+gyro", 50.0, 2.0).draft


def rest(seconds, seed=0):
    n = round(seconds * 50)
    samples = np.random.default_rng(seed).normal(0, 0.01, (n, 6)).astype(np.float32)
    samples[:, 2] += 9.81
    return np.arange(n) / 50, samples


def test_a_motion_that_goes_on_is_cut_from_end_to_end(draft, swing):
    times_s, samples = swing(1.5, seconds=7.0)
    cut = cut_motion(times_s, samples, draft)
    assert cut.left_out == 0
    # half a second is left at either end
    np.testing.assert_array_equal(cut.windows.reshape(300, 6), samples[25:325])
    np.testing.assert_allclose(
        cut.activity, [np.sqrt(w.astype(float).var(0).sum()) for w in cut.windows]
    )


def test_bursts_are_cut_where_they_are(draft, swing):
    times_s, samples = rest(12.0)
    for begin in (140, 400):
        samples[begin : begin + 50] = swing(2.0, seconds=1.0, seed=begin)[1]
    cut = cut_motion(times_s, samples, draft)
    assert len(cut.windows) == 2 and cut.left_out == 4
    for window, begin in zip(cut.windows, (140, 400), strict=True):
        starts = [i for i in range(len(samples) - 99) if (samples[i : i + 100] == window).all()]
        assert len(starts) == 1
        assert starts[0] <= begin and begin + 50 <= starts[0] + 100  # the whole burst
    assert cut.activity.min() >= PAUSE_SHARE * cut.activity.max()


def test_rest_is_cut_like_any_other_motion(draft):
    cut = cut_motion(*rest(6.0), draft)
    assert len(cut.windows) == 3 and cut.left_out == 0 and cut.activity.max() < STILL_ACTIVITY


def test_no_window_crosses_a_gap(draft, swing):
    times_s, samples = swing(1.5, seconds=6.0)
    gap_s = times_s.copy()
    gap_s[130:] += 5.0
    cut = cut_motion(gap_s, samples, draft)
    assert len(cut.windows) == 2
    np.testing.assert_allclose(cut.windows[0], samples[15:115], atol=1e-5)
    with pytest.raises(DataError, match="expected 2 s or more without a gap"):
        cut_motion(gap_s[70:190], samples[70:190], draft)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)))
def test_late_samples_are_sorted_into_place(order):
    spec = StreamSpec(("acc_x", "acc_y", "acc_z"), 50.0, "included")
    times_s = np.arange(200) / 50
    samples = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    swapped = np.concatenate([np.arange(100), 100 + np.array(order), np.arange(108, 200)])
    (piece,) = resample_pieces(times_s[swapped], samples[swapped], spec)
    np.testing.assert_allclose(piece, samples, atol=1e-4)


def test_a_faster_sensor_is_filtered_down(draft):
    times_s = np.arange(1200) / 200
    samples = np.zeros((1200, 6), np.float32)
    samples[:, 0] = np.sin(2 * np.pi * 60 * times_s)  # above half of the model's rate
    samples[:, 1] = np.sin(2 * np.pi * 2 * times_s)
    (piece,) = resample_pieces(times_s, samples, draft.stream)
    assert np.abs(piece[:, 0]).max() < 0.05 and np.abs(piece[:, 1]).max() > 0.95


def test_a_slower_sensor_is_refused(draft, swing):
    times_s, samples = swing(1.0)
    with pytest.raises(StreamError, match="comes at 25 Hz, expected 50 Hz"):
        cut_motion(times_s * 2, samples, draft)


def test_background_windows_overlap_by_half_or_are_thinned_out(draft, swing):
    times_s, samples = swing(1.0, seconds=20.0)
    windows, seconds = cut_background(times_s, samples, draft, max_windows=100)
    assert seconds == pytest.approx(20.0)
    np.testing.assert_array_equal(windows, [samples[i : i + 100] for i in range(0, 901, 50)])
    few, _ = cut_background(times_s, samples, draft, max_windows=4)
    np.testing.assert_array_equal(few, windows[[0, 6, 12, 18]])
