import dataclasses
import datetime
import json
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import export
from edge_runtime import Recognizer
from edge_runtime.contract.container import Golden, read_model
from edge_runtime.contract.spec import SCHEMA, DecisionSpec
from edge_runtime.errors import ContractError, OutputError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import hop_samples
from edge_runtime.network.interpreter import Model
from edge_runtime.network.verification import GOLDEN_STEP
from export.converters import litert_torch
from export.converters.litert_torch import LitertTorch
from export.evaluation import ExportError
from export.pipeline import (
    LIBRARIES,
    build_contract,
    export_model,
    record_accuracy,
)
from export.recipes import RECIPES
from img2imu.classifier import MotionClassifier
from img2imu.datasets import load_data_set
from img2imu.splits import manifest_sha256
from img2imu.windows import cut_windows

BARE = """
import json, sys
import numpy as np
from edge_runtime import Recognizer
model, samples = sys.argv[1:]
samples = np.load(samples)
decisions = Recognizer.load(model).push(np.arange(len(samples)) / 50, samples)
heavy = [
    m
    for m in ("torch", "sklearn", "img2imu", "export", "litert_torch", "ai_edge_quantizer")
    if m in sys.modules
]
print(json.dumps([heavy, [d.label for d in decisions], [d.probabilities for d in decisions]]))
"""


def export_again(route, path):
    return export_model(route.model.classifier, path, header=route.model.header)


# ---- the main job, end to end


@pytest.mark.parametrize("label", ["jump", "shake", "walk"])
def test_the_device_recognises_new_people(route, motion, label):
    samples = motion(label, 10.0, seed=77)
    recognizer = Recognizer.load(route.exported.job.path)
    decisions = [
        d for i, sample in enumerate(samples) for d in recognizer.push([i / 50], sample[None])
    ]
    contract = route.file.contract
    assert len(decisions) == (len(samples) - contract.window_samples) // contract.hop_samples + 1
    assert {d.label for d in decisions} == {label}


