import json
import struct

import pytest

from edge_runtime.contract.container import read_model
from img2imu.cli import EXIT_USER_ERROR, main

KEYS = {
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


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder with the results of one run of the demo."""
    out = tmp_path_factory.mktemp("demo") / "my results"
    assert main(["demo", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def report(out):
    return json.loads((out / "report.json").read_text())


@pytest.mark.slow
def test_people_never_seen_are_recognised(report):
    assert set(report) >= KEYS
    assert report["seed"] == 0
    assert report["macro_f1"] >= 0.8
    assert abs(report["macro_f1"] - report["macro_f1_float"]) <= 0.03
    assert report["float_int8_agreement"] >= 0.97
    assert report["n_test_people"] == 3
    assert (
        report["n_test_windows"]
        == sum(row["windows"] for row in report["per_class"].values())
        > 100
    )
    assert report["macro_f1"] == pytest.approx(
        sum(row["f1"] for row in report["per_class"].values()) / 7
    )
    assert 0 < report["train_seconds"] < 60


@pytest.mark.slow
def test_a_decision_takes_longer_than_its_parts(report):
    assert set(report["latency_us"]) == {"frontend", "inference", "total"}
    for row in report["latency_us"].values():
        assert 0 < row["p50"] <= row["p95"] <= row["p99"]
    parts = report["latency_us"]
    assert (
        parts["frontend"]["p50"] < parts["total"]["p50"]
        and parts["inference"]["p50"] < parts["total"]["p50"]
    )


@pytest.mark.slow
def test_the_model_file_is_small_and_records_its_scores(out, report):
    assert (out / "model.tflite").stat().st_size == report["model_bytes"] <= 250 * 1024
    file = read_model(out / "model.tflite")
    assert set(file.contract.labels) == set(report["per_class"])
    assert file.contract.provenance.macro_f1 == report["macro_f1"]
    assert file.contract.provenance.macro_f1_float == report["macro_f1_float"]
    assert file.contract.provenance.windows_per_class == 10


@pytest.mark.slow
def test_the_folder_holds_model_report_pictures_and_a_recording(out, capsys):
    assert sorted(p.name for p in out.iterdir()) == [
        "confusion.png",
        "model.tflite",
        "report.json",
        "spectrograms.png",
        "unseen_person.csv",
    ]
    for picture in out.glob("*.png"):
        content = picture.read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert all(500 < pixels < 3000 for pixels in struct.unpack(">II", content[16:24]))
    source = f"{out / 'unseen_person.csv'}?speed=max"
    assert main(["run", str(out / "model.tflite"), "--source", source]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "-1"], "--seed is -1, expected 0 or more: choose another"),
        (["--windows-per-class", "0"], "0 windows per class were asked for, expected 1 or more"),
        (["--windows-per-class", "100000"], "100000 per class were asked for: ask for fewer"),
    ],
)
def test_a_bad_option_is_refused_in_one_line(tmp_path, capsys, arguments, message):
    assert main(["demo", "--out", str(tmp_path), *arguments]) == EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/deeper"):
        assert main(["demo", "--out", str(tmp_path / place)]) == EXIT_USER_ERROR
        error = capsys.readouterr().err
        assert "cannot be made" in error and error.count("\n") == 1
