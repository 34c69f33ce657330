"""The whole Kotlin path with the real LiteRT, on real recordings, against ``img2imu run``."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
from edge_runtime.recordings import read_recording
from img2imu.datasets.watch import CHANNELS, RATE_HZ, load_watch

DATA = Path(edge_runtime.__file__).with_name("data")
MODEL = DATA / "demo.tflite"
pytestmark = pytest.mark.android
WINDOWS = 1000
PAUSE_S = 20.0  # between two recordings: a gap
PROBABILITY_TOLERANCE = 1e-3


def write_csv(path, channels, times_s, samples):
    lines = zip(times_s.tolist(), samples.tolist(), strict=True)
    rows = (f"{time_s!r},{','.join(map(repr, row))}" for time_s, row in lines)
    path.write_text("\n".join([",".join(("time_s", *channels)), *rows]) + "\n")


def by_python(model, recording, tmp_path):
    """Time, state, label and probabilities of each decision of ``img2imu run``."""
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


def assert_same(found, expected):
    assert [decision[:3] for decision in found] == [decision[:3] for decision in expected]
    for (time_s, *_, mine), (*_, theirs) in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            mine, theirs, rtol=0, atol=PROBABILITY_TOLERANCE, err_msg=f"at {time_s} s"
        )


def test_the_bundled_recording(jvm, litert_library, tmp_path):
    recording = read_recording(DATA / "demo.npz")
    path = tmp_path / "demo.csv"
    write_csv(path, recording.channels, recording.timestamps_s, recording.samples)
    found = by_kotlin(jvm, litert_library, MODEL, path)
    assert len(found) > 70
    assert_same(found, by_python(MODEL, path, tmp_path))


def test_a_thousand_windows_of_the_watch_data(jvm, litert_library, tmp_path):
    times, samples, start_s, windows = [], [], 0.0, 0
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


def test_a_model_without_a_contract_is_one_sentence(jvm, litert_library, tmp_path):
    model = tmp_path / "model.tflite"
    model.write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    result = jvm.run("dev.img2imu.jvm.RunKt", litert_library, model, tmp_path / "none.csv")
    assert result.returncode == 2
    assert "without an img2imu contract" in result.stderr and result.stderr.count("\n") == 1
