import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.contract.container import pack_model, read_model
from img2imu.cli import EXIT_USER_ERROR, main


@pytest.fixture
def other_answers(demo_model_path, tmp_path):
    """A file of the bundled model with golden probabilities that it does not give."""
    file = read_model(demo_model_path)
    path = tmp_path / "other.tflite"
    golden = replace(file.golden, probabilities=np.roll(file.golden.probabilities, 1, axis=1))
    path.write_bytes(pack_model(file.tflite, file.contract, golden))
    return path


def test_a_model_that_answers_as_before_passes(demo_model_path, capsys):
    assert main(["verify", str(demo_model_path)]) == 0
    first, *parts = capsys.readouterr().out.splitlines()
    assert first.split(":")[0] in ("identical", "within tolerance")
    assert "3 windows replayed by " in first and "; delegate: " in first
    assert [line.split()[0] for line in parts] == ["images", "statistics", "probabilities"]


def test_a_model_that_answers_differently_fails_with_exit_code_1(other_answers, capsys):
    assert main(["verify", str(other_answers)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("different: 3 windows")
    assert "upgrade ai-edge-litert" in printed


@pytest.mark.parametrize(("other", "code"), [(False, 0), (True, 1)])
def test_the_verdict_as_json(demo_model_path, other_answers, capsys, other, code):
    assert main(["verify", str(other_answers if other else demo_model_path), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"] == "different") == other
    assert {"runtime", "cpu", "delegate", "windows", "parts"} < set(document)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused_in_one_line(demo_model_path, tmp_path, capsys, cut):
    whole = demo_model_path.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(whole[: int(len(whole) * cut)])
    assert main(["verify", str(path)]) == EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "cut short" in printed.err


def test_it_needs_only_the_base_install(demo_model_path):
    code = (
        "import sys; from img2imu.cli import main; code = main(sys.argv[1:]); "
        "heavy = [m for m in ('torch', 'sklearn', 'rich', 'export') if m in sys.modules]; "
        "sys.exit(heavy or code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "verify", str(demo_model_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
