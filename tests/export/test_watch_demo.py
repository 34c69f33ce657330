import dataclasses
import struct

import numpy as np
import pytest
from matplotlib.image import imread

from edge_runtime import Recognizer
from export.watch_demo import (
    DemoReport,
    Replayed,
    draw_confusion,
    draw_spectrograms,
    print_demo_report,
    replay,
    score,
)
from img2imu.datasets import DataSet, LabelledRecording

# ---- replay

# in another order than the model's labels, and with one that it does not know
LABEL_NAMES = ("walk", "rest", "shake", "jump")


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
def replayed(route, data_set):
    return replay(
        Recognizer.load(route.exported.job.path), data_set, data_set.recordings, show_progress=False
    )


@pytest.fixture(scope="module")
def decisions(route, data_set):
    """Decisions of the recogniser, by recording, if each is pushed in one call."""
    recognizer = Recognizer.load(route.exported.job.path)
    by_recording = []
    for recording in data_set.recordings:
        recognizer.reset()
        times_s = np.arange(len(recording.samples)) / 50
        by_recording.append(recognizer.push(times_s, recording.samples))
    return by_recording


def test_every_decision_of_every_recording_counts(route, replayed, decisions):
    labels = route.file.contract.labels
    assert replayed.decisions_label.tolist() == [
        labels.index(decision.label) for recording in decisions for decision in recording
    ]
    truth = [
        labels.index(name)
        for name, recording in zip(("shake", "walk", "jump"), decisions, strict=True)
        for _ in recording
    ]
    assert replayed.decisions_truth.tolist() == truth
    assert not decisions[2]  # too short for a window
    assert replayed.latency_us.shape == (len(truth), 3)
    assert (replayed.latency_us > 0).all()
    assert (replayed.latency_us[:, 2] >= replayed.latency_us[:, :2].sum(1)).all()


def test_windows_do_not_overlap_and_are_those_the_decisions_saw(
    route, data_set, replayed, decisions
):
    contract = route.file.contract
    stride = -(-contract.window_samples // contract.hop_samples)
    i = 0
    for recording, its_decisions in zip(data_set.recordings, decisions, strict=True):
        for number in range(0, len(its_decisions), stride):
            begin = number * contract.hop_samples
            np.testing.assert_array_equal(
                replayed.windows[i], recording.samples[begin : begin + contract.window_samples]
            )
            np.testing.assert_array_equal(
                replayed.probabilities[i], its_decisions[number].window_probabilities
            )
            assert contract.labels[replayed.truth[i]] == recording.name
            i += 1
    assert i == len(replayed.windows) == len(replayed.truth) == len(replayed.probabilities) >= 4
    assert stride * contract.hop_samples >= contract.window_samples


def test_the_motions_are_recognised(replayed):
    np.testing.assert_array_equal(replayed.probabilities.argmax(1), replayed.truth)
    np.testing.assert_array_equal(replayed.decisions_label, replayed.decisions_truth)


def test_a_decision_without_a_label_is_minus_one(route, data_set, monkeypatch):
    from edge_runtime.contract.spec import DecisionSpec

    recognizer = Recognizer.load(route.exported.job.path)
    monkeypatch.setattr(recognizer._smoother, "_spec", DecisionSpec(threshold=1.1))
    replayed = replay(recognizer, data_set, data_set.recordings[:1], show_progress=False)
    assert len(replayed.decisions_label) and (replayed.decisions_label == -1).all()


# ---- figures

LABELS = ("jump", "shake", "walk")
TRUTH = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 2, 2, 0, 0, 1])
FLOAT_PREDICTED = np.array([0, 0, 0, 1, 1, 2, 2, 0, 0, 1])
DECISIONS_TRUTH = np.array([0, 0, 1, 1, 2, 2])
DECISIONS = np.array([0, -1, 1, 1, 2, 0])


def f1_of(truth, predicted, c):
    """Return precision, recall and F1 of a class, by counting."""
    hits = sum(t == c and p == c for t, p in zip(truth, predicted, strict=True))
    precision = hits / max(1, sum(p == c for p in predicted))
    recall = hits / max(1, sum(t == c for t in truth))
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


@pytest.fixture
def figures():
    latency_us = np.stack([np.arange(1, 101), np.arange(101, 201), 1000.0 * np.arange(1, 101)], 1)
    replayed = Replayed(
        windows=np.zeros((10, 4, 6), np.float32),
        truth=TRUTH,
        probabilities=np.eye(3)[PREDICTED],
        decisions_truth=DECISIONS_TRUTH,
        decisions_label=DECISIONS,
        latency_us=latency_us,
    )
    return score(LABELS, replayed, np.eye(3)[FLOAT_PREDICTED])


@pytest.fixture
def report(figures):
    return DemoReport(
        **figures,
        n_test_people=2,
        model_bytes=200 * 1024,
        train_seconds=1.25,
        export_seconds=9.0,
        seed=3,
        test_people=["ada", "bo"],
        runtime="LiteRT 2",
        threads=1,
    )


