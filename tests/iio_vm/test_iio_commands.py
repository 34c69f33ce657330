"""The commands with the kernel's LSM6DSO driver. ``make test-iio`` runs this in a VM."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from chip import CONFIG

from edge_runtime.commands.run import DEMO_MODEL
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.recordings import read_recording
from edge_runtime.sources import open_source
from img2imu.cli import main

RULES = Path(__file__).resolve().parents[2] / "packaging/99-img2imu.rules"
NOBODY, PLUGDEV = 65534, 46  # Debian's


def test_record(in_the_hand, tmp_path, capsys):
    assert (
        main(
            [
                "record",
                "--source",
                "iio:lsm6dso",
                "--label",
                "rest",
                "--seconds",
                "4",
                "--countdown",
                "0.5",
                str(tmp_path),
            ]
        )
        == 0
    )
    assert "52 Hz" in capsys.readouterr().err.splitlines()[-1]
    (path,) = (tmp_path / "rest").iterdir()
    recording = read_recording(path)
    assert recording.channels == CHANNELS
    assert len(recording.samples) == pytest.approx(4 * 52, abs=3)
    assert recording.samples[:, 2].mean() == pytest.approx(9.8, abs=0.1)


def test_doctor_finds_nothing_bad(in_the_hand, capsys):
    main(["doctor", str(DEMO_MODEL), "--source", "iio:lsm6dso", "--seconds", "4", "--json"])
    report = json.loads(capsys.readouterr().out)
    for finding in report["findings"]:
        print(f"{finding['verdict']}: {finding['what']}: {finding['measured']}")
    assert report["verdict"] != "bad"
    measured = {finding["what"]: finding["measured"] for finding in report["findings"]}
    assert "52" in measured["rate"]


def test_doctor_reports_that_nothing_moves(chip, capsys):
    chip.measure((0, 0, 16384))
    assert main(["doctor", str(DEMO_MODEL), "--source", "iio:lsm6dso", "--seconds", "3"]) == 1
    assert "never change" in capsys.readouterr().out


def test_run_recognises_until_a_service_manager_ends_it(in_the_hand, tmp_path):
    sink = tmp_path / "decisions.jsonl"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "img2imu",
            "run",
            DEMO_MODEL,
            "--source",
            "iio:lsm6dso",
            "--sink",
            f"jsonl:{sink}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if sink.exists() and sink.read_text().count("\n") >= 5:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors
    decisions = [json.loads(line) for line in sink.read_text().splitlines()]
    assert len(decisions) >= 5 and {d["state"] for d in decisions} <= {"recognised", "unknown"}
    assert np.diff([d["time_s"] for d in decisions]) == pytest.approx(0.32)
    assert "not used" not in errors and "decisions, " in errors


def as_other_user(groups, call):
    """Return the result or the error of ``call()`` as text, run by a user who is not root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            text = str(call())
        except BaseException as error:
            text = str(error) if isinstance(error, SourceError) else traceback.format_exc()
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def udev_command():
    """Return the command that the udev rule runs for a device."""
    return re.search(r"RUN\+=\"/bin/sh -c '(.*)'\"", RULES.read_text())[1]


def test_without_permission_it_names_the_udev_rule_with_which_it_records(chip, collect):
    chip.measure((0, 0, 16384))
    # Once as root, to make the trigger and to import what is imported on first use.
    assert len(collect(open_source("iio:lsm6dso?mode=buffer&rate_hz=52", CHANNELS), 1).samples)

    def buffered():
        return collect(open_source("iio:lsm6dso?mode=buffer&rate_hz=52", CHANNELS), 20).samples[
            -1, 2
        ]

    def either():
        source = open_source("iio:lsm6dso?rate_hz=2", CHANNELS)
        collect(source, 1)
        return source.notes.said

    refused = as_other_user([], buffered)
    assert (
        "may not be used by this user: sudo usermod -aG plugdev $USER, add the udev rule for iio "
        in refused
    )
    assert "for now its values are polled" in as_other_user([], either)

    command = udev_command()
    # udev runs it for everything new in the subsystem: the devices and the trigger.
    for path in Path("/sys/bus/iio/devices").iterdir():
        place = str(path.resolve()).removeprefix("/sys")
        subprocess.run(["sh", "-c", command.replace("%p", place)], check=True)
        if path.name.startswith("iio:device"):
            node = Path("/dev") / path.name
            os.chown(node, 0, PLUGDEV)
            node.chmod(0o660)
    assert CONFIG.is_dir()
    assert float(as_other_user([PLUGDEV], buffered)) == pytest.approx(9.8, abs=0.02)
    assert "may not be used" in as_other_user([], buffered)
