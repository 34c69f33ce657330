import math
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.checks import STANDARD_GRAVITY
from edge_runtime.contract import DecisionSpec
from edge_runtime.decision import Decision
from edge_runtime.errors import StreamError
from edge_runtime.frontend.spectrogram import Spectrogram
from edge_runtime.recognizer import MAX_GAPS_WITHOUT_A_WINDOW, Recognizer
from edge_runtime.recordings import read_recording

W, HOP, RATE_HZ = 32, 8, 50.0  # of the contract in conftest.py
CUTS = st.lists(st.integers(0, 400), max_size=12).map(sorted)


@pytest.fixture(scope="session")
def make_recognizer(make_contract, fake_model):
    """A recogniser over a fake model; arguments as for make_contract."""
    def make(answer=None, **changes):
        contract = make_contract(**changes)
        return Recognizer(contract, fake_model(len(contract.labels), answer))
    return make


def push_in_chunks(recognizer, times, samples, cuts):
    decisions = []
    for t, s in zip(np.split(times, cuts), np.split(samples, cuts), strict=True):
        decisions += recognizer.push(t, s)
    return decisions


def refusal(recognizer, times, samples):
    with pytest.raises(StreamError) as caught:
        recognizer.push(times, samples)
    return caught.value


# ---- the regular stream


