import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from edge_runtime import Recognizer, Teacher, read_model
from edge_runtime.recordings import Recording, read_recording, write_csv
from img2imu.cli import main

COMMAND = (sys.executable, "-m", "img2imu")
PATIENCE_S = 60


@pytest.fixture(scope="session")
def excerpt(demo_recording_path):
    recording = read_recording(demo_recording_path)

    def cut(begin_s, end_s):
        inside = (recording.timestamps_s >= begin_s) & (recording.timestamps_s < end_s)
        return Recording(
            "cut", recording.timestamps_s[inside], recording.samples[inside], recording.channels
        )

    return cut


@pytest.fixture
def data(tmp_path, excerpt):
    """Recordings in folders, as img2imu record leaves them."""
    place = tmp_path / "data"
    for name, begin_s, end_s in (
        ("ABD/a", 0, 4),
        ("ABD/b", 4, 8),
        ("anna/IR/a", 10, 17),
        ("idle", 20, 29),
    ):
        path = place / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csv(path, excerpt(begin_s, end_s))
    return place


@pytest.fixture
def my(tmp_path):
    return tmp_path / "my.tflite"


def test_from_folders_to_live_recognition(data, my, demo_recording_path, capsys):
    assert (
        main(["teach", "-o", str(my), "--from", str(data), "--background", str(data / "idle.csv")])
        == 0
    )
    shown = capsys.readouterr()
    assert "6 of 7" in shown.out or "7 of 7" in shown.out or "examples are recognised" in shown.out
    assert "threshold  false triggers/h  missed" in shown.out and " *" in shown.out
    assert f"img2imu run {my} --source" in shown.err
    assert Teacher.load(my).windows == {"ABD": 4, "IR": 3}
    assert (
        main(["run", str(my), "--source", f"{demo_recording_path}?speed=max", "--sink", "jsonl:-"])
        == 0
    )
    decisions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {d["label"] for d in decisions if d["time_s"] > 23} == {None}
    assert {"ABD", "IR"} <= {d["label"] for d in decisions}
    assert main(["verify", str(my)]) == 0 and capsys.readouterr().out.startswith("identical")
    assert main(["info", str(my)]) == 0
    assert re.search(r"taught +ABD \(4\), IR \(3\); background of 9 s", capsys.readouterr().out)


def test_teaching_goes_on_with_the_file(data, my, capsys):
    shutil.move(data / "anna", data.parent / "anna")
    assert (
        main(["teach", "-o", str(my), "--from", str(data), "--background", str(data / "idle.csv")])
        == 0
    )
    assert main(["teach", "-o", str(my), "--from", str(data.parent / "anna")]) == 0
    assert "extending" in capsys.readouterr().err
    together = data.parent / "together.tflite"
    shutil.move(data.parent / "anna", data / "anna")
    assert (
        main(
            [
                "teach",
                "-o",
                str(together),
                "--from",
                str(data),
                "--background",
                str(data / "idle.csv"),
            ]
        )
        == 0
    )
    assert my.read_bytes() == together.read_bytes()
    assert main(["teach", "-o", str(my), "--delete", "IR"]) == 0
    assert Teacher.load(my).labels == ("ABD",)
    assert (
        main(["teach", "-o", str(my), "--from", str(data), "--background", str(data / "idle.csv")])
        == 0
    )
    assert my.read_bytes() == together.read_bytes()


