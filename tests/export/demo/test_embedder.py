import numpy as np
import pytest
import torch

from edge_runtime.frontend.design import IMAGE_HEIGHT, IMAGE_WIDTH
from edge_runtime.network.interpreter import load_interpreter
from edge_runtime.teaching.embedder import EMBEDDER, TEXTURE_OF_IMAGE
from export.demo import embedder
from img2imu.backbone import pretrained_backbone


@pytest.fixture(scope="module")
def images():
    """What calibrates it, thinned out."""
    return embedder.calibration_images()[::16]


def test_calibration_sees_windows_of_several_lengths(images):
    assert images.shape[1:] == (IMAGE_HEIGHT, IMAGE_WIDTH, 3) and np.abs(images).max() <= 1
    assert len(embedder.WINDOWS_S) >= 3


def test_the_bundled_file_is_the_network(images):
    interpreter = load_interpreter()[0](model_content=EMBEDDER.read_bytes())
    runner = interpreter.get_signature_runner()
    found = np.concatenate([runner(args_0=image[None])["output_0"] for image in images])
    with torch.no_grad():
        expected = embedder.ImageEmbedder(pretrained_backbone())(torch.from_numpy(images)).numpy()
    assert found.shape == expected.shape == (len(images), TEXTURE_OF_IMAGE)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99
    assert np.abs(found - expected).mean() < 0.1 * expected.std()


@pytest.mark.slow
def test_it_can_be_made_again(tmp_path, monkeypatch, capsys, images):
    monkeypatch.setattr(embedder, "EMBEDDER", tmp_path / "embedder.tflite")
    embedder.main()
    assert (tmp_path / "embedder.tflite").read_bytes() == EMBEDDER.read_bytes()
    assert "wrote embedder.tflite: 79 KiB" in capsys.readouterr().out
