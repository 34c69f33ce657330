"""The benchmark of pre-training: its arithmetic for hand-made figures, and a small run."""

import json
import sys

import numpy as np
import pytest

from img2imu.fewshot.runner import Cell, Result
from img2imu.fewshot.scores import Scores

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def script(module):
    return module("pretraining")


def result(task, k, draw, people, method="m"):
    f1 = sum(people.values()) / len(people)
    return Result(Cell(task, method, k, draw, "hash"), Scores(f1, {}, people), 0.0, 0.0)


def scores(values):
    """Results by cell, from {(task, k, draw): {person: score}}."""
    return {
        (task, k, draw): result(task, k, draw, people) for (task, k, draw), people in values.items()
    }


def test_differences_are_of_people_then_tasks(script):
    results = scores(
        {
            ("a", 1, 0): {"p": 0.9, "q": 0.5},
            ("a", 5, 0): {"p": 0.7, "q": 0.5},
            ("b", 1, 0): {"r": 0.2},
        }
    )
    reference = scores(
        {
            ("a", 1, 0): {"p": 0.8, "q": 0.5},
            ("a", 5, 0): {"p": 0.4, "q": 0.5},
            ("b", 1, 0): {"r": 0.3},
        }
    )
    interval = script.difference(results, reference, [1, 5])
    # p is 0.2 ahead on average, q is even: 0.1 in task a; 0.1 behind in task b
    assert interval.mean == pytest.approx((0.1 - 0.1) / 2)
    # of p and q, both draws may be the same: task a is at 0, 0.1 or 0.2
    assert (interval.low, interval.high) == (pytest.approx(-0.05), pytest.approx(0.05))
    assert script.difference(results, reference, [5]).mean == pytest.approx(0.15)


def test_only_draws_that_both_have_are_compared(script):
    results = scores({("a", 1, 0): {"p": 0.9}, ("a", 1, 1): {"p": 0.1}})
    reference = scores({("a", 1, 0): {"p": 0.8}})
    assert script.difference(results, reference, [1]).mean == pytest.approx(0.1)


def test_equal_differences_have_no_width(script):
    people = {str(i): 0.5 for i in range(9)}
    results = scores(
        {("a", 1, 0): dict.fromkeys(people, 0.6), ("b", 1, 0): dict.fromkeys(people, 0.7)}
    )
    reference = scores({("a", 1, 0): people, ("b", 1, 0): people})
    interval = script.difference(results, reference, [1])
    assert [interval.mean, interval.low, interval.high] == pytest.approx([0.15] * 3)


def test_the_opponents_have_the_better_treatment_of_batch_norm(script):
    level = {
        ("random", "re-estimated"): 0.3,
        ("random", "as trained"): 0.4,
        ("imagenet", "re-estimated"): 0.6,
        ("imagenet", "as trained"): 0.5,
        ("taught", "re-estimated"): 0.7,
        ("taught", "as trained"): 0.8,
    }
    results = [
        result("a", 1, 0, {"p": f1}, f"{network} | {batch_norm} | {features}")
        for (network, batch_norm), f1 in level.items()
        for features in ("everything", "texture alone", "no network")
    ]
    rows = script.make_rows(results, ["random", "imagenet", "taught"])
    taught = {(row.features, row.batch_norm): row for row in rows if row.network == "taught"}
    assert taught["everything", "re-estimated"].against_random["mean"].mean == pytest.approx(
        0.7 - 0.4
    )
    assert taught["everything", "re-estimated"].against_imagenet["mean"].mean == pytest.approx(
        0.7 - 0.6
    )
    assert taught["texture alone", "as trained"].against_random["1"].mean == pytest.approx(
        0.8 - 0.4
    )
    assert sum(row.network == "no network" for row in rows) == 2


def test_an_ablation_is_a_difference_to_all_augmentations(script):
    results = [
        result("a", k, 0, {"p": f1}, f"{network} | {batch_norm} | {features}")
        for network, f1 in (("none", 0.5), ("all but gain", 0.7), ("all", 0.6))
        for k in (1, 2, 5)
        for batch_norm in ("re-estimated", "as trained")
        for features in ("everything", "texture alone")
    ]
    table = script.ablate(results, ["none", "all but gain", "all"])
    assert list(table) == ["none", "all but gain"]
    assert list(table["none"]) == [
        "everything, re-estimated",
        "everything, as trained",
        "texture alone, re-estimated",
        "texture alone, as trained",
    ]
    assert [d.mean for d in table["none"].values()] == pytest.approx([-0.1] * 4)
    assert [d.mean for d in table["all but gain"].values()] == pytest.approx([0.1] * 4)


@pytest.mark.slow
def test_a_small_run_from_end_to_end(script, tmp_path, monkeypatch, capsys):
    pytest.importorskip("aeon")
    from PIL import Image

    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(64):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(
            tmp_path / "photos" / f"{i}.png"
        )
    everything = script.network_plans(64, 128, 1, draws=1, ablation_draws=1)
    assert len({plan.name for plan in everything}) == len(everything) == 2 + 2 + 2 * (1 + 1 + 8 + 1)
    chosen = [p for p in everything if p.variant in ("", "none", "all") and p.images != 128]
    monkeypatch.setattr(script, "network_plans", lambda *_: chosen)
    command = [
        "pretraining",
        "--photographs",
        tmp_path / "photos",
        "--tasks",
        "basicmotions",
        "--draws",
        "1",
        "--images",
        "64",
        "--out",
        tmp_path / "out",
    ]
    monkeypatch.setattr(sys, "argv", [str(part) for part in command])
    threads = torch.get_num_threads()
    try:
        assert script.main() == 0
        cells = (tmp_path / "out" / "cells-0.jsonl").read_bytes()
        assert script.main() == 0  # nothing is left to do
    finally:
        torch.set_num_threads(threads)
    assert (tmp_path / "out" / "cells-0.jsonl").read_bytes() == cells
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    rows, ablations = content["rows"], content["ablations"]
    assert [row["network"] for row in rows[:7]] == [*(plan.name for plan in chosen), "no network"]
    assert [list(ablation) for ablation in ablations] == [
        ["imagenet", "imagenet + none, 64 images"],
        ["random", "random + none, 64 images"],
    ]
    assert all(0 < row["macro_f1"]["mean"] <= 1 for row in rows)
    assert "| imagenet + none, 64 images | " in (tmp_path / "out" / "table.md").read_text()
    assert (tmp_path / "out" / "differences.png").stat().st_size > 10_000
    assert capsys.readouterr().out.count("views matched to their own image") == 4
