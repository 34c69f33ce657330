import contextlib
import os
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import edge_runtime
from edge_runtime.contract.container import Golden
from edge_runtime.contract.spec import (
    CHANNELS,
    SCHEMA,
    Contract,
    DecisionSpec,
    FrontEndSpec,
    Provenance,
    Quantisation,
    SpectrogramSpec,
    StreamSpec,
)
from edge_runtime.errors import StreamError
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.frontend.statistics import STATISTICS
from edge_runtime.recognizer import Recognizer

settings.register_profile("untimed", deadline=None)  # a busy machine is no defect
settings.register_profile("emulated", deadline=None, max_examples=5)  # twenty times slower
settings.load_profile(os.environ.get("IMG2IMU_HYPOTHESIS", "untimed"))

DATA = Path(edge_runtime.__file__).with_name("data")


def _front_end(channels=6, fft_samples=(8, 16), step_samples=4, height=9, width=10, **changes):
    triples = (
        ((0, 0, 0),) if channels == 1 else tuple((i, i + 1, i + 2) for i in range(0, channels, 3))
    )
    values = {
        "spectrograms": tuple(SpectrogramSpec(n, step_samples) for n in fft_samples),
        "frequency_knee_hz": 1.0,
        "image_height": height,
        "image_width": width,
        "image_channels": triples,
        "min_db": (-60.0,) * channels,
        "max_db": (40.0,) * channels,
        "statistics": tuple(STATISTICS),
    }
    return FrontEndSpec(**values | changes)


def _contract(
    channels=6,
    rate_hz=50.0,
    window_samples=32,
    hop_samples=8,
    labels=("rest", "walk", "jump"),
    decision=None,
    stream=None,
    **front_end,
):
    return Contract(
        schema=SCHEMA,
        name="a test",
        stream=StreamSpec(CHANNELS[:channels], rate_hz, "included", **stream or {}),
        window_samples=window_samples,
        hop_samples=hop_samples,
        front_end=_front_end(channels, **front_end),
        labels=labels,
        decision=decision or DecisionSpec(smoothing_windows=2),
        quantisation=Quantisation("none", "none", "none"),
        provenance=Provenance("made up", "0" * 64, 1, 0, "2026-01-01", {"numpy": "2"}, None, 0.5),
    )


def _golden(contract, n=2):
    generator = np.random.default_rng(0)
    shapes = Golden.shapes(contract) | {"statistics": (5,)}
    return Golden(
        **{
            name: generator.normal(size=(n, *shape)).astype(np.float32)
            for name, shape in shapes.items()
        }
    )


def _motion(n, rate_hz=50.0, channels=6, seed=0, start_s=0.0):
    """Timestamps (n,) and samples (n, channels) of something that moves a little, lying flat."""
    samples = np.random.default_rng(seed).normal(0, 0.5, (n, channels)).astype(np.float32)
    samples[:, min(2, channels - 1)] += 9.81
    return start_s + np.arange(n) / rate_hz, samples


@dataclass
class FakeModel:
    """Answer with a checksum of the features: one wrong bit changes the decision."""

    n_labels: int
    answer: Callable[[Features], np.ndarray] | None = None
    seen: list[Features] = field(default_factory=list)
    takes_windows: bool = False

    def infer(self, features):
        self.seen.append(features)
        if self.answer is not None:
            return self.answer(features), np.zeros(4, np.float32)
        code = zlib.crc32(features.statistics.tobytes(), zlib.crc32(features.images.tobytes()))
        weights = np.array([(code >> 8 * i & 255) + 1 for i in range(self.n_labels)], np.float32)
        return weights / weights.sum(), np.zeros(4, np.float32)


@pytest.fixture(scope="session")
def make_contract():
    """A small valid contract; every argument can be changed."""
    return _contract


@pytest.fixture(scope="session")
def make_front_end():
    """A FrontEnd of a small contract; every argument can be changed."""

    def make(**changes):
        contract = _contract(**changes)
        return FrontEnd(
            contract.front_end,
            contract.window_samples,
            len(contract.stream.channels),
            contract.stream.rate_hz,
        )

    return make


@pytest.fixture(scope="session")
def make_golden():
    """Golden vectors of the shapes that a contract asks for."""
    return _golden


@pytest.fixture(scope="session")
def motion():
    """A stream with gravity."""
    return _motion


@pytest.fixture(scope="session")
def fake_model():
    """The class of models that need no interpreter."""
    return FakeModel


@pytest.fixture(scope="session")
def make_recognizer(make_contract, fake_model):
    """A recogniser over a fake model; arguments as for make_contract."""

    def make(answer=None, **changes):
        contract = make_contract(**changes)
        return Recognizer(contract, fake_model(len(contract.labels), answer))

    return make


@pytest.fixture(scope="session")
def push_in_chunks():
    """Push a stream cut at these places; all decisions."""

    def push(recognizer, times, samples, cuts):
        pieces = zip(np.split(times, cuts), np.split(samples, cuts), strict=True)
        return [decision for t, s in pieces for decision in recognizer.push(t, s)]

    return push


@pytest.fixture(scope="session")
def refusal():
    """The error with which a stream is refused."""

    def refuse(recognizer, times, samples):
        with pytest.raises(StreamError) as caught:
            recognizer.push(times, samples)
        return caught.value

    return refuse


@pytest.fixture(scope="session")
def accounted():
    """Whether a recogniser knows what became of every sample."""

    def check(recognizer):
        c = recognizer.counts
        return c.received == c.used + c.waiting + c.late + c.duplicate + c.refused

    return check


@pytest.fixture(scope="session")
def demo_model_path():
    """The bundled model file."""
    return DATA / "demo.tflite"


@pytest.fixture(scope="session")
def demo_recording_path():
    """The bundled recording."""
    return DATA / "demo.npz"


@pytest.fixture(scope="session")
def is_sentence():
    """Whether a text can be shown to a user: one line, not too long, printable."""

    def check(text):
        return "\n" not in text and 20 < len(text) < 600 and text.isprintable()

    return check


class Mosquitto:
    """Debian's MQTT broker; the user somebody with the password secret may do everything."""

    def __init__(self, program, directory, port):
        self.port = port
        self._program, self._settings = program, directory / "mosquitto.conf"
        self._settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")

    def demand_a_password(self):
        passwords = self._settings.with_name("passwords")
        passwords.touch(mode=0o600)
        subprocess.run(["mosquitto_passwd", "-b", passwords, "somebody", "secret"], check=True)
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\npassword_file {passwords}\nuser root\n"
        )

    def start(self):
        self._process = subprocess.Popen(
            [self._program, "-c", self._settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            time.sleep(0.05)
        raise AssertionError("mosquitto did not start")

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def mosquitto(tmp_path, port):
    """A running broker; start and stop at will."""
    program = shutil.which(
        "mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin"
    )
    if program is None:
        pytest.skip("no MQTT broker here: make test-sources installs Debian's mosquitto")
    broker = Mosquitto(program, tmp_path, port).start()
    yield broker
    broker.stop()
