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
    """Run the command; the exit code, what was printed, and what the JSON file holds."""

    def call(*arguments, seconds="0.2"):
        file = tmp_path / "result.json"
        code = main(
            [
                "bench",
                *map(str, arguments),
                "--seconds",
                seconds,
                "--threads",
                "1",
                "--json",
                str(file),
            ]
        )
        return code, capsys.readouterr(), read_result(file) if file.exists() else None

    return call


@pytest.fixture
def refused(capsys, is_sentence):
    """The sentence by which a command line is refused, before anything was measured."""

    def call(*arguments):
        assert main(["bench", *map(str, arguments)]) == EXIT_USER_ERROR
        printed = capsys.readouterr()
        assert printed.out == ""
        assert is_sentence(printed.err.removesuffix("\n"))
        return printed.err

    return call


def test_a_model_is_measured_from_start_to_memory(bench, demo_model_path):
    code, printed, found = bench(demo_model_path)
    assert code == 0
    (model,) = found.models
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
    assert found.after is not None
    for words in ("of one core", "such models would fit", "one decision", "age of newest sample"):
        assert words in printed.out
    assert "starting it 5 times" in printed.err  # progress is not mixed with the result


def test_several_models_are_set_side_by_side_and_one_that_fails_stops_none(
    bench, demo_model_path, tmp_path
):
    file = read_model(demo_model_path)
    empty = tmp_path / "empty.tflite"  # says it is a network, holds none
    empty.write_bytes(pack_model(b"\x1c\x00\x00\x00TFL3" + bytes(64), file.contract, file.golden))
    code, printed, found = bench(empty, demo_model_path)
    assert code == EXIT_USER_ERROR
    assert [model.file for model in found.models] == ["empty.tflite", "demo.tflite"]
    assert "copy or export the model again" in found.models[0].failure
    assert "Not measured to the end" in printed.out
    assert found.models[1].live is not None
    assert ["empty.tflite", "demo.tflite", "ratio"] in [
        line.split() for line in printed.out.splitlines()
    ]


def test_two_results_are_compared(bench, demo_model_path, tmp_path, capsys):
    _, _, found = bench(demo_model_path)
    document = json.loads((tmp_path / "result.json").read_text())
    document["models"][0]["speeds"][0]["total"]["p50_us"] *= 2
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert (
        main(["bench", "--compare", str(tmp_path / "result.json"), str(tmp_path / "other.json")])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line.split() for line in lines if line.startswith("one decision p50")]
    assert line[-1] == "x2.00"
    assert line[-3] == f"{found.models[0].speeds[0].total.p50_us:.0f}"


def test_interrupted_it_shows_and_writes_what_is_finished(demo_model_path, tmp_path):
    file = tmp_path / "result.json"
    command = [
        sys.executable,
        "-m",
        "img2imu",
        "bench",
        str(demo_model_path),
        "--threads",
        "1",
        "--seconds",
        "30",
        "--json",
        str(file),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for line in process.stderr:
            if "decisions one after the other" in line:
                os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C: to the whole group
                break
        out, err = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    assert "interrupted: what follows is what was finished" in err
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


def test_a_file_does_not_steer_the_terminal(bench, demo_model_path, tmp_path, capsys):
    bench(demo_model_path)
    result = tmp_path / "result.json"
    document = json.loads(result.read_text())
    document["models"][0]["file"] = "\x1b[2Jhidden"
    result.write_text(json.dumps(document))
    assert main(["bench", "--compare", str(result), str(result)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "?[2Jhidden" in printed
