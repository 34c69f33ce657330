"""The browser, models and commands that the page tests share. ``make test-web`` runs them."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from edge_runtime.pages.server import vendor_is_missing
from edge_runtime.recordings import read_recording
from img2imu.cli import main

from .chromium import TIMEOUT_S, Chromium

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "out" / "web"


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    if shutil.which("chromium") is None:
        pytest.skip("Chromium is not installed: make test-web installs Debian's")
    if vendor_is_missing():
        pytest.skip("uPlot and LiteRT.js are missing: make web fetches them")
    chromium = Chromium()
    yield chromium
    chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens tabs, and closes them after the test."""
    pages = []

    def call(url="about:blank", **options):
        pages.append(browser.page(url, **options))
        return pages[-1]

    yield call
    for page in pages:
        page.close()


class Command:
    """``img2imu ...`` in its own process."""

    def __init__(self, *arguments):
        code = "import sys; from img2imu.cli import main; sys.exit(main())"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            text=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def serving(self, port):
        """Wait until it listens on the port."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=1),
            ):
                return self
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline_s
            time.sleep(0.05)

    def end(self):
        """Stop it as Ctrl-C does, and return its standard error."""
        if self.process.poll() is None:
            self.process.send_signal(2)
        try:
            return self.process.communicate(timeout=TIMEOUT_S)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def command():
    """Starts commands, and ends them after the test."""
    commands = []

    def start(*arguments):
        commands.append(Command(*arguments))
        return commands[-1]

    yield start
    for running in commands:
        running.end()


@pytest.fixture(scope="session")
def demo_model():
    """The bundled model."""
    return DEMO_MODEL


@pytest.fixture(scope="session")
def recording():
    """The bundled recording: three exercises of 10 s."""
    return read_recording(DEMO_RECORDING)


MAKE_MODELS = """
import sys
from img2imu.cli import main
home = sys.argv[1]
train = ["train", "watch", "-o", home + "/m.npz"]
train += ["--windows-per-class", "10", "--test-subjects", "1"]
export = ["export", home + "/m.npz", "-o", home + "/m.tflite", "--target", "web"]
export += ["--recipe", "float32", "--recipe", "int8"]
sys.exit(main(train) or main(export))
"""


@pytest.fixture(scope="session", autouse=True)
def started_models(tmp_path_factory):
    """Starts training the models before the first test, because it takes longer than most tests."""
    home = tmp_path_factory.mktemp("models")
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", MAKE_MODELS, str(home)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    yield home, process
    process.kill()
    process.wait(10)


@pytest.fixture(scope="session")
def web_models(started_models):
    """Models for the browser, trained on the bundled model's data: recipe to file."""
    home, process = started_models
    assert process.wait(300) == 0, (home / "log").read_text()
    return {recipe: home / f"m.{recipe}.tflite" for recipe in ("float32", "int8")}


def read_lines(path):
    """Return the decisions in a file of ``--sink jsonl:``. An unfinished line is ignored."""
    return [
        json.loads(line)
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]


@pytest.fixture(scope="session")
def run_on():
    """Runs ``img2imu run`` on samples as from a phone, and returns its decisions."""

    def call(model, times_s, samples, home):
        np.savez(
            home / "samples.npz",
            time_s=times_s,
            samples=samples,
            channels=np.array(["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]),
        )
        assert (
            main(
                [
                    "run",
                    str(model),
                    "--source",
                    f"replay:{home}/samples.npz?speed=max",
                    "--resample",
                    "polyphase",
                    "--sink",
                    f"jsonl:{home}/again.jsonl",
                ]
            )
            == 0
        )
        return read_lines(home / "again.jsonl")

    return call
