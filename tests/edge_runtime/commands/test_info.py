import dataclasses
import json
import subprocess
import sys

import pytest

from edge_runtime.contract.container import pack_model, read_model
from edge_runtime.contract.spec import Contract
from img2imu.cli import main


@pytest.fixture
def info(demo_model_path, capsys):
    """Run the command; return what it prints."""

    def call(*arguments, model=demo_model_path):
        assert main(["info", str(model), *arguments]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return call


def rows(text):
    """Return the texts of the table by their names."""
    return {line[:10].strip(): line[12:] for line in text.splitlines()}


def test_json_is_the_contract_of_the_file(info, demo_model_path):
    text = info("--json")
    assert Contract.from_json(text) == read_model(demo_model_path).contract
    assert json.loads(text)["labels"] == list(read_model(demo_model_path).contract.labels)


def test_the_table_says_what_goes_in_and_what_comes_out(info, demo_model_path):
    shown = rows(info())
    file = read_model(demo_model_path)
    c = file.contract
    assert shown["model"] == c.name
    assert shown["labels"].split(", ") == list(c.labels)
    assert shown["channels"].split(", ") == list(c.stream.channels)
    assert shown["units"] == "acc in m/s^2, gyro in rad/s"
    assert shown["gravity"] == "included"
    assert shown["rate"].startswith("50 Hz, 10% off is resampled")
    assert shown["window"] == "5 s (250 samples)"
    assert shown["decision"].startswith("every 0.32 s, mean of 3 windows")
    assert shown["front end"].startswith("6 images 48 x 32, frames of 0.64 s, 1.28 s, 2.56 s; ")
    assert shown["network"].startswith(f"int8, {len(file.tflite) / 1024:.0f} KiB, by litert-torch ")
    assert shown["trained on"].startswith("watch (BSD-3-Clause), 10 or more windows per class, 20")
    assert shown["golden"] == "3 windows"
    assert shown["schema"] == "1"


@pytest.mark.parametrize(
    ("int8", "float32", "text"),
    [
        (None, None, "not measured"),
        (0.9, None, "not measured"),
        (0.9123, 0.92, "0.912 (float 0.920) on windows it was not trained on"),
    ],
)
def test_a_score_is_shown_when_there_is_one(info, demo_model_path, tmp_path, int8, float32, text):
    file = read_model(demo_model_path)
    provenance = dataclasses.replace(
        file.contract.provenance, macro_f1=int8, macro_f1_float=float32
    )
    contract = dataclasses.replace(file.contract, provenance=provenance)
    path = tmp_path / "scored.tflite"
    path.write_bytes(pack_model(file.tflite, contract, file.golden))
    assert rows(info(model=path))["macro-F1"] == text


def test_it_runs_as_a_module_too(demo_model_path, info):
    result = subprocess.run(
        [sys.executable, "-m", "img2imu", "info", str(demo_model_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, info(), "")
