"""How a stream is cut into calls of push changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import StreamError
from edge_runtime.recognizer import Recognizer

W, RATE_HZ = 32, 50.0  # of the contract in conftest.py
CUTS = st.lists(st.integers(0, 400), max_size=12).map(sorted)


@st.composite
def streams(draw):
    """Timestamps with jitter, repeats and gaps, up to 300 samples."""
    n = draw(st.integers(1, 300))
    seed = draw(st.integers(0, 99))
    jitter = draw(st.sampled_from([0.0, 0.2, 0.45]))
    generator = np.random.default_rng(seed)
    times = np.arange(n) / RATE_HZ + generator.uniform(-jitter, jitter, n) / RATE_HZ
    for at in draw(st.lists(st.integers(0, n - 1), max_size=3)):
        times[at:] += draw(st.sampled_from([0.6, 5.0]))
    for at in draw(st.lists(st.integers(0, n - 1), max_size=2)):
        times = np.insert(times, at, times[at])
    return times, seed


@settings(max_examples=60)
@given(stream=streams(), cuts=CUTS, channels=st.sampled_from([1, 3, 6]))
def test_any_chunking_gives_bit_identical_decisions(
    make_recognizer, motion, stream, cuts, channels, push_in_chunks
):
    times, seed = stream
    _, samples = motion(len(times), channels=channels, seed=seed)
    whole = make_recognizer(channels=channels).push(times, samples)
    chunks = push_in_chunks(
        make_recognizer(channels=channels), times, samples, [min(c, len(times)) for c in cuts]
    )
    one_by_one = push_in_chunks(
        make_recognizer(channels=channels), times, samples, range(1, len(times))
    )
    assert whole == chunks == one_by_one
    if (times[-1] - times[0]) * RATE_HZ > W and np.diff(times).max() < 0.5:
        assert whole  # the comparison above was not of nothing


def test_the_same_recogniser_decides_alike_after_reset(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(123)
    first = recognizer.push(times, samples)
    recognizer.reset()
    assert recognizer.fill == 0
    assert recognizer.push(times - 100, samples) == [
        replace(d, time_s=pytest.approx(d.time_s - 100)) for d in first
    ]


def test_reset_takes_a_stream_that_starts_earlier_and_needs_a_full_window(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(W - 1)
    assert recognizer.push(times, samples) == []
    recognizer.reset()
    assert recognizer.push(times - 3, samples) == []


def test_lists_and_single_samples_serve_as_well_as_arrays(make_recognizer, motion):
    times, samples = motion(60)
    expected = make_recognizer().push(times, samples)
    assert make_recognizer().push(times.tolist(), samples.tolist()) == expected
    one_by_one = make_recognizer()
    assert [
        d for t, s in zip(times, samples, strict=True) for d in one_by_one.push(t, s.tolist())
    ] == expected


@pytest.mark.parametrize("samples", [[], np.empty((0, 6))])
def test_pushing_nothing_changes_nothing(make_recognizer, motion, samples):
    recognizer, (times, values) = make_recognizer(), motion(60)
    expected = make_recognizer().push(times, values)
    assert recognizer.push([], samples) == []
    found = recognizer.push(times[:20], values[:20])
    assert recognizer.push([], samples) == []
    assert found + recognizer.push(times[20:], values[20:]) == expected


def test_the_callers_buffer_may_be_used_again(make_recognizer, motion):
    times, samples = motion(60)
    expected = make_recognizer().push(times, samples)
    recognizer, decisions = make_recognizer(), []
    time_buffer, sample_buffer = np.empty(10), np.empty((10, 6), np.float32)
    for i in range(0, 60, 10):
        time_buffer[:], sample_buffer[:] = times[i : i + 10], samples[i : i + 10]
        decisions += recognizer.push(time_buffer, sample_buffer)
        time_buffer[:], sample_buffer[:] = -1, -1
    assert decisions == expected


@settings(max_examples=60)
@given(
    stream=streams(),
    cuts=CUTS,
    seed=st.integers(0, 9),
    hold_s=st.sampled_from([0.0, 0.1]),
    jump_s=st.sampled_from([0.0, -0.2, -2.0, -4000.0, 4000.0]),
)
def test_any_chunking_of_a_disordered_stream_gives_bit_identical_decisions(
    make_contract, fake_model, motion, stream, cuts, seed, hold_s, jump_s, accounted
):
    times = stream[0]
    times[len(times) // 2 :] += jump_s
    swapped = np.argsort(
        np.arange(len(times)) + np.random.default_rng(seed).uniform(0, 3, len(times))
    )
    times, samples = times[swapped], motion(len(times), seed=seed)[1]

    def decide(cuts):
        recognizer, decisions, refused = (
            Recognizer(make_contract(), fake_model(3), hold_s=hold_s),
            [],
            "",
        )
        try:
            for t, s in zip(np.split(times, cuts), np.split(samples, cuts), strict=True):
                decisions += recognizer.push(t, s)
            decisions += recognizer.flush()
        except StreamError as error:
            decisions += error.decisions
            refused = str(error)
        return decisions, refused or str(recognizer.counts), accounted(recognizer)

    whole = decide([])
    assert whole == decide([min(c, len(times)) for c in cuts]) == decide(range(1, len(times)))
    assert whole[2]


@pytest.mark.parametrize("step_s", [0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1)])
@pytest.mark.parametrize("start_s", [0.0, 0.1, 1.7e9 + 0.1])
def test_a_pause_about_as_long_as_a_gap_is_the_same_for_single_samples(
    make_recognizer, push_in_chunks, motion, step_s, start_s
):
    times, samples = motion(100, start_s=start_s)
    times[50:] += (times[49] + step_s) - times[50]
    whole = make_recognizer().push(times, samples)
    assert push_in_chunks(make_recognizer(), times, samples, range(1, 100)) == whole