def test_a_bad_recording_costs_nothing_that_was_taught_before(data, my, capsys, is_sentence):
    short = data / "zzz" / "short.csv"
    short.parent.mkdir()
    short.write_text("\n".join((data / "idle.csv").read_text().splitlines()[:20]) + "\n")
    assert (
        main(["teach", "-o", str(my), "--from", str(data), "--background", str(data / "idle.csv")])
        == 2
    )
    error = capsys.readouterr().err.splitlines()[-1]
    assert (
        "zzz/short.csv, the recording is 0.36 s long, expected 2 s or more" in error
        and is_sentence(error)
    )
    assert Teacher.load(my).windows == {"ABD": 4, "IR": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to teach from, expected --source URI"),
        (["--from", "nowhere"], "there is no nowhere: check the path"),
        (
            ["--delete", "punch"],
            "the label 'punch' was not taught, expected one of those that were (none so far)",
        ),
        (["--from", "DATA"], "lies in"),
        (["--from", "DATA/ABD"], "lies in"),
        (["--from", "DATA", "--window-s", "0.1"], "windows have 5 samples, expected 16 or more"),
        (["--from", "DATA", "--rate-hz", "1000"], "rate_hz is 1000, expected 10 to 400"),
        (["--from", "DATA", "--channels", "acc_x,acc_x"], "expected 1, 3 or 6 different names"),
        (
            ["--from", "DATA", "--embedder", "MODEL", "--window-s", "2"],
            "--window-s was given together with --embedder",
        ),
        (["--from", "DATA", "--embedder", "DATA/idle.csv"], "is not a .tflite model"),
        (
            ["--from", "DATA", "--background", "DATA/idle.csv", "--name", "a\nb"],
            "expected one line of 1 to 80",
        ),
    ],
)
def test_mistakes_are_one_sentence(
    data, my, capsys, is_sentence, demo_model_path, arguments, message
):
    arguments = [
        a.replace("DATA", str(data)).replace("MODEL", str(demo_model_path)) for a in arguments
    ]
    assert main(["teach", "-o", str(my), *arguments]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert message in last and is_sentence(last.replace(str(data), ""))
    assert not my.exists()


def test_a_file_with_a_stream_of_its_own_takes_no_other(data, my, capsys):
    given = ["teach", "-o", str(my), "--from", str(data), "--background", str(data / "idle.csv")]
    assert main(given) == 0
    before = my.read_bytes()
    assert main([*given, "--window-s", "1"]) == 2
    assert "has its own stream, but --window-s was given: leave that out" in capsys.readouterr().err
    assert my.read_bytes() == before


def test_an_exported_model_is_not_overwritten(data, my, demo_model_path, capsys):
    shutil.copy(demo_model_path, my)
    assert (
        main(["teach", "-o", str(my), "--from", str(data), "--background", str(data / "idle.csv")])
        == 2
    )
    assert "was exported, not taught" in capsys.readouterr().err
    assert my.read_bytes() == demo_model_path.read_bytes()


def test_one_motion_alone_is_kept_and_said(data, my, capsys):
    shutil.rmtree(data / "anna")
    (data / "idle.csv").unlink()
    assert main(["teach", "-o", str(my), "--from", str(data)]) == 0
    assert "recognises nothing yet: only 'ABD' was taught" in capsys.readouterr().err
    assert main(["run", str(my), "--source", "nowhere.csv"]) == 2
    assert "was taught nothing but 'ABD'" in capsys.readouterr().err


class Person:
    """Sits at the terminal and answers; a phone pushes what the person does, when told to."""

    def __init__(self, arguments, port):
        self._terminal, far = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, "teach", *arguments],
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
            close_fds=True,
        )
        os.close(far)
        self._port, self.seen, self._read, self._time_s = port, "", 0, 1_700_000_000.0

    def until(self, text):
        deadline_s = time.monotonic() + PATIENCE_S
        while text not in self.seen[self._read :]:
            assert time.monotonic() < deadline_s, f"{text!r} did not come: {self.seen[-2000:]}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self._terminal, 65536).decode(errors="replace")
                except OSError:  # the other end is closed
                    break
        assert text in self.seen[self._read :], self.seen[-2000:]
        self._read = self.seen.index(text, self._read) + len(text)

    def type(self, line):
        os.write(self._terminal, (line + "\n").encode())

    def move(self, recording):
        """Push a motion as the Sensor Logger app does, right after what was pushed before."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        payload = []
        for i, sample in enumerate(recording.samples):
            time_ns = round((self._time_s + i / 50) * 1e9)
            for name, columns in (("totalacceleration", slice(0, 3)), ("gyroscope", slice(3, 6))):
                values = dict(zip("xyz", map(float, sample[columns]), strict=True))
                payload.append({"name": name, "time": time_ns, "values": values})
        self._time_s += len(recording.samples) / 50 + 2
        connection.request(
            "POST",
            "/",
            json.dumps({"messageId": 0, "sessionId": "s", "deviceId": "d", "payload": payload}),
        )
        connection.getresponse().read()
        connection.close()

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)

    def gone(self):
        code = self._process.wait(PATIENCE_S)
        os.close(self._terminal)
        return code


@pytest.fixture
def person(my, port):
    someone = Person(
        [
            "-o",
            str(my),
            "--source",
            f"http:127.0.0.1:{port}",
            "--countdown",
            "0.2",
            "--seconds",
            "6",
            "--background-s",
            "8",
        ],
        port,
    )
    yield someone
    someone._process.kill()
    someone._process.wait(PATIENCE_S)


def test_a_person_is_guided_through_teaching(person, my, excerpt):
    person.until("motion> ")
    person.type("ABD")
    person.until("perform 'ABD'")
    person.until("go")
    person.move(excerpt(0, 6.5))
    person.until("ABD: 3 new examples, 3 in total")
    person.until("next: only 'ABD' was taught")
    person.until("motion> ")
    assert Teacher.load(my).windows == {"ABD": 3}  # saved at once
    person.type("background")
    person.until("go")
    person.move(excerpt(20, 28.5))
    person.until("background: ")
    person.until("motion> ")
    person.type("IR")
    person.until("go")
    person.move(excerpt(20, 26.5))  # not what was meant
    person.until("motion> ")
    person.type("redo IR")
    person.until("go")
    person.move(excerpt(10, 16.5))
    person.until("IR: 3 new examples, 3 in total")
    person.until("motion> ")
    person.type("delete PEN")
    person.until("the label 'PEN' was not taught")
    person.type("\x01")
    person.until("expected one line of 1 to 80 printable characters")
    person.type("review")
    person.until("threshold  false triggers/h  missed")
    person.until("motion> ")
    person.type("try")
    person.until("go")
    person.move(excerpt(10, 20))
    person.until("IR (")
    person.type("")
    person.until("img2imu run")
    assert person.gone() == 0
    assert Teacher.load(my).windows == {"ABD": 3, "IR": 3}
    assert Recognizer.load(my).push(*_of(excerpt(10, 17)))[-1].label in ("IR", None)


def test_what_was_taught_survives_an_interruption(person, my, excerpt):
    person.until("motion> ")
    person.type("ABD")
    person.until("go")
    person.move(excerpt(0, 6.5))
    person.until("next: only 'ABD' was taught")
    person.until("motion> ")
    person.type("IR")
    person.until("go")
    person.move(excerpt(10, 12))  # and then the sensor falls silent
    person.until("recording: ")
    person.interrupt()
    person.until("holds 'ABD'")
    assert person.gone() == 130
    assert read_model(my).contract.labels == ("ABD",)


def test_a_source_that_ends_keeps_what_was_taught(my, demo_recording_path):
    answers = "ABD\nIR\n"
    done = subprocess.run(
        [
            *COMMAND,
            "teach",
            "-o",
            str(my),
            "--source",
            f"{demo_recording_path}?speed=max",
            "--countdown",
            "0",
            "--seconds",
            "20",
        ],
        input=answers,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert "the source ended after" in done.stderr and "earlier ones are kept" in done.stderr
    assert Teacher.load(my).labels == ("ABD",)


def _of(recording):
    return recording.timestamps_s, np.asarray(recording.samples)


def test_a_page_needs_a_live_source(data, my, capsys):
    assert main(["teach", "-o", str(my), "--from", str(data), "--web"]) == 2
    assert "--web was given without --source" in capsys.readouterr().err and not my.exists()
