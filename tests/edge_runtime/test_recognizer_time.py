"""Rates, jitter and gaps."""

import math
import warnings

import numpy as np
import pytest

from edge_runtime.decision import Decision
from edge_runtime.recognizer import MAX_GAPS_WITHOUT_A_WINDOW, Recognizer

W, HOP, RATE_HZ = 32, 8, 50.0  # of the contract in conftest.py


@pytest.mark.parametrize("seed", range(3))
def test_jittered_timestamps_of_a_smooth_signal_change_little(make_recognizer, fake_model, seed):
    def first_two(features):
        return np.array([features.statistics[0], features.statistics[1], features.images.mean()])

    n = np.arange(200)
    times = n / RATE_HZ
    jittered = times + np.random.default_rng(seed).uniform(-0.3, 0.3, 200) / RATE_HZ
    jittered[0] = 0

    def signal(t):
        return np.stack(
            [np.sin(2 * np.pi * (1 + c / 5) * t) + 9.81 * (c == 2) for c in range(6)], axis=1
        )

    expected = make_recognizer(answer=first_two).push(times, signal(times))
    found = make_recognizer(answer=first_two).push(jittered, signal(jittered))
    assert len(expected) - 1 <= len(found) <= len(expected)
    for a, b in zip(expected, found, strict=False):
        assert a.time_s == b.time_s
        np.testing.assert_allclose(
            a.window_probabilities[:2], b.window_probabilities[:2], atol=0.02
        )
        np.testing.assert_allclose(a.window_probabilities[2], b.window_probabilities[2], atol=0.1)


@pytest.mark.parametrize("window, hop", [(16, 4), (32, 8), (248, 12)])
@pytest.mark.parametrize("factor", [0.91, 0.97, 1.03, 1.09])
def test_a_rate_within_the_tolerance_is_resampled(make_recognizer, motion, window, hop, factor):
    times, samples = motion(600, rate_hz=RATE_HZ * factor)
    decisions = make_recognizer(window_samples=window, hop_samples=hop).push(times, samples)
    assert len(decisions) == (math.floor(times[-1] * RATE_HZ) + 1 - window) // hop + 1
    assert np.allclose(np.diff([d.time_s for d in decisions]), hop / RATE_HZ)


@pytest.mark.parametrize("window, hop", [(16, 4), (32, 8), (248, 12)])
@pytest.mark.parametrize("factor", [0.2, 0.5, 0.89, 1.11, 2, 8])
def test_another_rate_is_refused_without_a_single_label(
    make_recognizer, motion, is_sentence, window, hop, factor, refusal
):
    times, samples = motion(3000, rate_hz=RATE_HZ * factor)
    error = refusal(make_recognizer(window_samples=window, hop_samples=hop), times, samples)
    assert f"the stream comes at {RATE_HZ * factor:.4g} Hz, expected 50 Hz" in str(error)
    assert is_sentence(str(error)) and error.decisions == ()


def test_a_rate_that_changes_on_the_way_is_refused_after_the_good_decisions(
    make_recognizer, motion, refusal
):
    times, samples = motion(200)
    times[100:] = times[99] + (times[100:] - times[99]) * 1.5
    clean = make_recognizer().push(times[:100], samples[:100])
    error = refusal(make_recognizer(), times, samples)
    assert "Hz, expected 50 Hz" in str(error)
    assert list(error.decisions[: len(clean)]) == clean


def test_a_gap_is_announced_and_the_window_must_fill_up_again(make_recognizer, motion):
    times, samples = motion(200)
    times[100:] += 0.51
    decisions = make_recognizer().push(times, samples)
    before = [d for d in decisions if d.time_s < times[100]]
    gap, warming_up, *after = decisions[len(before) :]
    assert warming_up == Decision.warming_up(times[100])
    assert len(before) == (100 - W) // HOP + 1
    assert (gap.state, gap.time_s, gap.label, gap.probabilities) == ("gap", times[100], None, ())
    np.testing.assert_allclose([d.time_s for d in after], times[100 + W - 1 :: HOP], atol=1e-9)


