import http.client
import io
import json
import signal
import subprocess
import sys
import time

import pytest

from edge_runtime import Recognizer
from edge_runtime.commands.run import _say_between_views
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.decision import RECOGNISED, Decision
from edge_runtime.recordings import read_recording
from edge_runtime.sinks.console import ConsoleSink

BATCH = 25


def messages(recording):
    """A recording as Sensor Logger pushes it, half a second at a time; some messages swapped."""
    bodies = []
    for number, begin in enumerate(range(0, len(recording.samples), BATCH)):
        payload = []
        for i in range(begin, min(begin + BATCH, len(recording.samples))):
            time_ns = 1_700_000_000_000_000_000 + round(recording.timestamps_s[i] * 1e9)
            for name, columns in (("totalacceleration", slice(0, 3)), ("gyroscope", slice(3, 6))):
                values = dict(zip("xyz", map(float, recording.samples[i, columns]), strict=True))
                payload.append({"name": name, "time": time_ns, "values": values})
        bodies.append(
            json.dumps({"messageId": number, "sessionId": "s", "deviceId": "d", "payload": payload})
        )
    for number in range(5, len(bodies) - 1, 5):
        bodies[number], bodies[number + 1] = bodies[number + 1], bodies[number]
    return bodies


def push(port, bodies):
    deadline_s = time.monotonic() + 30
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.connect()
            break
        except OSError:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
    for body in bodies:
        connection.request("POST", "/", body)
        connection.getresponse().read()
    connection.close()


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_what_a_source_says_stands_between_two_views(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    console = ConsoleSink(("walk", "run"), terminal)
    walk = Decision(1.0, RECOGNISED, "walk", 0.75, (0.75, 0.25), (0.75, 0.25))
    console.write(walk)
    console.write(walk)
    assert "\x1b[4A" in terminal.getvalue()  # drawn over: heading, two bars, latency
    terminal.truncate(0)
    _say_between_views([console])("the cable is out")
    assert capsys.readouterr().err == "the cable is out\n"
    console.write(walk)
    assert "A\r" not in terminal.getvalue() and "walk" in terminal.getvalue()


def test_a_phone_gives_the_decisions_of_the_recording(
    demo_model_path, demo_recording_path, port, tmp_path
):
    recording = read_recording(demo_recording_path).select(CHANNELS)
    expected = Recognizer.load(demo_model_path).push(recording.timestamps_s, recording.samples)
    sink = tmp_path / "decisions.jsonl"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "img2imu",
            "run",
            demo_model_path,
            "--source",
            f"http:127.0.0.1:{port}",
            "--sink",
            f"jsonl:{sink}",
            "--sink",
            "console:",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        push(port, ["this is no message", *messages(recording)])
        for _ in range(400):
            if sink.read_text().count("\n") >= len(expected):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=20)
    finally:
        process.kill()
    found = [json.loads(line) for line in sink.read_text().splitlines()]
    assert [d["label"] for d in found] == [d.label for d in expected]
    assert [d["probability"] for d in found] == pytest.approx(
        [d.probability for d in expected], abs=0.02
    )
    assert len(shown.splitlines()) == len(expected)
    assert "skipped 1 malformed message: it is no JSON" in said and "Traceback" not in said


def test_a_phone_that_falls_silent_leaves_no_label_standing(
    demo_model_path, demo_recording_path, port, tmp_path
):
    recording = read_recording(demo_recording_path).select(CHANNELS)
    bodies = messages(recording)
    sink = tmp_path / "decisions.jsonl"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "img2imu",
            "run",
            demo_model_path,
            "--source",
            f"http:127.0.0.1:{port}",
            "--sink",
            f"jsonl:{sink}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )

    def wait_for(state):
        for _ in range(400):
            lines = sink.read_text().splitlines() if sink.exists() else []
            if lines and json.loads(lines[-1])["state"] == state:
                return json.loads(lines[-1])
            time.sleep(0.05)
        raise AssertionError(f"never {state}")

    try:
        push(port, bodies[:15])
        gap = wait_for("gap")
        assert gap["label"] is None and gap["counts"]["received"] > 300
        push(port, bodies[30:35])  # the phone was away for 7.5 s
        warming_up = wait_for("warming up")
        assert warming_up["label"] is None and warming_up["counts"]["gaps"] == 1
        push(port, bodies[35:50])
        assert wait_for("recognised")["time_s"] >= warming_up["time_s"] + 4.9
        process.send_signal(signal.SIGINT)
        assert "1 gap" in process.communicate(timeout=20)[1]
    finally:
        process.kill()


def test_a_service_manager_ends_it_with_everything_written(
    demo_model_path, demo_recording_path, tmp_path
):
    sink = tmp_path / "decisions.jsonl"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "img2imu",
            "run",
            demo_model_path,
            "--source",
            f"replay:{demo_recording_path}?lead_s=6",
            "--sink",
            f"jsonl:{sink}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(400):
            if sink.exists() and sink.read_text().count("\n") >= 3:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    found = [json.loads(line) for line in sink.read_text().splitlines()]
    assert 3 <= len(found) < 30  # of 79: it did not go on to the end
    assert f"{len(found)} decisions, " in said and "Traceback" not in said


def test_a_service_manager_ends_it_before_any_sample(demo_model_path, port):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "img2imu",
            "run",
            demo_model_path,
            "--source",
            f"http:127.0.0.1:{port}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:
            if "http" in line:  # it listens
                break
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[1] == ""
    finally:
        process.kill()
    assert process.returncode == 0