def test_the_file_needs_only_the_runtime_and_decides_the_same_there(route, motion, tmp_path):
    samples = np.concatenate([motion("walk", 4.0, seed=5), motion("shake", 4.0, seed=6)])
    np.save(tmp_path / "samples.npy", samples)
    result = subprocess.run(
        [sys.executable, "-c", BARE, route.exported.job.path, tmp_path / "samples.npy"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    heavy, labels, probabilities = json.loads(result.stdout)
    assert heavy == []
    assert labels[0] == "walk" and labels[-1] == "shake"
    decisions = Recognizer.load(route.exported.job.path).push(np.arange(len(samples)) / 50, samples)
    assert probabilities == [list(d.probabilities) for d in decisions]


def test_golden_vectors_are_reproduced_to_the_last_bit(route):
    golden = route.file.golden
    contract = route.file.contract
    front_end = FrontEnd(contract.front_end, contract.window_samples, 6, contract.stream.rate_hz)
    model = Model(route.file.tflite, contract)
    assert len(golden.windows) == 3
    assert len(np.unique(golden.probabilities.argmax(1))) == 3  # one of each class
    for i, window in enumerate(golden.windows):
        features = front_end.compute(window)
        stride = Golden.IMAGE_STRIDE
        np.testing.assert_array_equal(features.statistics, golden.statistics[i])
        np.testing.assert_array_equal(
            features.images[:, ::stride, ::stride], golden.image_samples[i]
        )
        np.testing.assert_array_equal(model.infer(features)[0], golden.probabilities[i])
    support = route.model.classifier.support_windows_
    assert all(
        (np.abs(support - window).max((1, 2)) <= GOLDEN_STEP / 2).any() for window in golden.windows
    )


def test_the_result_describes_the_file(route):
    exported = route.exported
    assert exported.job.path == route.trained.with_suffix(".tflite")
    assert exported.n_bytes == exported.job.path.stat().st_size < 250 * 1024
    assert exported.contract == route.file.contract
    assert exported.comparison.agreement == 1
    assert exported.cost.outside_xnnpack == ()
    assert exported.cost.one_thread.p50_us > 0
    assert 0 < exported.seconds < 600


def test_the_same_model_is_exported_to_the_same_file(route, converted_before, tmp_path):
    assert export_again(route, tmp_path / "again.tflite").n_bytes == route.exported.n_bytes
    assert (tmp_path / "again.tflite").read_bytes() == route.exported.job.path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["again.tflite"]


def test_a_classifier_and_a_path_are_enough(route, converted_before, tmp_path):
    """The model is named after the file; its origin is what the classifier knows of it."""
    exported = export.export_model(route.model.classifier, tmp_path / "my motions.tflite")
    contract = read_model(tmp_path / "my motions.tflite").contract
    assert contract == exported.contract
    assert contract.name == "my motions"
    header = route.model.header
    assert contract.provenance.data_set == header.data_set
    assert contract.provenance.split_sha256 == header.split_sha256
    assert contract.provenance.versions == route.file.contract.provenance.versions
    provenance = dataclasses.replace(
        contract.provenance,
        data_set=route.model.header.data_set,
        split_sha256=route.model.header.split_sha256,
    )
    named = dataclasses.replace(contract, name=route.model.header.name, provenance=provenance)
    assert named == route.file.contract


def test_a_path_can_be_text(route, converted_before, tmp_path):
    assert export.export_model(route.model.classifier, str(tmp_path / "m.tflite")).n_bytes > 0
    assert read_model(tmp_path / "m.tflite").contract.name == "m"


def test_a_classifier_that_was_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError, match="MotionClassifier instance is not fitted yet"):
        export.export_model(MotionClassifier(50, "acc+gyro"), tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


# ---- the contract


def test_the_contract_is_the_classifiers(route):
    contract = route.file.contract
    classifier = route.model.classifier
    assert contract.schema == SCHEMA
    assert contract.labels == ("jump", "shake", "walk")
    assert contract.stream.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    assert (contract.stream.rate_hz, contract.stream.gravity) == (50, "included")
    assert contract.window_samples == classifier.window_samples_ == 100
    assert contract.hop_samples == hop_samples(50, classifier.front_end_)
    assert contract.front_end == classifier.front_end_
    assert contract.decision == DecisionSpec()
    assert contract.quantisation == LitertTorch.describe(RECIPES["int8"])


def test_provenance_names_training_data_and_libraries(route):
    provenance = route.file.contract.provenance
    assert provenance.data_set == route.model.header.data_set == "data"
    windows = cut_windows(load_data_set(str(route.trained.parent / "data"), None), 2.0)
    assert provenance.split_sha256 == manifest_sha256(windows, np.arange(len(windows)))
    assert provenance.windows_per_class == 6
    assert provenance.seed == 0
    assert abs(
        datetime.date.fromisoformat(provenance.created) - datetime.datetime.now(datetime.UTC).date()
    ) <= datetime.timedelta(days=1)
    assert provenance.macro_f1 is None and provenance.macro_f1_float is None
    for library in (*LIBRARIES, "img2imu", "scikit-learn"):
        assert provenance.versions[library] == metadata.version(library)


def test_windows_per_class_is_that_of_the_rarest(route):
    classifier = route.model.classifier
    fewer = type(classifier)(50, "acc+gyro", seed=4)
    rarest = np.concatenate([[0], np.flatnonzero(classifier.support_classes_ > 0)])
    fewer.fit(
        classifier.support_windows_[rarest],
        classifier.classes_[classifier.support_classes_[rarest]],
    )
    provenance = build_contract(fewer, route.model.header).provenance
    assert (provenance.windows_per_class, provenance.seed) == (1, 4)


def test_numbers_as_labels_become_text(route):
    classifier = route.model.classifier
    numbered = type(classifier)(50, "acc+gyro").fit(
        classifier.support_windows_, classifier.support_classes_ * 10
    )
    assert build_contract(numbered, route.model.header).labels == ("0", "10", "20")


def test_recording_the_accuracy_changes_nothing_else_in_the_file(route, tmp_path):
    path = tmp_path / "scored.tflite"
    path.write_bytes(route.exported.job.path.read_bytes())
    record_accuracy(path, macro_f1_float=0.91, macro_f1=0.9)
    file = read_model(path)
    assert (file.contract.provenance.macro_f1_float, file.contract.provenance.macro_f1) == (
        0.91,
        0.9,
    )
    provenance = dataclasses.replace(file.contract.provenance, macro_f1=None, macro_f1_float=None)
    assert dataclasses.replace(file.contract, provenance=provenance) == route.file.contract
    assert file.tflite == route.file.tflite
    np.testing.assert_array_equal(file.golden.windows, route.file.golden.windows)
    assert [p.name for p in tmp_path.iterdir()] == ["scored.tflite"]


# ---- nothing is left behind


@pytest.mark.parametrize(
    ("threshold", "value", "message"),
    [
        ("MAX_FLOAT_DIFFERENCE", -1.0, "differs from the trained one"),
        ("MAX_SUM_ERROR", -1.0, "sum to 1 within"),
        ("MIN_AGREEMENT", 1.1, "names the same class as float on 100%"),
    ],
)
def test_a_model_that_fails_a_check_is_not_written(
    route, converted_before, tmp_path, monkeypatch, threshold, value, message
):
    monkeypatch.setattr(f"export.evaluation.{threshold}", value)
    with pytest.raises(ExportError, match=message):
        export_again(route, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_conversion_is_refused(route, converted_before, tmp_path, monkeypatch):
    """A network of other weights differs from the right one in its probabilities alone."""
    # the int8 network: its probabilities differ from the trained network's by quantisation
    other = route.file.tflite
    monkeypatch.setattr("export.evaluation.MAX_FLOAT_DIFFERENCE", 1e-9)
    monkeypatch.setattr(litert_torch, "to_float_tflite", lambda network, example: other)
    with pytest.raises(ExportError, match="differs from the trained one"):
        export_again(route, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_cannot_be_loaded_is_not_written(
    route, converted_before, tmp_path, monkeypatch
):
    monkeypatch.setattr(litert_torch, "quantise", lambda tflite, recipe, calibration: tflite[:1000])
    with pytest.raises(ContractError, match="cannot load the network"):
        export_again(route, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "moment",
    [
        "export.converters.litert_torch.quantise",
        "export.pipeline.infer_all",
        "export.pipeline.compare",
        "export.cost.measure",
        "export.pipeline.pack_model",
        "pathlib.Path.replace",
    ],
)
def test_an_interrupted_export_leaves_nothing(
    route, converted_before, tmp_path, monkeypatch, moment
):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_again(route, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_the_old_file(route, converted_before, tmp_path, monkeypatch):
    (tmp_path / "m.tflite").write_bytes(b"the old one")
    monkeypatch.setattr("export.evaluation.MIN_AGREEMENT", 1.1)
    with pytest.raises(ExportError):
        export_again(route, tmp_path / "m.tflite")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"the old one"]


def test_a_path_that_cannot_be_written_is_refused(route, converted_before, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        export_again(route, tmp_path / "missing" / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_labels_that_no_terminal_can_show_are_refused_before_the_conversion(
    route, tmp_path, monkeypatch
):
    classifier = route.model.classifier
    names = np.array(["jump", "two\nlines", "walk"])[classifier.support_classes_]
    odd = type(classifier)(50, "acc+gyro").fit(classifier.support_windows_, names)
    monkeypatch.setattr(litert_torch, "to_float_tflite", None)
    with pytest.raises(ContractError, match="labels = "):
        export_model(odd, tmp_path / "m.tflite", header=route.model.header)
