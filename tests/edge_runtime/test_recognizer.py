import numpy as np
import pytest

from edge_runtime.contract.spec import DecisionSpec
from edge_runtime.frontend.spectrogram import Spectrogram
from edge_runtime.recognizer import Recognizer
from edge_runtime.recordings import read_recording

W, HOP, RATE_HZ = 32, 8, 50.0  # of the contract in conftest.py


def test_the_first_decision_falls_when_the_window_is_full_and_then_one_every_hop(
    make_recognizer, motion
):
    recognizer, (times, samples) = make_recognizer(), motion(100)
    at = [i for i in range(100) if recognizer.push(times[i], samples[i])]
    assert at == list(range(W - 1, 100, HOP))


def test_decisions_carry_the_time_of_their_newest_sample_and_what_they_cost(
    make_recognizer, motion
):
    decisions = make_recognizer().push(*motion(100, start_s=1.7e9))
    assert [d.time_s for d in decisions] == [1.7e9 + i / RATE_HZ for i in range(W - 1, 100, HOP)]
    for d in decisions:
        assert d.state == "recognised" and d.label in ("rest", "walk", "jump")
        assert 0 < d.latency_us.frontend + d.latency_us.inference <= d.latency_us.total


@pytest.mark.parametrize("hop", [4, 8, 32, 48])
def test_each_decision_is_that_of_the_window_computed_alone(
    make_recognizer, make_front_end, motion, hop
):
    recognizer, front_end = make_recognizer(hop_samples=hop), make_front_end(hop_samples=hop)
    times, samples = motion(150)
    n = len(recognizer.push(times, samples))
    assert n == (150 - W) // hop + 1
    for i, seen in enumerate(recognizer.model.seen):
        alone = front_end.compute(samples[i * hop : i * hop + W])
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


def test_the_bundled_model_decides_alike_for_any_chunking(demo, push_in_chunks):
    recognizer, recording = demo
    times, samples = recording.timestamps_s[:600], recording.samples[:600]
    results = []
    for cuts in ([], range(1, 600), range(0, 600, 7), [1, 2, 299, 300]):
        recognizer.reset()
        results.append(push_in_chunks(recognizer, times, samples, cuts))
    assert len(results[0]) > 5
    assert all(result == results[0] for result in results)
