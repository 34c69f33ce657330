import numpy as np
import pytest

from edge_runtime.contract.container import Golden, read_model
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.network.interpreter import Model


@pytest.fixture(scope="module")
def file(demo_model_path):
    return read_model(demo_model_path)


@pytest.fixture(scope="module")
def features(file):
    contract = file.contract
    front_end = FrontEnd(
        contract.front_end,
        contract.window_samples,
        len(contract.stream.channels),
        contract.stream.rate_hz,
    )
    return front_end.compute_batch(file.golden.windows)


def test_golden_statistics_are_reproduced(file, features):
    assert features.statistics.shape == file.golden.statistics.shape
    np.testing.assert_allclose(features.statistics, file.golden.statistics, rtol=1e-5, atol=1e-5)


def test_golden_image_samples_are_reproduced(file, features):
    samples = features.images[:, :, :: Golden.IMAGE_STRIDE, :: Golden.IMAGE_STRIDE]
    assert samples.shape == file.golden.image_samples.shape
    np.testing.assert_allclose(samples, file.golden.image_samples, rtol=0, atol=1e-5)


def test_golden_probabilities_are_reproduced(file, features):
    model = Model(file.tflite, file.contract)
    answers = file.golden.probabilities
    for images, statistics, expected in zip(
        features.images, features.statistics, answers, strict=True
    ):
        probabilities, _ = model.infer(Features(images, statistics))
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=0.02)
        assert probabilities.argmax() == expected.argmax()


def test_golden_windows_are_real_and_differ(file):
    golden = file.golden
    assert len(golden.windows) >= 2
    assert len(np.unique(golden.windows.reshape(len(golden.windows), -1), axis=0)) == len(
        golden.windows
    )
    assert (
        np.ptp(golden.probabilities, axis=0).max() > 0.1
    )  # a model that always says the same would pass otherwise
