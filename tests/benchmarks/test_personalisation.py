"""The benchmark of personalisation: what counts as a false trigger, and the open-set half in small."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
RATE_HZ, WINDOW_S, STRETCH_S = 25.0, 2.0, 24.0
HZ = {"slow": 0.63, "fast": 3.1, "rest": 0.0}


@pytest.fixture(scope="module")
def people():
    """Two people, each with one recording of three motions and a pause without a label between them."""
    from edge_runtime.contract.spec import CHANNELS
    from img2imu.datasets import NO_LABEL, DataSet, LabelledRecording

    random, recordings = np.random.default_rng(0), []
    for person in ("anna", "ben"):
        samples, labels = [], []
        for number, hz in enumerate(HZ.values()):
            times_s = np.arange(round(STRETCH_S * RATE_HZ)) / RATE_HZ
            moved = random.normal(0, 0.05, (len(times_s), 6))
            moved[:, 0] += 4 * np.sin(2 * np.pi * hz * times_s)
            moved[:, 2] += 9.81
            samples += [moved, np.full((50, 6), 9.81) + random.normal(0, 0.05, (50, 6))]
            labels += [np.full(len(moved), number), np.full(50, NO_LABEL)]
        recordings.append(
            LabelledRecording(
                person,
                person,
                np.concatenate(samples).astype(np.float32),
                np.concatenate(labels).astype(np.int16),
            )
        )
    return DataSet("made", "", "", RATE_HZ, CHANNELS, tuple(HZ), tuple(recordings))


def test_motions_apart_are_neither_missed_nor_triggered_by_others(module, people, tmp_path):
    script, said = module("personalisation_open"), []
    path = tmp_path / "open.jsonl"
    found = script.open_set("made", people, tuple(HZ), WINDOW_S, [2, 5], 1, path, said.append)
    targets = [each for each in found if each.kind == "target"]
    assert len(said) == 2 and len(targets) == 2 * 3 * 2
    assert sum(each.false_triggers for each in targets) == 0
    assert [
        (each.person, each.target, each.auroc, each.unseen, each.stretches)
        for each in targets
        if each.k == 5
    ] == [(person, target, 1.0, 0, 1) for person in ("anna", "ben") for target in HZ]
    assert all(each.missed < 0.5 for each in targets if each.k == 5)
    later_s = 2 * (
        (STRETCH_S - WINDOW_S) / 2 - WINDOW_S
    )  # of two other motions, less the window that must be full
    assert all(abs(3600 * each.other_h - later_s) < 2 for each in targets)
    again = script.open_set("made", people, tuple(HZ), WINDOW_S, [5], 1, path, said.append)
    assert len(said) == 2 and again == [each for each in found if each.k == 5]
    more = script.open_set("made", people, tuple(HZ), WINDOW_S, [5], 2, path, said.append)
    assert len(said) == 4 and [each for each in more if each.draw == 0] == again
    assert len(more) == 2 * len(again) and {each.draw for each in more} == {0, 1}


def test_what_is_judged(module):
    script = module("personalisation_open")
    labels = np.array([0] * 10 + [1] * 10 + [-1] * 5 + [2] * 10)
    block = np.array([script.LATER] * 30 + [script.EARLIER] * 5)
    stream = script._Stream(np.empty((35, 6)), labels, block, np.empty((0, 1)), np.empty(0, int))
    kinds = [
        script._kind(stream, start, 5, {0}, 0, "target") for start in (0, 5, 6, 10, 15, 16, 25, 26)
    ]
    assert kinds == [1, 1, -1, 0, 0, -1, 0, -1]
    assert [script._kind(stream, start, 5, {0}, 1, "held out") for start in (0, 10, 25)] == [
        1,
        0,
        -1,
    ]


def test_runs_of_a_mask(module):
    runs = module("personalisation_open")._runs(
        np.array([True, True, False, True, False, False, True])
    )
    assert runs == [(0, 2), (3, 4), (6, 7)]


def test_the_fit_is_measured(module):
    text = module("personalisation")._fitting()
    assert "Fitting 10 classes of 10 windows of 2 s, six axes (2270 values each)" in text
