"""Trained model to model file: convert, quantise, describe, check, and only then write."""

from __future__ import annotations

import dataclasses
import datetime
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.container import Golden, pack, read
from edge_runtime.contract import SCHEMA, Contract, DecisionSpec, Provenance, StreamSpec
from edge_runtime.files import written_whole
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.model import Model
from export import convert
from export.checks import check_answers
from export.network import DeviceNetwork
from img2imu.backbone import pretrained_backbone
from img2imu.classifier import MotionClassifier
from img2imu.design import hop_samples, resolve_channels
from img2imu.progress import bar
from img2imu.storage import Header, library_versions

GOLDEN_WINDOWS = 3
MAX_CALIBRATION_WINDOWS = 200  # more changes the ranges little and takes longer
LIBRARIES = ("numpy", "torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert")


@dataclass(frozen=True)
class Exported:
    """What an export made.

    Attributes:
        path: the int8 model file.
        contract: what it carries.
        float_tflite: the network before quantisation, a plain ``.tflite``.
        n_bytes: size of the file.
        seconds: time it took.
        agreement: share of the support windows on which int8 and float give the same class.
    """

    path: Path
    contract: Contract
    float_tflite: bytes
    n_bytes: int
    seconds: float
    agreement: float


def export_model(classifier: MotionClassifier, header: Header, path: str | os.PathLike[str],
                 show_progress: bool = True) -> Exported:
    """Make a trained model one int8 ``.tflite`` that carries its contract and golden vectors.

    Args:
        classifier: fitted; its support windows calibrate the quantiser, through the runtime's own front end.
        header: where the model comes from.
        path: of the file to write.
        show_progress: draw a bar over the steps.

    Raises:
        ExportError: the made file fails a check; nothing is written.
        OutputError: the place cannot be written.
    """
    started = time.perf_counter()
    network = DeviceNetwork(pretrained_backbone(), classifier.head_)
    contract = build_contract(classifier, header)
    windows = classifier.support_windows_[_spread(len(classifier.support_windows_), MAX_CALIBRATION_WINDOWS)]
    with bar("exporting", 4, show_progress) as advance:
        features = FrontEnd.of(contract).compute_batch(windows)
        advance(1)
        float_tflite = convert.to_float_tflite(network, one(features, 0))
        advance(1)
        int8_tflite = convert.to_int8(float_tflite, features)
        advance(1)
        answers = infer_all(Model(int8_tflite, contract), features)
        float_answers = infer_all(Model(float_tflite, contract), features)
        agreement = check_answers(network, features, float_answers, answers)
        advance(1)
    content = pack(int8_tflite, contract, _golden(windows, features, answers))
    with written_whole(path) as file:
        file.write(content)
    return Exported(Path(path), contract, float_tflite, len(content), time.perf_counter() - started, agreement)


def _golden(windows: np.ndarray, features: Features, answers: np.ndarray) -> Golden:
    chosen, stride = _spread(len(windows), GOLDEN_WINDOWS), Golden.IMAGE_STRIDE
    return Golden(windows[chosen], features.statistics[chosen], features.images[chosen][:, :, ::stride, ::stride],
                  answers[chosen])


def build_contract(classifier: MotionClassifier, header: Header) -> Contract:
    """The contract of a trained model, with the default decision settings."""
    rate_hz = float(classifier.rate_hz)
    provenance = Provenance(
        data_set=header.data_set, split_sha256=header.split_sha256,
        windows_per_class=int(np.bincount(classifier.support_classes_).min()), seed=int(classifier.seed),
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        versions={**header.versions, **library_versions(LIBRARIES)})
    return Contract(
        schema=SCHEMA, name=header.name,
        stream=StreamSpec(resolve_channels(classifier.channels), rate_hz, classifier.gravity_),
        window_samples=classifier.window_samples_, hop_samples=hop_samples(rate_hz, classifier.front_end_),
        front_end=classifier.front_end_, labels=tuple(str(label) for label in classifier.classes_),
        decision=DecisionSpec(), quantisation=convert.describe(), provenance=provenance)


def record_accuracy(path: str | os.PathLike[str], macro_f1_float: float, macro_f1: float) -> None:
    """Write what was measured on windows not trained on into a model file's provenance."""
    file = read(path)
    provenance = dataclasses.replace(file.contract.provenance, macro_f1_float=macro_f1_float, macro_f1=macro_f1)
    content = pack(file.tflite, dataclasses.replace(file.contract, provenance=provenance), file.golden)
    with written_whole(path) as target:
        target.write(content)


def infer_all(model: Model, features: Features) -> np.ndarray:
    """Probabilities (n, classes) of n windows' features, one at a time as on the device."""
    return np.stack([model.infer(one(features, i))[0] for i in range(len(features.images))])


def one(features: Features, i: int) -> Features:
    """Window ``i`` of a batch."""
    return Features(features.images[i], features.statistics[i])


def _spread(n: int, count: int) -> np.ndarray:
    """Up to ``count`` indices, evenly spread over 0 .. n - 1; support windows stand class by class."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(int))
