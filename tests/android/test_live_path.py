"""The whole Kotlin path with LiteRT and the app's model, against ``img2imu run``."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
from edge_runtime.contract.container import read_model
from edge_runtime.recordings import read_recording
from img2imu.datasets.watch import CHANNELS, RATE_HZ, load_watch

from .test_house_rules import APP

DATA = Path(edge_runtime.__file__).with_name("data")
MODEL = APP / "app" / "src" / "main" / "assets" / "demo.tflite"
pytestmark = pytest.mark.android
WINDOWS = 1000
PAUSE_S = 20.0  # between two recordings: a gap
PROBABILITY_TOLERANCE = 1e-3


def write_csv(path, channels, times_s, samples):
    lines = zip(times_s.tolist(), samples.tolist(), strict=True)
    rows = (f"{time_s!r},{','.join(map(repr, row))}" for time_s, row in lines)
    path.write_text("\n".join([",".join(("time_s", *channels)), *rows]) + "\n")


def by_python(model, recording, tmp_path):
    """Return time, state, label and probabilities of each decision of ``img2imu run``."""
    out = tmp_path / "decisions.jsonl"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "img2imu",
            "run",
            model,
            "--source",
            f"replay:{recording}?speed=max",
            "--sink",
            f"jsonl:{out}",
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    decisions = [json.loads(line) for line in out.read_text().splitlines()]
    return [
        (d["time_s"], d["state"], d["label"] or "", list(d["probabilities"].values()))
        for d in decisions
    ]


def by_kotlin(jvm, library, model, recording):
    result = jvm.run("dev.img2imu.jvm.RunKt", library, model, recording)
    assert result.returncode == 0, result.stderr
    rows = [line.split(",") for line in result.stdout.splitlines()]
    return [(float(row[0]), row[1], row[2], [float(p) for p in row[3:]]) for row in rows]


def assert_same(kotlin, python):
    assert [decision[:3] for decision in kotlin] == [decision[:3] for decision in python]
    for (time_s, *_, actual), (*_, expected) in zip(kotlin, python, strict=True):
        np.testing.assert_allclose(
            actual, expected, rtol=0, atol=PROBABILITY_TOLERANCE, err_msg=f"at {time_s} s"
        )


def test_the_bundled_recording(jvm, litert_library, tmp_path):
    recording = read_recording(DATA / "demo.npz")
    path = tmp_path / "demo.csv"
    write_csv(path, recording.channels, recording.timestamps_s, recording.samples)
    decisions = by_kotlin(jvm, litert_library, MODEL, path)
    assert len(decisions) > 70
    assert_same(decisions, by_python(MODEL, path, tmp_path))


def test_a_thousand_windows_of_the_watch_data(jvm, litert_library, tmp_path):
    times = []
    samples = []
    start_s = 0.0
    windows = 0
    for recording in load_watch().recordings[::3]:  # all people and exercises
        n = len(recording.samples)
        times.append(start_s + np.arange(n) / RATE_HZ)
        samples.append(recording.samples)
        start_s = times[-1][-1] + PAUSE_S
        windows += max(0, (n - 250) // 16 + 1)
    assert windows >= WINDOWS
    path = tmp_path / "watch.csv"
    write_csv(path, CHANNELS, np.concatenate(times), np.concatenate(samples))
    expected = by_python(MODEL, path, tmp_path)
    assert sum(state == "recognised" for _, state, *_ in expected) >= WINDOWS
    assert_same(by_kotlin(jvm, litert_library, MODEL, path), expected)
    assert len({label for _, _, label, _ in expected}) == 8  # seven exercises, and none in gaps


def test_a_model_without_the_front_end_inside_gives_one_sentence_with_the_remedy(
    jvm, litert_library, tmp_path
):
    csv = tmp_path / "one.csv"
    write_csv(csv, CHANNELS, np.zeros(1), np.zeros((1, 6)))
    result = jvm.run("dev.img2imu.jvm.RunKt", litert_library, DATA / "demo.tflite", csv)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith("img2imu export --target android")


def test_the_apps_model_was_trained_on_the_windows_of_the_bundled_one():
    app, bundled = (read_model(path) for path in (MODEL, DATA / "demo.tflite"))
    assert app.contract.labels == bundled.contract.labels
    assert app.contract.front_end == bundled.contract.front_end
    assert app.contract.provenance.split_sha256 == bundled.contract.provenance.split_sha256
    np.testing.assert_allclose(app.golden.probabilities, bundled.golden.probabilities, atol=0.02)


def test_a_model_without_a_contract_gives_one_sentence(jvm, litert_library, tmp_path):
    model = tmp_path / "model.tflite"
    model.write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    result = jvm.run("dev.img2imu.jvm.RunKt", litert_library, model, tmp_path / "none.csv")
    assert result.returncode == 2
    assert "without an img2imu contract" in result.stderr and result.stderr.count("\n") == 1
