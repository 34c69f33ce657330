from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edge_runtime.commands.run import DEMO_EXERCISES, DEMO_MODEL, DEMO_RECORDING
from edge_runtime.contract.container import read_model
from edge_runtime.frontend.design import IMAGE_HEIGHT, IMAGE_WIDTH
from edge_runtime.network.interpreter import load_interpreter
from edge_runtime.teaching.embedder import EMBEDDER, TEXTURE_OF_IMAGE
from export import bundled_files
from img2imu.backbone import pretrained_backbone
from img2imu.datasets import load_data_set

# ---- the demo's model and recording


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Make the demo's files without the conversion.

    Returns the path of the recording and the arguments of the export.
    """
    calls = []
    monkeypatch.setattr(bundled_files, "DEMO_RECORDING", tmp_path / "demo.npz")
    monkeypatch.setattr(
        bundled_files,
        "export_model",
        lambda classifier, path, *, header: (
            calls.append((classifier, header, path)) or SimpleNamespace(n_bytes=1024)
        ),
    )
    bundled_files.main(["demo"])
    return tmp_path / "demo.npz", calls[0]


def test_the_demo_can_be_made_again(capsys, made):
    path, (classifier, header, target) = made
    with np.load(path) as made_again, np.load(DEMO_RECORDING) as bundled:
        assert set(made_again.files) == set(bundled.files)
        for name in made_again.files:
            np.testing.assert_array_equal(made_again[name], bundled[name])
    contract = read_model(DEMO_MODEL).contract
    assert target == DEMO_MODEL
    assert header.split_sha256 == contract.provenance.split_sha256
    assert tuple(classifier.classes_) == contract.labels
    assert "demo.tflite and demo.npz" in capsys.readouterr().out


def test_the_model_did_not_learn_from_the_person_in_the_recording(made):
    _, (classifier, _, _) = made
    data_set = load_data_set("watch")
    with np.load(DEMO_RECORDING) as bundled:
        samples = bundled["samples"]
    begin = samples[:50]
    (person,) = {
        r.subject
        for r in data_set.recordings
        if any(
            (r.samples[i : i + 50] == begin).all()
            for i in np.flatnonzero((r.samples == begin[0]).all(1))
        )
    }
    theirs = {
        window[0].tobytes()
        for r in data_set.recordings
        if r.subject == person
        for window in r.samples[:, None]
    }
    assert not any(window[0].tobytes() in theirs for window in classifier.support_windows_)
    assert set(DEMO_EXERCISES) <= set(classifier.classes_)


# ---- the embedder


@pytest.fixture(scope="module")
def images():
    """Every 16th of the calibration images."""
    return bundled_files.calibration_images()[::16]


def test_calibration_uses_windows_of_several_lengths(images):
    assert images.shape[1:] == (IMAGE_HEIGHT, IMAGE_WIDTH, 3) and np.abs(images).max() <= 1
    assert len(bundled_files.CALIBRATION_WINDOWS_S) >= 3


def test_the_bundled_file_is_the_network(images):
    interpreter = load_interpreter()[0](model_content=EMBEDDER.read_bytes())
    runner = interpreter.get_signature_runner()
    textures = np.concatenate([runner(args_0=image[None])["output_0"] for image in images])
    with torch.no_grad():
        network = bundled_files.ImageEmbedder(pretrained_backbone())
        expected = network(torch.from_numpy(images)).numpy()
    assert textures.shape == expected.shape == (len(images), TEXTURE_OF_IMAGE)
    assert np.corrcoef(textures.ravel(), expected.ravel())[0, 1] > 0.99
    assert np.abs(textures - expected).mean() < 0.1 * expected.std()


@pytest.mark.slow
def test_the_embedder_can_be_made_again(tmp_path, monkeypatch, capsys, images):
    monkeypatch.setattr(bundled_files, "EMBEDDER", tmp_path / "embedder.tflite")
    bundled_files.main(["embedder"])
    assert (tmp_path / "embedder.tflite").read_bytes() == EMBEDDER.read_bytes()
    assert "wrote embedder.tflite: 79 KiB" in capsys.readouterr().out