def test_after_a_gap_decisions_are_those_of_a_new_stream(make_recognizer, motion):
    times, samples = motion(200)
    times[100:] += 7
    decisions = make_recognizer().push(times, samples)
    fresh = make_recognizer().push(times[100:], samples[100:])
    assert decisions[-len(fresh) :] == fresh and [
        d.state for d in decisions[-len(fresh) - 2 : -len(fresh)]
    ] == ["gap", "warming up"]


def test_a_pause_shorter_than_a_gap_is_bridged(make_recognizer, motion):
    times, samples = motion(400)
    times[200:] += 0.1
    decisions = make_recognizer(window_samples=128).push(times, samples)
    assert {d.state for d in decisions} == {"recognised"}
    assert np.allclose(np.diff([d.time_s for d in decisions]), HOP / RATE_HZ)


def test_the_length_of_a_gap_is_the_contracts(make_recognizer, motion):
    times, samples = motion(400)
    times[200:] += 0.1
    decisions = make_recognizer(window_samples=128, stream={"max_gap_s": 0.1}).push(times, samples)
    assert [d.state for d in decisions].count("gap") == 1


@pytest.mark.parametrize("gap_s", [0.6, 1e6, 1e300])
def test_a_stream_of_nothing_but_gaps_is_refused(
    make_recognizer, motion, is_sentence, gap_s, refusal
):
    times = gap_s * np.arange(30)
    error = refusal(make_recognizer(), times, motion(30)[1])
    assert [d.state for d in error.decisions] == ["gap", "warming up"] * (
        MAX_GAPS_WITHOUT_A_WINDOW - 1
    )
    assert "10 pauses longer than 0.5 s" in str(error) and "timestamps in seconds" in str(error)
    assert is_sentence(str(error))


def test_gaps_with_full_windows_between_them_are_borne(make_recognizer, motion):
    times, samples = motion(44 * 3 * MAX_GAPS_WITHOUT_A_WINDOW)
    times += np.arange(len(times)) // 44 * 0.6
    states = [d.state for d in make_recognizer().push(times, samples)]
    assert states.count("gap") == 3 * MAX_GAPS_WITHOUT_A_WINDOW - 1
    assert states.count("recognised") == 2 * 3 * MAX_GAPS_WITHOUT_A_WINDOW


def test_a_step_too_large_for_a_number_is_a_gap_and_no_warning(make_recognizer, motion):
    recognizer, (_, samples) = make_recognizer(), motion(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [d.state for d in recognizer.push([-1.7e308, 1.7e308], samples)] == [
            "gap",
            "warming up",
        ]


@pytest.mark.parametrize("rate_hz", [100.0, 104.0, 400.0])
def test_a_faster_sensor_is_filtered_down_when_asked_for(
    make_contract, fake_model, motion, rate_hz, push_in_chunks
):
    recognizer = Recognizer(make_contract(), fake_model(3), polyphase=True)
    times, samples = motion(round(4 * rate_hz), rate_hz=rate_hz)
    decisions = recognizer.push(times, samples)
    assert len(decisions) in ((200 - 20 - W) // HOP + 1, (200 - 20 - W) // HOP)
    assert decisions[0].time_s == pytest.approx(0.2 + (W - 1) / 50)
    fake = Recognizer(make_contract(), fake_model(3), polyphase=True)
    assert push_in_chunks(fake, times, samples, range(0, len(times), 7)) == decisions


def test_a_slower_sensor_is_refused_though_a_faster_one_would_be_filtered(
    make_contract, fake_model, motion, refusal
):
    recognizer = Recognizer(make_contract(), fake_model(3), polyphase=True)
    assert "comes at 40 Hz" in str(refusal(recognizer, *motion(400, rate_hz=40.0)))
