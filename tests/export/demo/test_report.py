import dataclasses

import numpy as np
import pytest

from export.demo.replay import Live
from export.demo.report import Report, scores, show

LABELS = ("jump", "shake", "walk")
TRUTH = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
ANSWERS = np.array([0, 0, 1, 1, 1, 2, 2, 0, 0, 1])
FLOAT_ANSWERS = np.array([0, 0, 0, 1, 1, 2, 2, 0, 0, 1])
DECISIONS_TRUTH = np.array([0, 0, 1, 1, 2, 2])
DECISIONS = np.array([0, -1, 1, 1, 2, 0])


def f1_of(truth, answers, c):
    """By counting: precision, recall, F1 of a class."""
    hits = sum(t == c and a == c for t, a in zip(truth, answers, strict=True))
    precision = hits / max(1, sum(a == c for a in answers))
    recall = hits / max(1, sum(t == c for t in truth))
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


@pytest.fixture
def measured():
    latency_us = np.stack([np.arange(1, 101), np.arange(101, 201), 1000.0 * np.arange(1, 101)], 1)
    live = Live(
        np.zeros((10, 4, 6), np.float32),
        TRUTH,
        np.eye(3)[ANSWERS],
        DECISIONS_TRUTH,
        DECISIONS,
        latency_us,
    )
    return scores(LABELS, live, np.eye(3)[FLOAT_ANSWERS])


@pytest.fixture
def report(measured):
    return Report(
        **measured,
        n_test_people=2,
        model_bytes=200 * 1024,
        train_seconds=1.25,
        export_seconds=9.0,
        seed=3,
        test_people=["ada", "bo"],
        runtime="LiteRT 2",
        threads=1,
    )


def test_scores_are_those_counted_by_hand(measured):
    by_hand = [f1_of(TRUTH, ANSWERS, c) for c in range(3)]
    assert by_hand[2] == (1.0, 0.4, pytest.approx(4 / 7))  # two of five found, no false alarm
    for c, (label, row) in enumerate(measured["per_class"].items()):
        assert label == LABELS[c]
        assert [row[key] for key in ("precision", "recall", "f1")] == pytest.approx(by_hand[c])
        assert row["windows"] == TRUTH.tolist().count(c)
    assert measured["macro_f1"] == pytest.approx(np.mean([f1 for *_, f1 in by_hand]))
    assert measured["macro_f1_float"] == pytest.approx(
        np.mean([f1_of(TRUTH, FLOAT_ANSWERS, c)[2] for c in range(3)])
    )
    assert measured["n_test_windows"] == 10
    assert measured["float_int8_agreement"] == pytest.approx(0.9)


def test_a_decision_without_a_label_is_a_miss(measured):
    expected = np.mean([f1_of(DECISIONS_TRUTH, DECISIONS, c)[2] for c in range(3)])
    assert measured["macro_f1_decisions"] == pytest.approx(expected)
    assert expected < 1


def test_latency_is_split_and_in_percentiles(measured):
    assert set(measured["latency_us"]) == {"frontend", "inference", "total"}
    assert measured["latency_us"]["frontend"] == pytest.approx(
        {"p50": 50.5, "p95": 95.05, "p99": 99.01}
    )
    assert measured["latency_us"]["inference"]["p50"] == pytest.approx(150.5)
    assert measured["latency_us"]["total"]["p99"] == pytest.approx(99010)


def test_a_class_never_performed_and_never_named_scores_nothing():
    live = Live(
        np.zeros((2, 4, 6), np.float32),
        np.array([0, 1]),
        np.eye(3)[[0, 1]],
        np.array([0]),
        np.array([0]),
        np.ones((1, 3)),
    )
    measured = scores(LABELS, live, np.eye(3)[[0, 1]])
    assert measured["per_class"]["walk"] == {"precision": 0, "recall": 0, "f1": 0, "windows": 0}
    assert measured["macro_f1"] == pytest.approx(2 / 3)


def test_the_report_has_the_keys_that_others_read(report):
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


def test_people_see_every_figure(report, capsys):
    show(report)
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
