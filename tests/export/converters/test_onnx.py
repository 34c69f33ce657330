import numpy as np
import pytest
import torch

from edge_runtime.network.interpreter import window_at
from export.converters.onnx import infer_onnx, to_onnx, with_contract
from export.evaluation import ExportError, trained_probabilities

onnx = pytest.importorskip(
    "onnx", reason="NOT TESTED: the extra onnx2tf is not installed (make test-onnx2tf)"
)
pytest.importorskip(
    "onnxruntime", reason="NOT TESTED: the extra onnx2tf is not installed (make test-onnx2tf)"
)


@pytest.fixture(scope="module")
def content(network, features):
    return to_onnx(network, window_at(features, 0))


def test_onnxruntime_answers_as_torch_does(content, network, features):
    probabilities = infer_onnx(content, features)
    np.testing.assert_allclose(probabilities, trained_probabilities(network, features), atol=1e-5)
    assert len(set(probabilities.argmax(1))) == 3


def test_the_contract_is_in_the_metadata(content, route, features):
    contract = route.file.contract
    described = with_contract(content, contract)
    model = onnx.load_from_string(described)
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "img2imu.json": contract.to_json()
    }
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == [
        "args_0",
        "args_1",
        "output_0",
        "output_1",
    ]
    np.testing.assert_array_equal(infer_onnx(described, features), infer_onnx(content, features))


def test_an_operator_that_onnx_lacks_is_refused_in_one_line(features):
    class Odd(torch.nn.Module):
        def forward(self, images, statistics):
            return torch.linalg.eigvals(images[0, :3, :3, 0]).real[None], statistics

    with pytest.raises(ExportError, match=r"torch\.onnx cannot convert this network") as caught:
        to_onnx(Odd(), window_at(features, 0))
    assert "\n" not in str(caught.value)
