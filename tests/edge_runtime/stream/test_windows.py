import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.resampler import LinearResampler, PolyphaseResampler
from edge_runtime.stream.windows import MAX_BACKLOG, WindowStream

W, HOP, RATE_HZ = 32, 8, 50.0  # of the contract in conftest.py


@pytest.fixture(scope="session")
def make_windows(make_contract):
    def make(polyphase=False, **changes):
        counts = StreamCounts()
        return WindowStream(make_contract(**changes), polyphase, counts), counts

    return make


def windows_of(stream, times, samples, cuts=()):
    """Each window with its time and its received samples."""
    found = []
    for t, s in zip(np.split(times, cuts), np.split(samples, cuts), strict=True):
        if len(t):
            found += [
                (window.time_s, window.samples.tobytes(), window.received.tobytes())
                for window in stream.add(t, s)
            ]
    return found


@settings(max_examples=60)
@given(
    jitter=st.sampled_from([0.0, 0.2, 0.45]),
    rate_hz=st.sampled_from([40.0, 50.0, 200.0]),
    polyphase=st.booleans(),
    hop=st.sampled_from([4, 8, 32, 48]),
    cuts=st.lists(st.integers(0, 400), max_size=12).map(sorted),
)
def test_windows_are_pieces_of_the_resampled_stream_however_it_is_cut(
    make_windows, motion, jitter, rate_hz, polyphase, hop, cuts
):
    times, samples = motion(400, rate_hz=rate_hz)
    times = times + np.random.default_rng(0).uniform(-jitter, jitter, 400) / rate_hz
    piece = (PolyphaseResampler if polyphase else LinearResampler)(RATE_HZ, 6).resample(
        times, samples
    )
    expected = [
        (
            float(piece.times_s[end - 1]),
            piece.samples[end - W : end].tobytes(),
            piece.received[end - W : end].tobytes(),
        )
        for end in range(W, len(piece.times_s) + 1, hop)
    ]
    for chunks in ([], cuts, range(1, 400)):
        stream, counts = make_windows(polyphase, hop_samples=hop)
        assert windows_of(stream, times, samples, chunks) == expected
        stream.catch_up()
        assert (counts.used, counts.interpolated) == (400, piece.interpolated)


@pytest.mark.parametrize("polyphase", [False, True])
@pytest.mark.parametrize("rate_hz", [50.0, 208.0])
def test_a_window_comes_with_the_sample_that_completes_it(make_windows, motion, polyphase, rate_hz):
    times, samples = motion(600, rate_hz=rate_hz)
    resampler = (PolyphaseResampler if polyphase else LinearResampler)(RATE_HZ, 6)
    ready, n = [], 0
    for i in range(600):
        n += len(resampler.resample(times[i : i + 1], samples[i : i + 1]).times_s)
        if n >= W + HOP * len(ready):
            ready.append(i)
    stream, _ = make_windows(polyphase)
    assert [
        i for i in range(600) if list(stream.add(times[i : i + 1], samples[i : i + 1]))
    ] == ready and len(ready) > 10


def test_after_the_first_window_samples_are_resampled_together(make_windows, motion, monkeypatch):
    sizes = []
    resample = LinearResampler.resample

    def count(self, times_s, values):
        sizes.append(len(times_s))
        return resample(self, times_s, values)

    monkeypatch.setattr(LinearResampler, "resample", count)
    times, samples = motion(W + 3 * HOP + 5)
    stream, counts = make_windows()
    windows_of(stream, times, samples, range(1, len(times)))
    assert sizes == [1] * W + [HOP] * 3
    assert counts.used == len(times)
    stream.catch_up()
    assert sizes[W + 3 :] == [5]


def test_what_waits_is_bounded(make_windows, motion):
    times, samples = motion(20 * MAX_BACKLOG, rate_hz=100 * RATE_HZ)
    stream, counts = make_windows(hop_samples=400)
    expected, _ = make_windows(hop_samples=400)
    assert windows_of(stream, times, samples, range(1, len(times))) == windows_of(
        expected, times, samples
    )
    assert counts.used == len(times)


def test_reset_forgets_what_waits(make_windows, motion):
    times, samples = motion(W + 5)
    stream, _ = make_windows()
    windows_of(stream, times, samples, range(1, len(times)))
    stream.reset()
    assert (stream.fill, stream.newest_s) == (0, None)
    assert windows_of(stream, times, samples) == windows_of(make_windows()[0], times, samples)
