import numpy as np
import pytest

from edge_runtime import Recognizer
from export.demo.replay import replay
from img2imu.datasets import DataSet, LabelledRecording

LABEL_NAMES = (
    "walk",
    "rest",
    "shake",
    "jump",
)  # in another order than the model's, and one it does not know


@pytest.fixture(scope="module")
def data_set(motion, route):
    recordings = []
    for label, seconds in (("shake", 7.0), ("walk", 4.5), ("jump", 1.9)):
        samples = motion(label, seconds, seed=len(recordings))
        recordings.append(
            LabelledRecording(label, "me", samples, np.full(len(samples), LABEL_NAMES.index(label)))
        )
    return DataSet(
        "made up", "", "", 50.0, route.file.contract.stream.channels, LABEL_NAMES, tuple(recordings)
    )


@pytest.fixture(scope="module")
def live(route, data_set):
    return replay(
        Recognizer.load(route.exported.job.path), data_set, data_set.recordings, show_progress=False
    )


@pytest.fixture(scope="module")
def decisions(route, data_set):
    """What the recogniser says when each recording comes in one call."""
    recognizer = Recognizer.load(route.exported.job.path)
    found = []
    for recording in data_set.recordings:
        recognizer.reset()
        found.append(recognizer.push(np.arange(len(recording.samples)) / 50, recording.samples))
    return found


def test_every_decision_of_every_recording_counts(route, live, decisions):
    labels = route.file.contract.labels
    assert live.decisions_label.tolist() == [
        labels.index(d.label) for each in decisions for d in each
    ]
    truth = [
        labels.index(name)
        for name, each in zip(("shake", "walk", "jump"), decisions, strict=True)
        for _ in each
    ]
    assert live.decisions_truth.tolist() == truth
    assert not decisions[2]  # too short for a window
    assert live.latency_us.shape == (len(truth), 3)
    assert (live.latency_us > 0).all()
    assert (live.latency_us[:, 2] >= live.latency_us[:, :2].sum(1)).all()


def test_windows_do_not_overlap_and_are_the_decisions_own(route, data_set, live, decisions):
    contract = route.file.contract
    apart = -(-contract.window_samples // contract.hop_samples)
    i = 0
    for recording, each in zip(data_set.recordings, decisions, strict=True):
        for number in range(0, len(each), apart):
            begin = number * contract.hop_samples
            np.testing.assert_array_equal(
                live.windows[i], recording.samples[begin : begin + contract.window_samples]
            )
            np.testing.assert_array_equal(live.probabilities[i], each[number].window_probabilities)
            assert contract.labels[live.truth[i]] == recording.name
            i += 1
    assert i == len(live.windows) == len(live.truth) == len(live.probabilities) >= 4
    assert apart * contract.hop_samples >= contract.window_samples


def test_it_recognises(live):
    np.testing.assert_array_equal(live.probabilities.argmax(1), live.truth)
    np.testing.assert_array_equal(live.decisions_label, live.decisions_truth)


def test_a_label_that_is_not_shown_is_minus_one(route, data_set, monkeypatch):
    from edge_runtime.contract.spec import DecisionSpec

    recognizer = Recognizer.load(route.exported.job.path)
    monkeypatch.setattr(recognizer._smoother, "_spec", DecisionSpec(threshold=1.1))
    found = replay(recognizer, data_set, data_set.recordings[:1], show_progress=False)
    assert len(found.decisions_label) and (found.decisions_label == -1).all()