def test_scores_are_those_counted_by_hand(figures):
    by_hand = [f1_of(TRUTH, PREDICTED, c) for c in range(3)]
    assert by_hand[2] == (1.0, 0.4, pytest.approx(4 / 7))  # two of five found, no false alarm
    for c, (label, row) in enumerate(figures["per_class"].items()):
        assert label == LABELS[c]
        assert [row[key] for key in ("precision", "recall", "f1")] == pytest.approx(by_hand[c])
        assert row["windows"] == TRUTH.tolist().count(c)
    assert figures["macro_f1"] == pytest.approx(np.mean([f1 for *_, f1 in by_hand]))
    assert figures["macro_f1_float"] == pytest.approx(
        np.mean([f1_of(TRUTH, FLOAT_PREDICTED, c)[2] for c in range(3)])
    )
    assert figures["n_test_windows"] == 10
    assert figures["float_int8_agreement"] == pytest.approx(0.9)


def test_a_decision_without_a_label_is_a_miss(figures):
    expected = np.mean([f1_of(DECISIONS_TRUTH, DECISIONS, c)[2] for c in range(3)])
    assert figures["macro_f1_decisions"] == pytest.approx(expected)
    assert expected < 1


def test_latency_is_split_and_in_percentiles(figures):
    assert set(figures["latency_us"]) == {"frontend", "inference", "total"}
    assert figures["latency_us"]["frontend"] == pytest.approx(
        {"p50": 50.5, "p95": 95.05, "p99": 99.01}
    )
    assert figures["latency_us"]["inference"]["p50"] == pytest.approx(150.5)
    assert figures["latency_us"]["total"]["p99"] == pytest.approx(99010)


def test_a_class_never_performed_and_never_recognised_scores_zero():
    replayed = Replayed(
        windows=np.zeros((2, 4, 6), np.float32),
        truth=np.array([0, 1]),
        probabilities=np.eye(3)[[0, 1]],
        decisions_truth=np.array([0]),
        decisions_label=np.array([0]),
        latency_us=np.ones((1, 3)),
    )
    figures = score(LABELS, replayed, np.eye(3)[[0, 1]])
    assert figures["per_class"]["walk"] == {"precision": 0, "recall": 0, "f1": 0, "windows": 0}
    assert figures["macro_f1"] == pytest.approx(2 / 3)


def test_the_report_has_the_keys_of_its_interface(report):
    keys = {field.name for field in dataclasses.fields(report)}
    assert keys >= {
        "macro_f1",
        "macro_f1_float",
        "per_class",
        "n_test_windows",
        "n_test_people",
        "float_int8_agreement",
        "model_bytes",
        "latency_us",
        "train_seconds",
        "seed",
    }


def test_every_figure_is_printed(report, capsys):
    print_demo_report(report)
    printed = capsys.readouterr().out
    assert "10 windows of 2 people the model never saw (ada, bo)" in " ".join(printed.split())
    walk = next(line for line in printed.splitlines() if "walk" in line)
    assert walk.split() == ["walk", "1.00", "0.40", "0.57", "5"]
    total = next(line for line in printed.splitlines() if line.split()[:1] == ["total"])
    assert total.split() == ["total", "50500", "95050", "99010"]
    for text in (
        f"{report.macro_f1:.3f} (float {report.macro_f1_float:.3f})",
        "on 90.0% of the windows",
        "200 KiB",
        "1.2 s, exported in 9.0 s",
        "LiteRT 2, 1 thread",
    ):
        assert text in printed


# ---- pictures


def size_of(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def ink(path):
    """Return the share of pixels that are not white."""
    return float((imread(path)[..., :3].min(2) < 0.95).mean())


def test_spectrograms_fill_a_picture_of_moderate_size(route, motion, tmp_path):
    contract = route.file.contract
    windows = {label: motion(label, 2.0) for label in contract.labels}
    draw_spectrograms(tmp_path / "s.png", contract, windows)
    width, height = size_of(tmp_path / "s.png")
    assert 300 < width < 2000 and 300 < height < 2000
    assert (tmp_path / "s.png").stat().st_size < 500_000
    assert ink(tmp_path / "s.png") > 0.3


def test_every_class_has_a_row_that_shows_its_motion(route, motion, tmp_path):
    for name, label in (("one", "walk"), ("two", "shake")):
        draw_spectrograms(
            tmp_path / f"{name}.png", route.file.contract, {"same": motion(label, 2.0)}
        )
    draw_spectrograms(
        tmp_path / "both.png",
        route.file.contract,
        {label: motion(label, 2.0) for label in ("walk", "shake")},
    )
    assert size_of(tmp_path / "both.png")[1] > size_of(tmp_path / "one.png")[1]
    assert not np.array_equal(imread(tmp_path / "one.png"), imread(tmp_path / "two.png"))


@pytest.mark.parametrize("n", [2, 7, 20])
def test_a_confusion_matrix_fits_any_number_of_classes(tmp_path, n):
    counts = np.eye(n, dtype=np.int64) * 9
    counts[0] = 0  # a class that nobody performed
    draw_confusion(tmp_path / "c.png", tuple(f"class {i}" for i in range(n)), counts, "a title")
    width, height = size_of(tmp_path / "c.png")
    assert 300 < width < 2500 and 300 < height < 2500
    assert 0.01 < ink(tmp_path / "c.png") < 0.9


def test_a_confusion_matrix_shows_errors(tmp_path):
    draw_confusion(tmp_path / "right.png", ("a", "b"), np.array([[5, 0], [0, 5]]), "t")
    draw_confusion(tmp_path / "wrong.png", ("a", "b"), np.array([[0, 5], [5, 0]]), "t")
    assert not np.array_equal(imread(tmp_path / "right.png"), imread(tmp_path / "wrong.png"))
