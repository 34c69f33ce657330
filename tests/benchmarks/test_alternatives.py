"""The benchmark of alternatives: its arithmetic, the paper's image, and a small run."""

import json
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture(scope="module")
def script(module):
    return module("alternatives")


def turn(times_us, decide_cpu_us, add_cpu_us, resident_mb=50.0):
    return {
        "times_us": times_us,
        "decide_cpu_us": decide_cpu_us,
        "add_cpu_us": add_cpu_us,
        "resident_mb": resident_mb,
    }


def test_the_share_counts_decisions_and_the_samples_between_them(script):
    cost = script.summarise(
        [0.2, 9.0, 0.3],
        [turn([1000, 3000], [900, 900], [20, 20], 40.0), turn([2000], [1200], [30])],
        rate_hz=50,
    )
    assert (cost.start_s, cost.p50_ms, cost.fastest_ms) == pytest.approx((0.3, 2.0, 1.0))
    assert (cost.cpu_ms, cost.fastest_cpu_ms) == pytest.approx((0.9, 0.9))
    # 4 decisions of 0.9 ms and 46 samples of 0.02 ms are 4.52 ms of a second
    assert cost.share_percent == cost.least_share_percent == pytest.approx(0.452)
    assert cost.resident_mb == 50.0


def test_a_missing_package_is_a_row_and_missed_figures_are_named(script):
    fast = script.summarise([0.2], [turn([500], [500], [5])], 50)
    slow = script.summarise([3.0], [turn([15_000], [15_000], [1], 800.0)], 50)
    costs = {
        "ours": fast,
        "paper, PyTorch": slow,
        "paper, ONNX Runtime": script.MissingPackage("onnxruntime"),
    }
    text = script.cost_table(costs)
    assert (
        "| paper, ONNX Runtime | not measured: the Python package 'onnxruntime' is not installed |"
        in text
    )
    assert text.count("| x30.0 |") == 2
    assert len({line.count("|") for line in text.splitlines()}) == 1
    assert [("reached" in line, "MISSED" in line) for line in script.verdicts(costs)] == [
        (True, False)
    ] * 4
    swapped = script.verdicts({"ours": slow, "paper, PyTorch": fast})
    assert all("MISSED" in line and "reached" not in line for line in swapped)


def test_the_papers_image_is_a_stretched_spectrogram(module):
    pytest.importorskip("scipy")
    pytest.importorskip("PIL")
    worker = module("alternatives_worker")
    n = 250
    rate_hz = 50.0
    times_s = np.arange(n) / rate_hz
    tone = np.sin(2 * np.pi * 12.5 * times_s).astype(np.float32)  # half of the highest frequency
    image = worker.paper_image(np.stack([tone] * 3, 1), rate_hz)
    assert image.shape == (3, worker.IMAGE_HEIGHT, worker.IMAGE_WIDTH)
    for plane, mean, std in zip(image, worker.IMAGENET_MEAN, worker.IMAGENET_STD, strict=True):
        shade = plane * std + mean
        assert shade.min() >= -1e-3
        assert shade.max() <= 1 + 1e-3
        assert abs(int(shade.mean(1).argmax()) - worker.IMAGE_HEIGHT / 2) <= 2


@pytest.mark.slow
def test_all_ways_take_turns(tmp_path, benchmarks):
    for name in ("torch", "torchvision", "aeon", "matplotlib"):
        pytest.importorskip(name)
    result = subprocess.run(
        [
            sys.executable,
            str(benchmarks / "alternatives.py"),
            "--turns",
            "1",
            "--decisions",
            "2",
            "--starts",
            "1",
            "--out",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    costs = json.loads((tmp_path / "alternatives.json").read_text())
    assert list(costs) == [
        "ours",
        "paper, PyTorch",
        "paper, PyTorch, 2 sensors",
        "paper, ONNX Runtime",
        "MiniRocket + ridge",
    ]
    for cost in costs.values():
        assert "module" in cost or 0 < cost["fastest_ms"] <= cost["p50_ms"] <= cost["p99_ms"]
    assert "module" not in costs["ours"]
    assert (tmp_path / "alternatives.md").read_text() in result.stdout
    assert (tmp_path / "alternatives.png").read_bytes().startswith(b"\x89PNG")
