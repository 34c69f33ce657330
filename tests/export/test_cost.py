import sys
from pathlib import Path

import pytest

from edge_runtime.errors import UserError
from export import cost


def test_a_bundled_model_is_measured_in_a_process_without_torch():
    from edge_runtime.commands.run import DEMO_MODEL

    measured = cost.measure(DEMO_MODEL)
    for latency in (measured.one_thread, measured.two_threads, measured.front_end):
        assert 10 < latency.p50_us <= latency.p95_us < 1e7
    assert measured.outside_xnnpack == ()
    if Path("/proc/self/status").exists():
        # torch alone would take more
        assert measured.peak_mb is not None and 20 < measured.peak_mb < 120


def test_a_file_that_cannot_be_measured_is_reported_in_one_line(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(
        UserError, match=r"could not be measured \(exit code 1: .*is not a \.tflite model"
    ):
        cost.measure(path)


def test_the_process_imports_nothing_from_the_current_folder(tmp_path, monkeypatch):
    from edge_runtime.commands.run import DEMO_MODEL

    (tmp_path / "export.py").write_text("raise SystemExit('a file of the user')\n")
    monkeypatch.chdir(tmp_path)
    assert cost.measure(DEMO_MODEL).one_thread.p50_us > 0


def test_the_process_imports_nothing_heavy():
    import subprocess

    code = (
        "import sys, export.cost; "
        "print([m for m in ('torch', 'sklearn', 'img2imu', 'rich') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "[]\n", result.stderr
