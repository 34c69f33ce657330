import json
import os
import signal
import subprocess
import sys

import pytest

from edge_runtime.bench.results import read_result
from edge_runtime.contract.container import pack_model, read_model
from img2imu.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR, main


@pytest.fixture
def bench(tmp_path, capsys):
    """Run the command; return the exit code, what was printed, and the content of the JSON file."""

    def call(*arguments, seconds="0.2"):
        file = tmp_path / "result.json"
        options = ["--seconds", seconds, "--threads", "1", "--json", str(file)]
        code = main(["bench", *map(str, arguments), *options])
        return code, capsys.readouterr(), read_result(file) if file.exists() else None

    return call


@pytest.fixture
def refused(capsys, is_sentence):
    """Run a command line that is refused before anything is measured; return the message."""

    def call(*arguments):
        assert main(["bench", *map(str, arguments)]) == EXIT_USER_ERROR
        printed = capsys.readouterr()
        assert printed.out == ""
        assert is_sentence(printed.err.removesuffix("\n"))
        return printed.err

    return call


def test_a_model_is_measured_from_start_to_memory(bench, demo_model_path):
    code, printed, result = bench(demo_model_path)
    assert code == 0
    (model,) = result.models
    contract = read_model(demo_model_path).contract
    assert (model.name, model.hop_s, model.rate_hz) == (
        contract.name,
        contract.hop_s,
        contract.stream.rate_hz,
    )
    assert model.runtime
    assert model.failure is None
    assert len(model.starts) == 5
    for start in model.starts:
        assert 0 < start.first_inference_ms < start.first_decision_ms < start.total_ms
        assert start.total_ms == pytest.approx(
            start.process_ms + start.load_ms + start.first_decision_ms
        )
    assert [speed.threads for speed in model.speeds] == [1]
    assert model.live.decisions >= 1
    if sys.platform == "linux":
        assert 20 < model.memory.resident_mb <= model.memory.peak_mb < 200
    assert result.after is not None
    for words in ("of one core", "such models would fit", "one decision", "age of newest sample"):
        assert words in printed.out
    assert "starting it 5 times" in printed.err  # progress is not mixed with the result


def test_several_models_are_compared_and_one_that_fails_does_not_stop_the_others(
    bench, demo_model_path, tmp_path
):
    file = read_model(demo_model_path)
    empty = tmp_path / "empty.tflite"  # has the mark of a network, but holds none
    empty.write_bytes(pack_model(b"\x1c\x00\x00\x00TFL3" + bytes(64), file.contract, file.golden))
    code, printed, result = bench(empty, demo_model_path)
    assert code == EXIT_USER_ERROR
    assert [model.file for model in result.models] == ["empty.tflite", "demo.tflite"]
    assert "copy or export the model again" in result.models[0].failure
    assert "Not everything was measured" in printed.out
    assert result.models[1].live is not None
    lines = [line.split() for line in printed.out.splitlines()]
    assert ["empty.tflite", "demo.tflite", "ratio"] in lines


def test_two_results_are_compared(bench, demo_model_path, tmp_path, capsys):
    _, _, result = bench(demo_model_path)
    document = json.loads((tmp_path / "result.json").read_text())
    document["models"][0]["speeds"][0]["total"]["p50_us"] *= 2
    (tmp_path / "other.json").write_text(json.dumps(document))
    files = [str(tmp_path / "result.json"), str(tmp_path / "other.json")]
    assert main(["bench", "--compare", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line.split() for line in lines if line.startswith("one decision p50")]
    assert line[-1] == "x2.00"
    assert line[-3] == f"{result.models[0].speeds[0].total.p50_us:.0f}"


def test_ctrl_c_shows_and_writes_what_was_measured(demo_model_path, tmp_path):
    file = tmp_path / "result.json"
    command = [sys.executable, "-m", "img2imu", "bench", str(demo_model_path)]
    command += ["--threads", "1", "--seconds", "30", "--json", str(file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for line in process.stderr:
            if "decisions one after the other" in line:
                os.killpg(
                    process.pid, signal.SIGINT
                )  # to the whole group, like Ctrl-C in a terminal
                break
        out, err = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    assert "interrupted: the figures measured so far follow" in err
    assert "Traceback" not in err
    assert "start to first decision" in out
    (model,) = read_result(file).models
    assert len(model.starts) == 5
    assert model.live is None


def test_wrong_arguments_are_refused_before_anything_is_measured(
    refused, demo_model_path, tmp_path
):
    assert "check the path" in refused(demo_model_path, tmp_path / "missing.tflite")
    assert "--threads is 0, expected 1 to " in refused(demo_model_path, "--threads", 0)
    assert "--seconds is 0, expected more than 0" in refused(demo_model_path, "--seconds", 0)
    assert "--seconds is nan" in refused(demo_model_path, "--seconds", "nan")
    assert "does not exist" in refused(demo_model_path, "--json", tmp_path / "missing" / "a.json")
    assert "cannot read the result" in refused(
        "--compare", tmp_path / "a.json", tmp_path / "b.json"
    )
    assert "--compare measures nothing" in refused(demo_model_path, "--compare", "a.json", "b.json")


def test_names_in_a_file_cannot_control_the_terminal(bench, demo_model_path, tmp_path, capsys):
    bench(demo_model_path)
    result = tmp_path / "result.json"
    document = json.loads(result.read_text())
    document["models"][0]["file"] = "\x1b[2Jhidden"
    result.write_text(json.dumps(document))
    assert main(["bench", "--compare", str(result), str(result)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "?[2Jhidden" in printed
