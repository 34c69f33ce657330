from importlib import metadata

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.network.interpreter import Model, infer_all
from export.converters.litert_torch import LitertTorch
from export.recipes import RECIPES


@pytest.fixture(scope="module")
def float_answers(route, features):
    return infer_all(Model(route.exported.float_tflite, route.file.contract), features)


@pytest.fixture(scope="module")
def int8_answers(route, features):
    return infer_all(Model(route.file.tflite, route.file.contract), features)


def tensors(tflite):
    interpreter = Interpreter(model_content=tflite)
    interpreter.allocate_tensors()
    return interpreter.get_tensor_details()


def test_the_float_tflite_gives_the_probabilities_of_torch(network, features, float_answers):
    with torch.inference_mode():
        expected = np.concatenate(
            [
                network(torch.from_numpy(i), torch.from_numpy(s[None]))[0].numpy()
                for i, s in zip(features.images, features.statistics, strict=True)
            ]
        )
    np.testing.assert_allclose(float_answers, expected, atol=1e-4)
    assert float_answers.max(1).min() > 0.5  # it is sure, and not always of the same class
    assert len(set(float_answers.argmax(1))) == 3


def test_int8_names_the_same_classes(float_answers, int8_answers):
    np.testing.assert_array_equal(int8_answers.argmax(1), float_answers.argmax(1))
    np.testing.assert_allclose(int8_answers.sum(1), 1, atol=1e-3)
    assert np.abs(int8_answers - float_answers).mean() < 0.02


def test_the_second_output_is_the_embedding(route, features, network):
    _, embedding = Model(route.exported.float_tflite, route.file.contract).infer(
        type(features)(features.images[0], features.statistics[0])
    )
    with torch.inference_mode():
        expected = network(
            torch.from_numpy(features.images[0]), torch.from_numpy(features.statistics[:1])
        )[1][0]
    np.testing.assert_allclose(embedding, expected.numpy(), atol=1e-3)


def test_the_backbone_is_int8_with_weights_per_channel(route):
    kernels = [
        t
        for t in tensors(route.file.tflite)
        if t["dtype"] == np.int8
        and len(t["shape"]) == 4
        and len(t["quantization_parameters"]["scales"]) > 1
    ]
    # the stem, and the expansions, depth-wise convolutions and projections of five blocks
    assert len(kernels) == 15
    assert not any(t["dtype"] == np.int8 for t in tensors(route.exported.float_tflite))
    assert len(route.file.tflite) < 0.6 * len(route.exported.float_tflite)


def test_the_network_needs_no_transposes(route):
    """Images are channel-last, as in TensorFlow Lite."""
    interpreter = Interpreter(model_content=route.file.tflite)
    assert "TRANSPOSE" not in {op["op_name"] for op in interpreter._get_ops_details()}


def test_the_description_names_the_tools():
    quantisation = LitertTorch.describe(RECIPES["int8"])
    assert quantisation.recipe == "int8"
    assert quantisation.converter == f"litert-torch {metadata.version('litert-torch')}"
    assert quantisation.quantiser == f"ai-edge-quantizer {metadata.version('ai-edge-quantizer')}"
