"""Recordings that cannot be read, and options that make no sense."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.cli import EXIT_USER_ERROR, main

HEADER = ",".join(("time_s", *CHANNELS)) + "\n"


def test_missing_columns(refused, altered, demo_recording):
    source = altered(samples=demo_recording.samples[:, :3], channels=CHANNELS[:3])
    assert "lacks the channels gyro_x, gyro_y, gyro_z" in refused(source)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "time_s,ax,ay,az,gx,gy,gz",
            "has the columns time_s, ax, ay, az, gx, gy, gz, expected some of acc_x",
        ),
        (
            "time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyr_z",
            "lacks the channels gyro_z, its columns are",
        ),
        ("t,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z", "has no time_s column"),
        ("time_s,acc_x,acc_x,acc_z,gyro_x,gyro_y,gyro_z", "has the column acc_x twice"),
    ],
)
def test_renamed_columns(refused, altered, header, message):
    assert message in refused(altered(header=header))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("empty.csv", "", "is empty"),
        ("header.csv", HEADER, "has a header but no samples"),
        ("words.csv", f"{HEADER}0,a,b,c,d,e,f\n", "has 'a' in column acc_x"),
        ("empty.npz", "", "is not an .npz file"),
        ("empty.zip", "", "empty.zip"),
        ("notes.txt", "hello", "ends in '.txt'"),
    ],
)
def test_files_that_hold_no_recording(refused, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    assert message in refused(tmp_path / name)


def test_a_file_that_is_not_there(refused, tmp_path):
    assert "there is no file" in refused(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("n", [1, 2, 249])
def test_a_recording_shorter_than_a_window(refused, altered, demo_recording, n):
    source = altered(demo_recording.timestamps_s[:n], demo_recording.samples[:n])
    sentence = refused(source)
    assert f"the stream ended when the window of 5 s was {n / 250:.0%} full" in sentence


def test_gaps_so_close_that_no_window_fills(run, altered, demo_recording):
    times_s = demo_recording.timestamps_s + np.arange(1500) // 200
    code, found, printed = run(altered(times_s))
    assert code == EXIT_USER_ERROR
    assert {(line["state"], line["label"]) for line in found} == {
        ("gap", None),
        ("warming up", None),
    }
    assert "expected at least one whole window without a gap" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "bluetooth:watch"], "no kind of source called 'bluetooth'"),
        (["--source", "{}?speed=fast"], "speed='fast', expected a number"),
        (["--source", "{}?colour=red"], "the option 'colour=red'"),
        (["--source", "{}", "--threads", "0"], "threads is 0, expected 1 or more"),
        (
            ["--source", "{}", "--max-gap-s", "0.01"],
            "stream.max_gap_s = 0.01, expected 0.04 (two samples) to 60: choose",
        ),
        (
            ["--source", "{}", "--threshold", "1.5"],
            "decision.threshold = 1.5, expected 0 to 1: choose another value",
        ),
        (
            ["--source", "{}", "--class-threshold", "DANCE=0.5"],
            "{'DANCE': 0.5}, expected 0 to 1 for labels of the model",
        ),
        (["--source", "{}", "--hold-s", "11"], "held for 11 s, expected 0 to 10"),
        (["--source", "{}", "--sink", "mail:me"], "no kind of sink called 'mail'"),
        (
            ["--source", "{}", "--sink", "jsonl:missing/d.jsonl"],
            "missing/d.jsonl cannot be written",
        ),
        ([], "a model and a source are needed"),
    ],
)
def test_options_that_make_no_sense(
    demo_model_path, demo_recording_path, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert (
        main(["run", str(demo_model_path), *(a.format(demo_recording_path) for a in arguments)])
        == EXIT_USER_ERROR
    )
    printed = capsys.readouterr()
    assert message in printed.err.splitlines()[-1]
    assert printed.out == ""
    assert list(Path().iterdir()) == []


def test_in_a_process_of_its_own_a_bad_stream_is_one_sentence_and_no_label(
    altered, demo_model_path, calm
):
    source = altered(calm[0], calm[1] / STANDARD_GRAVITY)
    result = subprocess.run(
        [sys.executable, "-m", "img2imu", "run", str(demo_model_path), "--source", source],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (EXIT_USER_ERROR, "")
    sentences = [line for line in result.stderr.splitlines() if line.startswith("img2imu: ")]
    assert len(sentences) == 1 and "look like g" in sentences[0]
    assert "Traceback" not in result.stderr