def test_the_first_decision_falls_when_the_window_is_full_and_then_one_every_hop(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(100)
    at = [i for i in range(100) if recognizer.push(times[i], samples[i])]
    assert at == list(range(W - 1, 100, HOP))


def test_decisions_carry_the_time_of_their_newest_sample_and_what_they_cost(make_recognizer, motion):
    decisions = make_recognizer().push(*motion(100, start_s=1.7e9))
    assert [d.time_s for d in decisions] == [1.7e9 + i / RATE_HZ for i in range(W - 1, 100, HOP)]
    for d in decisions:
        assert d.state == "recognised" and d.label in ("rest", "walk", "jump")
        assert 0 < d.latency_us.frontend + d.latency_us.inference <= d.latency_us.total


@pytest.mark.parametrize("hop", [4, 8, 32, 48])
def test_each_decision_is_that_of_the_window_computed_alone(make_recognizer, make_front_end, motion, hop):
    recognizer, front_end = make_recognizer(hop_samples=hop), make_front_end(hop_samples=hop)
    times, samples = motion(150)
    n = len(recognizer.push(times, samples))
    assert n == (150 - W) // hop + 1
    for i, seen in enumerate(recognizer.model.seen):
        alone = front_end.compute(samples[i * hop:i * hop + W])
        np.testing.assert_array_equal(seen.images, alone.images)
        np.testing.assert_allclose(seen.statistics, alone.statistics, rtol=1e-6, atol=1e-6)


def test_only_the_frames_that_a_hop_brought_are_computed(make_recognizer, motion, monkeypatch):
    computed, columns = [], Spectrogram.columns

    def count(self, samples):
        made = columns(self, samples)
        computed.append((self.spec.fft_samples, len(made)))
        return made
    monkeypatch.setattr(Spectrogram, "columns", count)
    make_recognizer(fft_samples=(8, 16), step_samples=4).push(*motion(W + 2 * HOP))
    assert computed == [(8, 7), (16, 5)] + 2 * [(8, HOP // 4), (16, HOP // 4)]


def test_fill_shows_the_warm_up(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(60)
    assert recognizer.fill == 0
    recognizer.push(times[:8], samples[:8])
    assert recognizer.fill == 8 / W
    recognizer.push(times[8:], samples[8:])
    assert recognizer.fill == 1


def test_probabilities_are_smoothed_as_the_contract_says(make_recognizer, motion):
    answers = iter(np.eye(3, dtype=np.float32)[[0, 1, 1]])
    recognizer = make_recognizer(answer=lambda _: next(answers), decision=DecisionSpec(2, 0.6))
    decisions = recognizer.push(*motion(W + 2 * HOP))
    assert [d.probabilities for d in decisions] == [(1, 0, 0), (0.5, 0.5, 0), (0, 1, 0)]
    assert [d.label for d in decisions] == ["rest", None, "walk"]


# ---- chunks


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
def test_any_chunking_gives_bit_identical_decisions(make_recognizer, motion, stream, cuts, channels):
    times, seed = stream
    _, samples = motion(len(times), channels=channels, seed=seed)
    whole = make_recognizer(channels=channels).push(times, samples)
    chunks = push_in_chunks(make_recognizer(channels=channels), times, samples, [min(c, len(times)) for c in cuts])
    one_by_one = push_in_chunks(make_recognizer(channels=channels), times, samples, range(1, len(times)))
    assert whole == chunks == one_by_one
    if (times[-1] - times[0]) * RATE_HZ > W and np.diff(times).max() < 0.5:
        assert whole  # the comparison above was not of nothing


def test_the_same_recogniser_decides_alike_after_reset(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(123)
    first = recognizer.push(times, samples)
    recognizer.reset()
    assert recognizer.fill == 0
    assert recognizer.push(times - 100, samples) == [
        replace(d, time_s=pytest.approx(d.time_s - 100)) for d in first]


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
    assert [d for t, s in zip(times, samples, strict=True) for d in one_by_one.push(t, s.tolist())] == expected


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
        time_buffer[:], sample_buffer[:] = times[i:i + 10], samples[i:i + 10]
        decisions += recognizer.push(time_buffer, sample_buffer)
        time_buffer[:], sample_buffer[:] = -1, -1
    assert decisions == expected


# ---- time


@pytest.mark.parametrize("seed", range(3))
def test_jittered_timestamps_of_a_smooth_signal_change_little(make_recognizer, fake_model, seed):
    def first_two(features):
        return np.array([features.statistics[0], features.statistics[1], features.images.mean()])
    n = np.arange(200)
    times = n / RATE_HZ
    jittered = times + np.random.default_rng(seed).uniform(-0.3, 0.3, 200) / RATE_HZ
    jittered[0] = 0

    def signal(t):
        return np.stack([np.sin(2 * np.pi * (1 + c / 5) * t) + 9.81 * (c == 2) for c in range(6)], axis=1)
    expected = make_recognizer(answer=first_two).push(times, signal(times))
    found = make_recognizer(answer=first_two).push(jittered, signal(jittered))
    assert len(expected) - 1 <= len(found) <= len(expected)
    for a, b in zip(expected, found, strict=False):
        assert a.time_s == b.time_s
        np.testing.assert_allclose(a.window_probabilities[:2], b.window_probabilities[:2], atol=0.02)
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
def test_another_rate_is_refused_without_a_single_label(make_recognizer, motion, is_sentence, window, hop, factor):
    times, samples = motion(3000, rate_hz=RATE_HZ * factor)
    error = refusal(make_recognizer(window_samples=window, hop_samples=hop), times, samples)
    assert f"the stream comes at {RATE_HZ * factor:.4g} Hz, expected 50 Hz" in str(error)
    assert is_sentence(str(error)) and error.decisions == ()


def test_a_rate_that_changes_on_the_way_is_refused_after_the_good_decisions(make_recognizer, motion):
    times, samples = motion(200)
    times[100:] = times[99] + (times[100:] - times[99]) * 1.5
    clean = make_recognizer().push(times[:100], samples[:100])
    error = refusal(make_recognizer(), times, samples)
    assert "Hz, expected 50 Hz" in str(error)
    assert list(error.decisions[:len(clean)]) == clean


def test_a_gap_is_announced_and_the_window_must_fill_up_again(make_recognizer, motion):
    times, samples = motion(200)
    times[100:] += 0.51
    decisions = make_recognizer().push(times, samples)
    before = [d for d in decisions if d.time_s < times[100]]
    gap, warming_up, *after = decisions[len(before):]
    assert warming_up == Decision.warming_up(times[100])
    assert len(before) == (100 - W) // HOP + 1
    assert (gap.state, gap.time_s, gap.label, gap.probabilities) == ("gap", times[100], None, ())
    np.testing.assert_allclose([d.time_s for d in after], times[100 + W - 1::HOP], atol=1e-9)


def test_after_a_gap_decisions_are_those_of_a_new_stream(make_recognizer, motion):
    times, samples = motion(200)
    times[100:] += 7
    decisions = make_recognizer().push(times, samples)
    fresh = make_recognizer().push(times[100:], samples[100:])
    assert decisions[-len(fresh):] == fresh and [d.state for d in decisions[-len(fresh) - 2:-len(fresh)]] == [
        "gap", "warming up"]


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
def test_a_stream_of_nothing_but_gaps_is_refused(make_recognizer, motion, is_sentence, gap_s):
    times = gap_s * np.arange(30)
    error = refusal(make_recognizer(), times, motion(30)[1])
    assert [d.state for d in error.decisions] == ["gap", "warming up"] * (MAX_GAPS_WITHOUT_A_WINDOW - 1)
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
        assert [d.state for d in recognizer.push([-1.7e308, 1.7e308], samples)] == ["gap", "warming up"]


# ---- disorder, clocks, silence


def accounted(recognizer):
    c = recognizer.counts
    return c.received == c.used + c.waiting + c.late + c.duplicate + c.refused


@pytest.mark.parametrize("back_s", [6.0, 3600.0])
def test_a_clock_set_back_is_a_gap_and_then_a_new_stream(make_recognizer, motion, back_s):
    times, samples = motion(200)
    times[100:] -= back_s
    recognizer = make_recognizer()
    decisions = recognizer.push(times, samples)
    fresh = make_recognizer().push(times[100:], samples[100:])
    assert decisions[-len(fresh) - 2:] == [Decision.gap(times[100]), Decision.warming_up(times[100]), *fresh]
    assert decisions[:-len(fresh) - 2] == make_recognizer().push(times[:100], samples[:100])
    assert recognizer.counts.gaps == 1 and recognizer.counts.used == 200


def test_no_window_holds_samples_from_both_sides_of_a_clock_set_back_a_little(make_recognizer, motion):
    times, samples = motion(300)
    times[150:] -= 1.5
    recognizer = make_recognizer()
    decisions = recognizer.push(times, samples)
    at = [d.state for d in decisions].index("gap")
    assert decisions[at].time_s == times[175] and recognizer.counts.late == 25  # half a second's worth
    assert decisions[at + 2:] == make_recognizer().push(times[175:], samples[175:])


def test_a_clock_that_stands_still_is_refused_in_the_end(make_recognizer, motion, is_sentence):
    error = refusal(make_recognizer(), np.zeros(1000), motion(1000)[1])
    assert "a clock that stood still or was set back" in str(error) and is_sentence(str(error))
    assert all(d.label is None for d in error.decisions)


@settings(max_examples=60)
@given(stream=streams(), cuts=CUTS, seed=st.integers(0, 9), hold_s=st.sampled_from([0.0, 0.1]),
       jump_s=st.sampled_from([0.0, -0.2, -2.0, -4000.0, 4000.0]))
def test_any_chunking_of_a_disordered_stream_gives_bit_identical_decisions(make_contract, fake_model, motion, stream,
                                                                           cuts, seed, hold_s, jump_s):
    times = stream[0]
    times[len(times) // 2:] += jump_s
    swapped = np.argsort(np.arange(len(times)) + np.random.default_rng(seed).uniform(0, 3, len(times)))
    times, samples = times[swapped], motion(len(times), seed=seed)[1]

    def decide(cuts):
        recognizer, decisions, refused = Recognizer(make_contract(), fake_model(3), hold_s=hold_s), [], ""
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


def test_held_samples_make_a_disordered_stream_that_of_an_ordered_one(make_contract, fake_model, motion):
    times, samples = motion(200)
    order = np.argsort(np.arange(200) + np.random.default_rng(3).uniform(0, 4, 200))
    recognizer = Recognizer(make_contract(), fake_model(3), hold_s=0.1)
    found = recognizer.push(times[order], samples[order])
    found += recognizer.flush()
    assert found == Recognizer(make_contract(), fake_model(3)).push(times, samples)
    assert recognizer.counts.received == recognizer.counts.used == 200


def test_every_decision_carries_what_became_of_the_samples(make_recognizer, motion):
    times, samples = motion(100)
    repeated = np.insert(np.arange(100), [20, 30], [5, 29])  # one late, one twice
    recognizer = make_recognizer()
    *_, last = recognizer.push(times[repeated], samples[repeated])
    assert (last.counts.received, last.counts.late, last.counts.duplicate) == (102, 1, 1)
    assert recognizer.counts.used == 100 and recognizer.counts.dropped == 2


def test_samples_made_up_in_a_short_pause_are_counted(make_recognizer, motion):
    times, samples = motion(200)
    times[50:] += 0.2
    recognizer = make_recognizer(window_samples=128)
    recognizer.push(times, samples)
    assert recognizer.counts.interpolated == 10


@pytest.mark.parametrize("pause_s", [0.1, 0.3, 0.48])
def test_a_window_with_too_much_made_up_gives_no_label_and_the_stream_goes_on(make_recognizer, motion, pause_s):
    times, samples = motion(300)
    times[150:] += pause_s  # of a window of 0.64 s
    found = make_recognizer().push(times, samples)
    states = [d.state for d in found]
    during = [d for d in found if times[149] < d.time_s < times[150] + (W + HOP) / RATE_HZ]
    assert states.count("gap") >= 3 and {d.state for d in found if d not in during} == {"recognised"}
    assert all(d.label is None and d.probabilities == () for d in during if d.state == "gap")
    after = [d for d in found if d.time_s > times[150] + (W + HOP) / RATE_HZ]
    assert len(after) >= 10


def test_units_are_checked_though_the_first_window_has_holes(make_recognizer, motion):
    times, samples = motion(300)
    times[10:] += 0.3
    error = refusal(make_recognizer(), times, samples / STANDARD_GRAVITY)
    assert "look like g" in str(error) and {d.state for d in error.decisions} == {"gap"}


def test_a_refused_call_is_accounted_for(make_recognizer, motion):
    times, samples = motion(100)
    samples[60, 2] = math.nan
    recognizer = make_recognizer()
    refusal(recognizer, times, samples)
    assert (recognizer.counts.used, recognizer.counts.refused) == (60, 40)


def test_silence_is_a_gap_that_is_said_once(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(100)
    assert recognizer.silent(1.0) == []  # nothing has come yet: there is no label to take back
    recognizer.push(times, samples)
    assert recognizer.silent(0.6) == [Decision.gap(times[-1])]
    assert recognizer.silent(1.1) == [] and recognizer.push([], []) == []


def test_samples_that_were_only_under_way_go_on_in_the_same_window(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(400)
    expected = make_recognizer().push(times, samples)
    found = recognizer.push(times[:100], samples[:100])
    recognizer.silent(4.0)
    found += recognizer.push(times[100:], samples[100:])  # six seconds at once
    assert found == expected and recognizer.counts.gaps == 0


def test_a_clock_that_stood_still_in_the_silence_does_not_join_two_times(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(200)
    recognizer.push(times[:100], samples[:100])
    recognizer.silent(60.0)
    after = recognizer.push(times[100:120], samples[100:120]) + recognizer.push(times[120:], samples[120:])
    assert after == [Decision.warming_up(times[100]), *make_recognizer().push(times[100:], samples[100:])]


def test_after_silence_a_gap_is_not_said_twice(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(200)
    times[100:] += 60
    recognizer.push(times[:100], samples[:100])
    said = recognizer.silent(59.0)
    after = recognizer.push(times[100:], samples[100:])
    assert [d.state for d in (*said, *after[:2])] == ["gap", "warming up", "recognised"]
    assert recognizer.counts.gaps == 1


def test_a_window_that_was_filling_before_the_silence_says_so_again(make_recognizer, motion):
    recognizer, (times, samples) = make_recognizer(), motion(200)
    recognizer.push(times[:20], samples[:20])
    recognizer.silent(0.4)
    assert [d.state for d in recognizer.push(times[20:W], samples[20:W])] == ["warming up", "recognised"]


@pytest.mark.parametrize("rate_hz", [100.0, 104.0, 400.0])
def test_a_faster_sensor_is_filtered_down_when_asked_for(make_contract, fake_model, motion, rate_hz):
    recognizer = Recognizer(make_contract(), fake_model(3), polyphase=True)
    times, samples = motion(round(4 * rate_hz), rate_hz=rate_hz)
    decisions = recognizer.push(times, samples)
    assert len(decisions) in ((200 - 20 - W) // HOP + 1, (200 - 20 - W) // HOP)
    assert decisions[0].time_s == pytest.approx(0.2 + (W - 1) / 50)
    fake = Recognizer(make_contract(), fake_model(3), polyphase=True)
    assert push_in_chunks(fake, times, samples, range(0, len(times), 7)) == decisions


def test_a_slower_sensor_is_refused_though_a_faster_one_would_be_filtered(make_contract, fake_model, motion):
    recognizer = Recognizer(make_contract(), fake_model(3), polyphase=True)
    assert "comes at 40 Hz" in str(refusal(recognizer, *motion(400, rate_hz=40.0)))


@pytest.mark.parametrize("hold_s", [-1.0, 10.1, math.nan])
def test_a_hold_that_makes_no_sense_is_refused(make_contract, fake_model, hold_s):
    with pytest.raises(StreamError, match="expected 0 to 10"):
        Recognizer(make_contract(), fake_model(3), hold_s=hold_s)


def test_a_long_stream_is_accounted_for_and_takes_no_memory(make_contract, fake_model, motion):
    class Forgetful(fake_model):
        def infer(self, features):
            self.seen.clear()
            return super().infer(features)
    recognizer = Recognizer(make_contract(hop_samples=W), Forgetful(3), hold_s=0.1)
    times, samples = motion(1000)
    ours = [tracemalloc.Filter(True, "*/edge_runtime/*.py"), tracemalloc.Filter(False, "*/tests/*")]
    held = []
    tracemalloc.start()
    try:
        for i in range(40):
            assert all(d.state == "recognised" for d in recognizer.push(times + 20 * i, samples))
            if i in (9, 39):
                held.append(tracemalloc.take_snapshot().filter_traces(ours))
    finally:
        tracemalloc.stop()
    assert recognizer.counts.received == 40_000 and accounted(recognizer)
    # bytes; 30,000 samples are 960,000, and Python keeps freed tuples for later
    assert sum(change.size_diff for change in held[1].compare_to(held[0], "filename")) < 300_000


# ---- bad input


BAD_SAMPLES = {
    "nan": lambda t, s, i: s.__setitem__((i, 3), math.nan),
    "infinite": lambda t, s, i: s.__setitem__((i, 0), -math.inf),
    "huge": lambda t, s, i: s.__setitem__((i, 5), 1e300),
    "time nan": lambda t, s, i: t.__setitem__(i, math.nan),
    "time infinite": lambda t, s, i: t.__setitem__(i, math.inf),
}


@settings(max_examples=60)
@given(kind=st.sampled_from(list(BAD_SAMPLES)), place=st.integers(1, 199), cuts=CUTS)
def test_a_bad_sample_ends_the_stream_after_the_decisions_before_it(make_recognizer, motion, kind, place, cuts):
    times, samples = motion(200)
    samples = samples.astype(np.float64)
    clean = make_recognizer().push(times[:place], samples[:place])
    BAD_SAMPLES[kind](times, samples, place)
    recognizer, decisions, refused = make_recognizer(), [], False
    for t, s in zip(np.split(times, cuts), np.split(samples, cuts), strict=True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                decisions += recognizer.push(t, s)
        except StreamError as error:
            decisions += error.decisions
            refused = True
            break
    assert refused
    assert decisions == clean
    assert recognizer.fill == 0


@pytest.mark.parametrize("kind", BAD_SAMPLES)
def test_after_a_refusal_a_new_window_must_fill_up(make_recognizer, motion, is_sentence, kind):
    times, samples = motion(200)
    bad_times, bad_samples = times[:60].copy(), samples[:60].astype(np.float64)
    BAD_SAMPLES[kind](bad_times, bad_samples, 59)
    recognizer = make_recognizer()
    assert is_sentence(str(refusal(recognizer, bad_times, bad_samples)))
    assert recognizer.push(times[60:60 + W - 1], samples[60:60 + W - 1]) == []
    assert len(recognizer.push(times[60 + W - 1:60 + W], samples[60 + W - 1:60 + W])) == 1


@pytest.mark.parametrize("change, words", [
    (lambda s: s / STANDARD_GRAVITY, "look like g"),
    (lambda s: s * 1000 / STANDARD_GRAVITY, "thousandths of g"),
    (lambda s: s * 1670, "raw counts"),
    (lambda s: s - np.array([0, 0, 9.81, 0, 0, 0]), "gravity seems to be removed"),
    (lambda s: s * 0, "nothing but zeros"),
])
def test_a_stream_in_another_unit_is_refused_without_a_single_label(make_recognizer, motion, change, words):
    times, samples = motion(200)
    recognizer = make_recognizer()
    for begin in range(0, 200, 50):
        try:
            assert recognizer.push(times[begin:begin + 50], change(samples[begin:begin + 50])) == []
        except StreamError as error:
            assert words in str(error) and error.decisions == ()
            break
    else:
        pytest.fail("never refused")


def test_a_sensor_that_dies_on_the_way_is_refused(make_recognizer, motion):
    times, samples = motion(200)
    samples[100:, :3] = 0
    error = refusal(make_recognizer(), times, samples)
    assert error.decisions and error.decisions[-1].time_s < times[100 + W]


@pytest.mark.parametrize("times, samples", [
    ([0.0], [[1.0, 2.0, 3.0]]), ([0.0, 0.02], np.ones((3, 6))), ([0.0], np.ones(5)), ([[0.0]], np.ones((1, 6))),
    ([0.0, 0.02], np.ones(6)), ([], np.ones((1, 6))), (0.0, 1.0), ([0.0], np.ones((1, 6, 1))),
    (["soon"], np.ones((1, 6))), ([0.0], [["a"] * 6]), ([0.0, 0.02], [[1.0] * 6, [1.0] * 5]), ([0.0], None),
    (None, np.ones((1, 6))), ([0.0], [[None] * 6]), ([0.0], [{}]),
])
def test_arrays_of_another_shape_or_type_are_refused_and_end_the_stream(make_recognizer, motion, is_sentence, times,
                                                                       samples):
    recognizer = make_recognizer()
    recognizer.push(*motion(20))
    error = refusal(recognizer, times, samples)
    assert is_sentence(str(error)) and error.decisions == ()
    assert recognizer.fill == 0


def test_a_shape_error_names_the_columns(make_recognizer):
    error = refusal(make_recognizer(channels=3), [0.0], [[1.0, 2.0]])
    assert "acc_x, acc_y, acc_z" in str(error) and "(1, 2)" in str(error)


# ---- the bundled model


@pytest.fixture(scope="module")
def demo(demo_model_path, demo_recording_path):
    recording = read_recording(demo_recording_path)
    return Recognizer.load(demo_model_path), recording


def test_the_bundled_recording_is_recognised(demo):
    recognizer, recording = demo
    assert recording.channels == recognizer.contract.stream.channels
    recognizer.reset()
    decisions = recognizer.push(recording.timestamps_s, recording.samples)
    duration_s = recording.timestamps_s[-1] - recording.timestamps_s[0]
    expected = (duration_s - recognizer.contract.window_s) / recognizer.contract.hop_s
    assert abs(len(decisions) - expected) <= 2
    assert {d.state for d in decisions} <= {"recognised", "unknown"}
    assert sum(d.state == "recognised" for d in decisions) > len(decisions) / 2


def test_the_bundled_model_decides_alike_for_any_chunking(demo):
    recognizer, recording = demo
    times, samples = recording.timestamps_s[:600], recording.samples[:600]
    results = []
    for cuts in ([], range(1, 600), range(0, 600, 7), [1, 2, 299, 300]):
        recognizer.reset()
        results.append(push_in_chunks(recognizer, times, samples, cuts))
    assert len(results[0]) > 5
    assert all(result == results[0] for result in results)
