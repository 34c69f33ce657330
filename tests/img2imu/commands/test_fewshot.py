import json

import pytest

from edge_runtime.errors import DataError
from img2imu.baselines import BASELINES
from img2imu.cli import EXIT_USER_ERROR, main
from img2imu.commands.fewshot import EXIT_INCOMPLETE


def fewshot(directory, *arguments, tasks="basicmotions", methods="statistics_lr"):
    return main(
        [
            "fewshot",
            "--data-dir",
            str(directory),
            "--tasks",
            tasks,
            "--methods",
            methods,
            "--k",
            "1,2",
            "--draws",
            "2",
            "--jobs",
            "1",
            "--out",
            str(directory / "out"),
            *arguments,
        ]
    )


def test_a_grid_from_end_to_end_twice(tmp_path, capsys):
    assert fewshot(tmp_path, tasks="basicmotions,hapt") == 0
    printed = capsys.readouterr().out
    assert f"hapt is left out: there is no {tmp_path / 'hapt.npz'}" in printed
    assert "basicmotions: 80 windows of 10 s, 4 classes, 80 subjects (series), manifest" in printed
    assert "licence not stated; A. Bagnall" in printed
    assert "| statistics_lr | **" in printed
    out = tmp_path / "out"
    cells = (out / "cells.jsonl").read_text()
    assert cells.count("\n") == 4
    assert {path.name for path in out.iterdir()} == {
        "cells.jsonl",
        "manifests",
        "results.json",
        "table.md",
        "classes.md",
        "curves.png",
    }
    manifest = json.loads((out / "manifests" / "basicmotions.json").read_text())
    protocol = json.loads((out / "results.json").read_text())["protocol"]
    assert protocol["tasks"][0]["manifest_sha256"] == manifest["sha256"]
    assert protocol["versions"]["numpy"] and protocol["failures"] == []

    assert fewshot(tmp_path) == 0  # nothing is left to do, and the results are the same
    assert (out / "cells.jsonl").read_text() == cells


def test_a_failing_method_is_reported(tmp_path, capsys, monkeypatch):
    def broken(name, rate_hz, channels, seed):
        raise DataError(f"{name} is out of order")

    monkeypatch.setattr("img2imu.baselines.make", broken)
    assert fewshot(tmp_path) == EXIT_INCOMPLETE
    assert (
        "statistics_lr failed in 4 cells of basicmotions: DataError: statistics_lr is out of order"
        in capsys.readouterr().out
    )
    assert "statistics_lr" in BASELINES


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tasks", "swimming"], "there is no task 'swimming'"),
        (["--methods", "magic"], "there is no method 'magic'"),
        (["--tasks", "hapt"], "none of the tasks hapt has its data"),
        (["--k", "0"], "k is [0] with 2 draws, expected numbers of 1 or more"),
        (["--k", "77,99"], "no task has 77 windows of every class to learn from"),
        (["--draws", "0"], "with 0 draws, expected"),
        (["--seed", "-1"], "--seed is -1, expected 0 or more"),
        (["--jobs", "0"], "--jobs is 0, expected 1 or more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(tmp_path, capsys, arguments, sentence):
    assert fewshot(tmp_path, *arguments) == EXIT_USER_ERROR
    assert sentence in capsys.readouterr().err


def test_an_output_that_is_a_file(tmp_path, capsys):
    (tmp_path / "out").write_text("")
    assert fewshot(tmp_path) == EXIT_USER_ERROR
    assert "cannot be made a directory" in capsys.readouterr().err


def test_k_must_be_numbers(tmp_path, capsys):
    with pytest.raises(SystemExit):
        fewshot(tmp_path, "--k", "few")
    assert "is 'few', expected whole numbers such as 1,2,5,10" in capsys.readouterr().err
