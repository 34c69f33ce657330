"""One conversion for all: three motions recorded into a folder, learnt, exported and kept for every test here."""

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
from export.evidence import gather
from export.network import DeviceNetwork
from export.pipeline import Exported
from img2imu.backbone import pretrained_backbone
from img2imu.classifier import MotionClassifier
from img2imu.cli import main
from img2imu.storage import Header

torch.set_num_threads(1)  # threads that wait for each other make a busy machine ten times slower

RATE_HZ, WINDOW_S = 50.0, 2.0
SWING_HZ = {"jump": 3.0, "shake": 8.0, "walk": 1.0}


def _motion(label, seconds, seed=0):
    """Samples (n, 6) of somebody doing it, with sensor noise, lying flat."""
    random = np.random.default_rng(seed)
    number = list(SWING_HZ).index(label)
    strength = np.ones(6)
    strength[[number, 3 + number]] = 3
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    samples = strength * np.sin(
        2 * np.pi * SWING_HZ[label] * times_s[:, None] + random.uniform(0, 6, 6)
    )
    return (
        samples + random.normal(0, 0.05, samples.shape) + np.array([0, 0, 9.81, 0, 0, 0])
    ).astype(np.float32)


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
    """What the commands made of a folder.

    Attributes:
        trained: file written by ``img2imu train``.
        printed: by ``img2imu train`` and ``img2imu export``.
        model: what ``trained`` holds.
        exported: what the export gave, its path in the same directory.
        file: the model file read back.
    """

    trained: Path
    printed: str
    model: Loaded
    exported: Exported
    file: ModelFile


@pytest.fixture(scope="session")
def motion():
    """Samples of a motion."""
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
    trained, kept = home / "my motions.npz", []
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as printed,
    ):
        patch.setattr(
            pipeline.Exporter,
            "export",
            lambda *arguments: kept.append(_export(*arguments)) or kept[0],
        )
        assert (
            main(["train", str(home / "data"), "-o", str(trained), "--window-s", str(WINDOW_S)])
            == 0
        )
        assert main(["export", str(trained)]) == 0
    classifier = MotionClassifier.load(trained)
    model = Loaded(classifier, classifier.header_)
    return Route(trained, printed.getvalue(), model, kept[0], read_model(kept[0].job.path))


_export = pipeline.Exporter.export


@pytest.fixture(scope="session")
def network(route, features):
    """The torch module that was converted."""
    return DeviceNetwork(
        pretrained_backbone(), route.model.classifier.head_, window_at(features, 0)
    )


@pytest.fixture(scope="session")
def new_windows():
    """Windows (30, samples, 6) of new people, and the name of each."""
    names = np.repeat(sorted(SWING_HZ), 10)
    return np.stack([_motion(name, WINDOW_S, seed=100 + i) for i, name in enumerate(names)]), names


@pytest.fixture(scope="session")
def features(route, new_windows) -> Features:
    """What the device's front end makes of them."""
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
    """An exporter that takes the network of the one conversion."""

    def make(model, evidence, **limits):
        exporter = pipeline.Exporter(model, evidence, **limits)
        known = LitertTorch.__new__(LitertTorch)
        known._calibration, known.float_tflite = (
            exporter._calibration["host"],
            route.exported.float_tflite,
        )
        exporter._routes["litert-torch", "host"] = known
        return exporter

    return make


@pytest.fixture(scope="session")
def made(route, exporter_of):
    """Such an exporter of the same model."""
    model = pipeline.Exportable.of(route.model.classifier, route.model.header)
    return exporter_of(model, gather(model.contract, model.support, model.support_classes))


@pytest.fixture
def converted_before(route, monkeypatch):
    """Exports of the same model take the networks of the one conversion, and what was measured of them."""
    monkeypatch.setattr(cost, "measure", lambda path: route.exported.cost)
    monkeypatch.setattr(
        litert_torch, "to_float_tflite", lambda network, example: route.exported.float_tflite
    )
    monkeypatch.setattr(
        litert_torch, "quantise", lambda tflite, recipe, calibration: route.file.tflite
    )
