"""One conversion for all tests here: three motions recorded into a folder, learnt and exported."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_runtime.contract.container import ModelFile, read_model
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.network.interpreter import window_at
from edge_runtime.recordings import Recording, write_csv
from export import cost, pipeline
from export.converters import litert_torch
from export.converters.litert_torch import LitertTorch
from export.device_network import DeviceNetwork
from export.evaluation import choose_windows
from export.pipeline import Exported
from img2imu.backbone import pretrained_backbone
from img2imu.classifier import MotionClassifier
from img2imu.cli import main
from img2imu.storage import Header

torch.set_num_threads(1)  # on a busy machine, threads that wait for each other are ten times slower

RATE_HZ, WINDOW_S = 50.0, 2.0
SWING_HZ = {"jump": 3.0, "shake": 8.0, "walk": 1.0}


def _motion(label, seconds, seed=0):
    """Return samples (n, 6) of a motion with sensor noise, the sensor lying flat."""
    random = np.random.default_rng(seed)
    number = list(SWING_HZ).index(label)
    strength = np.ones(6)
    strength[[number, 3 + number]] = 3
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * SWING_HZ[label] * times_s[:, None] + random.uniform(0, 6, 6)
    samples = strength * np.sin(phase)
    noise = random.normal(0, 0.05, samples.shape)
    gravity = np.array([0, 0, 9.81, 0, 0, 0])
    return (samples + noise + gravity).astype(np.float32)


def _write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, Recording(path.name, np.arange(len(samples)) / RATE_HZ, samples, CHANNELS))


@dataclass(frozen=True)
class Loaded:
    """A classifier and where it comes from."""

    classifier: MotionClassifier
    header: Header


@dataclass(frozen=True)
class Route:
    """Results of ``img2imu train`` and ``img2imu export`` on a folder.

    Attributes:
        trained: path of the trained model.
        printed: output of both commands.
        model: content of the trained model.
        exported: result of the export; its file is in the same directory.
        file: the model file read back.
    """

    trained: Path
    printed: str
    model: Loaded
    exported: Exported
    file: ModelFile


@pytest.fixture(scope="session")
def motion():
    """Make samples of a motion."""
    return _motion


@pytest.fixture(scope="session")
def write_motion():
    """Write samples as CSV."""
    return _write


@pytest.fixture(scope="session")
def route(tmp_path_factory):
    """Folder -> img2imu train -> img2imu export: the one conversion of these tests."""
    home = tmp_path_factory.mktemp("route")
    for person in range(3):
        for label in SWING_HZ:
            _write(
                home / "data" / f"person {person}" / label / "1.csv",
                _motion(label, 5.0, seed=person),
            )
    trained = home / "my motions.npz"
    exports = []
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as printed,
    ):
        patch.setattr(
            pipeline.Exporter,
            "export",
            lambda *arguments: exports.append(_export(*arguments)) or exports[0],
        )
        assert (
            main(["train", str(home / "data"), "-o", str(trained), "--window-s", str(WINDOW_S)])
            == 0
        )
        assert main(["export", str(trained)]) == 0
    classifier = MotionClassifier.load(trained)
    return Route(
        trained=trained,
        printed=printed.getvalue(),
        model=Loaded(classifier, classifier.header_),
        exported=exports[0],
        file=read_model(exports[0].job.path),
    )


_export = pipeline.Exporter.export


@pytest.fixture(scope="session")
def network(route, features):
    """The torch module that was converted."""
    return DeviceNetwork(
        pretrained_backbone(), route.model.classifier.head_, window_at(features, 0)
    )


@pytest.fixture(scope="session")
def new_windows():
    """Windows (30, samples, 6) of new people, and the motion in each."""
    names = np.repeat(sorted(SWING_HZ), 10)
    return np.stack([_motion(name, WINDOW_S, seed=100 + i) for i, name in enumerate(names)]), names


@pytest.fixture(scope="session")
def features(route, new_windows) -> Features:
    """Features of the new windows, from the runtime's front end."""
    contract = route.file.contract
    front_end = FrontEnd(
        contract.front_end,
        contract.window_samples,
        len(contract.stream.channels),
        contract.stream.rate_hz,
    )
    return front_end.compute_batch(new_windows[0])


@pytest.fixture(scope="session")
def exporter_of(route):
    """Make exporters that reuse the network of the one conversion."""

    def make(model, windows, **limits):
        exporter = pipeline.Exporter(model, windows, **limits)
        converted = LitertTorch.__new__(LitertTorch)
        converted._calibration = exporter._calibration["host"]
        converted.float_tflite = route.exported.float_tflite
        exporter._routes["litert-torch", "host"] = converted
        return exporter

    return make


@pytest.fixture(scope="session")
def exporter(route, exporter_of):
    """An exporter of the same model, which reuses the one conversion."""
    model = pipeline.Exportable.of(route.model.classifier, route.model.header)
    return exporter_of(model, choose_windows(model.contract, model.support, model.support_classes))


@pytest.fixture
def converted_before(route, monkeypatch):
    """Let exports of the same model reuse the networks and the cost of the one conversion."""
    monkeypatch.setattr(cost, "measure", lambda path: route.exported.cost)
    monkeypatch.setattr(
        litert_torch, "to_float_tflite", lambda network, example: route.exported.float_tflite
    )
    monkeypatch.setattr(
        litert_torch, "quantise", lambda tflite, recipe, calibration: route.file.tflite
    )
