"""The benchmark of personalisation: what counts as a false trigger, and the open half in small."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
RATE_HZ = 25.0
WINDOW_S = 2.0
STRETCH_S = 24.0
HZ = {"slow": 0.63, "fast": 3.1, "rest": 0.0}


@pytest.fixture(scope="module")
def script(module):
    return module("personalisation")


@pytest.fixture(scope="module")
def people():
    """Two people with one recording each: three motions, and unlabelled pauses between them."""
    from edge_runtime.contract.spec import CHANNELS
    from img2imu.datasets import NO_LABEL, DataSet, LabelledRecording

    random = np.random.default_rng(0)
    recordings = []
    for person in ("anna", "ben"):
        samples = []
        labels = []
        for number, hz in enumerate(HZ.values()):
            times_s = np.arange(round(STRETCH_S * RATE_HZ)) / RATE_HZ
            motion = random.normal(0, 0.05, (len(times_s), 6))
            motion[:, 0] += 4 * np.sin(2 * np.pi * hz * times_s)
            motion[:, 2] += 9.81
            pause = np.full((50, 6), 9.81) + random.normal(0, 0.05, (50, 6))
            samples += [motion, pause]
            labels += [np.full(len(motion), number), np.full(len(pause), NO_LABEL)]
        recordings.append(
            LabelledRecording(
                person,
                person,
                np.concatenate(samples).astype(np.float32),
                np.concatenate(labels).astype(np.int16),
            )
        )
    return DataSet("made", "", "", RATE_HZ, CHANNELS, tuple(HZ), tuple(recordings))


def test_clear_motions_are_neither_missed_nor_triggered_by_others(script, people, tmp_path):
    lines = []
    path = tmp_path / "open.jsonl"

    def teach(ks, draws):
        return script.teach_all("made", people, tuple(HZ), WINDOW_S, ks, draws, path, lines.append)

    teachings = teach([2, 5], 1)
    targets = [t for t in teachings if t.kind == "target"]
    assert len(lines) == 2 and len(targets) == 2 * 3 * 2
    assert sum(t.false_triggers for t in targets) == 0
    assert [(t.person, t.target, t.auroc, t.unseen, t.stretches) for t in targets if t.k == 5] == [
        (person, target, 1.0, 0, 1) for person in ("anna", "ben") for target in HZ
    ]
    assert all(t.missed < 0.5 for t in targets if t.k == 5)
    # of two other motions, less the window that must be full
    later_s = 2 * ((STRETCH_S - WINDOW_S) / 2 - WINDOW_S)
    assert all(abs(3600 * t.other_h - later_s) < 2 for t in targets)
    again = teach([5], 1)
    assert len(lines) == 2 and again == [t for t in teachings if t.k == 5]
    more = teach([5], 2)
    assert len(lines) == 4 and [t for t in more if t.draw == 0] == again
    assert len(more) == 2 * len(again) and {t.draw for t in more} == {0, 1}


def test_which_windows_are_judged(script):
    labels = np.array([0] * 10 + [1] * 10 + [-1] * 5 + [2] * 10)
    block = np.array([script.LATER] * 30 + [script.EARLIER] * 5)
    stream = script._Stream(np.empty((35, 6)), labels, block, np.empty((0, 1)), np.empty(0, int))

    def truths(starts, target, kind):
        return [script._truth(stream, start, 5, {0}, target, kind) for start in starts]

    starts = (0, 5, 6, 10, 15, 16, 25, 26)
    assert truths(starts, 0, "target") == [1, 1, -1, 0, 0, -1, 0, -1]
    assert truths((0, 10, 25), 1, "held out") == [1, 0, -1]


def test_runs_of_a_mask(script):
    runs = script._runs(np.array([True, True, False, True, False, False, True]))
    assert runs == [(0, 2), (3, 4), (6, 7)]


def test_the_fit_is_measured(script):
    text = script.time_fit()
    assert "Fitting 10 classes of 10 windows of 2 s, six axes (2270 values each)" in text
