import http.client
import json
import os
import subprocess
import sys
import threading
import time
import tty

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.recordings import Recording, read_recording, write_csv
from img2imu.cli import EXIT_USER_ERROR, main


@pytest.fixture
def doctor(capsys):
    """Run the command with --json; return the exit code, the findings by name, and everything."""

    def call(*arguments):
        code = main(["doctor", *map(str, arguments), "--json"])
        document = json.loads(capsys.readouterr().out)
        return code, {finding["what"]: finding for finding in document["findings"]}, document

    return call


@pytest.fixture
def resting(tmp_path):
    """Write ten seconds of a good sensor at rest, changed, to a CSV; return the source's URI."""

    def call(change=lambda samples: samples, rate_hz=50.0):
        generator = np.random.default_rng(0)
        samples = np.hstack(
            [generator.normal([0, 0, 9.81], 0.02, (500, 3)), generator.normal(0, 0.003, (500, 3))]
        )
        path = tmp_path / "resting.csv"
        write_csv(
            path,
            Recording(
                "resting", np.arange(500) / rate_hz, change(samples).astype(np.float32), CHANNELS
            ),
        )
        return f"replay:{path}?speed=max"

    return call


def test_the_bundled_recording_fits_the_bundled_model(doctor, demo_model_path, demo_recording_path):
    code, findings, document = doctor(
        demo_model_path, "--source", f"replay:{demo_recording_path}?speed=max", "--seconds", 30
    )
    assert code == 0 and document["samples"] == 1500
    not_ok = {what for what, finding in findings.items() if finding["verdict"] != "ok"}
    assert not_ok == {"rest"}  # it moves all the time


def test_the_table_ends_with_a_verdict(demo_model_path, resting, capsys):
    assert main(["doctor", str(demo_model_path), "--source", resting()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "all is well" and all(line.startswith("     ok  ") for line in lines[:-1])
    assert main(["doctor", str(demo_model_path), "--source", resting(rate_hz=40.0)]) == 1
    printed = capsys.readouterr().out
    assert "    bad  rate " in printed
    assert "-> set the sensor to 50 Hz, or train a model for 40 Hz" in printed
    assert printed.splitlines()[-1] == "bad: a run would fail or mislead"


@pytest.mark.parametrize(
    ("change", "rate_hz", "bad"),
    [
        (lambda s: s / 9.80665, 50.0, {"units"}),
        (lambda s: s * [1, 1, 1, 1, 0, 1], 50.0, {"axes alive"}),
        (lambda s: s, 60.0, {"rate"}),
        (lambda s: s, 40.0, {"rate"}),
        (lambda s: s * 0, 50.0, {"units", "axes alive"}),
        (lambda s: s - [0, 0, 9.81, 0, 0, 0], 50.0, {"gravity"}),
    ],
)
@pytest.mark.parametrize("with_model", [True, False])
def test_faults_of_a_source_are_found(
    doctor, resting, demo_model_path, change, rate_hz, bad, with_model
):
    code, findings, document = doctor(
        *[demo_model_path] * with_model, "--source", resting(change, rate_hz)
    )
    assert code == 1 and document["verdict"] == "bad"
    assert {what for what, finding in findings.items() if finding["verdict"] == "bad"} == bad
    assert all(findings[what]["remedy"] for what in bad)


def test_options_of_the_source_correct_the_units(doctor, resting):
    source = resting(lambda s: s / ([9.80665] * 3 + [np.pi / 180] * 3))
    assert doctor("--source", source)[0] == 1
    assert doctor("--source", f"{source}&units=g,dps")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [["--source", "nowhere.csv"], ["--source", "tooth:x"], ["none.tflite", "--source", "x.csv"]],
)
def test_a_source_or_model_that_cannot_be_opened_is_one_line(arguments, capsys, is_sentence):
    assert main(["doctor", *arguments]) == EXIT_USER_ERROR
    assert is_sentence(capsys.readouterr().err.splitlines()[-1])


def test_a_phone_over_http(demo_recording_path, tmp_path, port):
    recording = read_recording(demo_recording_path).select(CHANNELS)
    command = [sys.executable, "-m", "img2imu", "doctor", "--source", f"http:127.0.0.1:{port}"]
    command += ["--seconds", "3", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for begin in range(0, 400, 25):
            payload = [
                {
                    "name": name,
                    "time": round(1e9 * recording.timestamps_s[i]) + 10**18,
                    "values": dict(
                        zip("xyz", map(float, recording.samples[i, columns]), strict=True)
                    ),
                }
                for i in range(begin, begin + 25)
                for name, columns in (
                    ("totalacceleration", slice(0, 3)),
                    ("gyroscope", slice(3, 6)),
                )
            ]
            for _ in range(200):
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                    connection.request(
                        "POST", "/", json.dumps({"messageId": begin, "payload": payload})
                    )
                    connection.getresponse().read()
                    break
                except OSError:
                    if process.poll() is not None or begin > 150:  # enough was sent
                        break
                    time.sleep(0.1)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    findings = {finding["what"]: finding for finding in json.loads(out)["findings"]}
    assert process.returncode == 0, err
    assert findings["rate"]["verdict"] == "ok"
    assert findings["rate"]["measured"].startswith("50 Hz")


def test_a_board_on_a_serial_port_in_wrong_units():
    pytest.importorskip("serial")
    board, port = os.openpty()
    tty.setraw(port)
    done = threading.Event()

    def write():
        generator = np.random.default_rng(0)
        due_s = time.monotonic()
        while not done.is_set():
            values = [*generator.normal([0, 0, 1], 0.002), *generator.normal(0, 0.2, 3)]
            os.write(board, (",".join(f"{v:.5f}" for v in values) + "\n").encode())
            due_s += 0.02
            time.sleep(max(0.0, due_s - time.monotonic()))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        command = [sys.executable, "-m", "img2imu", "doctor", "--seconds", "2"]
        command += ["--source", f"serial:{os.ttyname(port)}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        done.set()
        thread.join()
        os.close(board)
        os.close(port)
    assert result.returncode == 1
    assert "looks like g" in result.stdout and "add units=g" in result.stdout
    assert "Traceback" not in result.stderr
