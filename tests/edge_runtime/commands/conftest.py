"""What the tests of img2imu run share."""

import json

import numpy as np
import pytest

from edge_runtime import Recognizer
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.recordings import Recording, read_recording, write_csv
from img2imu.cli import EXIT_USER_ERROR, main

EXERCISE_S = 10.0


@pytest.fixture(scope="session")
def demo_recording(demo_recording_path):
    return read_recording(demo_recording_path)


@pytest.fixture(scope="session")
def expected(demo_model_path, demo_recording):
    """The decisions on the bundled recording, pushed at once."""
    return Recognizer.load(demo_model_path).push(
        demo_recording.timestamps_s, demo_recording.samples
    )


@pytest.fixture
def calm(demo_recording):
    """Times and samples of the recording without its first exercise, which reaches 2 g and more."""
    begin = round(EXERCISE_S * 50)
    return demo_recording.timestamps_s[begin:], demo_recording.samples[begin:]


@pytest.fixture
def run(demo_model_path, tmp_path, capsys):
    """Run the command on a source; return the exit code, the decisions, and what was printed."""

    def call(source, *arguments, model=demo_model_path):
        sink = tmp_path / "decisions.jsonl"
        command = ["run", str(model), "--source", str(source), "--sink", f"jsonl:{sink}"]
        code = main([*command, *map(str, arguments)])
        lines = sink.read_text().splitlines() if sink.exists() else []
        return code, [json.loads(line) for line in lines], capsys.readouterr()

    return call


@pytest.fixture
def refused(run, is_sentence):
    """Run the command, which refuses a source or a model; return the message."""

    def call(source, *arguments, decisions=0, **options):
        code, written, printed = run(source, *arguments, **options)
        assert code == EXIT_USER_ERROR
        assert len(written) == decisions
        assert printed.out == ""
        assert "Traceback" not in printed.err
        (line,) = (line for line in printed.err.splitlines() if line.startswith("img2imu: "))
        assert line == printed.err.splitlines()[-1]
        assert is_sentence(line)
        return line.removeprefix("img2imu: ")

    return call


@pytest.fixture
def altered(demo_recording, tmp_path):
    """The bundled recording as CSV, with its times or samples changed."""

    def call(times_s=None, samples=None, channels=CHANNELS, header=None):
        path = tmp_path / "altered.csv"
        times_s = demo_recording.timestamps_s if times_s is None else times_s
        samples = demo_recording.samples if samples is None else samples
        write_csv(
            path,
            Recording(
                "altered", np.asarray(times_s, float), np.asarray(samples, np.float32), channels
            ),
        )
        if header is not None:
            path.write_text(path.read_text().replace(",".join(("time_s", *channels)), header, 1))
        return f"{path}?speed=max"

    return call
