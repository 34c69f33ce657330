"""Compare the two converters on one network."""

import importlib.util

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.contract.container import read_model
from edge_runtime.network.interpreter import Model, infer_all
from export.evaluation import ExportError
from export.pipeline import Job
from export.recipes import RECIPES

MISSING = [
    name
    for name in ("onnx2tf", "tensorflow", "tf_keras", "onnx", "onnxruntime")
    if importlib.util.find_spec(name) is None
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING),
        reason="NOT TESTED: the extra onnx2tf is not installed "
        f"({', '.join(MISSING)}; make test-onnx2tf)",
    ),
]


@pytest.fixture(scope="module")
def export(exporter, tmp_path_factory):
    """Make a recipe's file with either converter. Each converts the network once."""
    home = tmp_path_factory.mktemp("converters")

    def call(recipe, converter="onnx2tf", io="float32"):
        return exporter.export(
            Job(home / f"{converter}-{recipe}-{io}.tflite", RECIPES[recipe], converter, io),
            show_progress=False,
        )

    return call


def answers(exported, features):
    file = read_model(exported.job.path)
    return infer_all(Model(file.tflite, file.contract), features)


def test_both_converters_give_the_same_float_probabilities(export, features):
    ours, other = (
        answers(export("float32", converter), features) for converter in ("litert-torch", "onnx2tf")
    )
    np.testing.assert_allclose(ours, other, atol=1e-4)
    assert (ours.argmax(1) == other.argmax(1)).mean() >= 0.99
    assert len(set(ours.argmax(1))) == 3


@pytest.mark.parametrize("recipe", ["int8", "float16", "dynamic-int8", "int8-int16"])
def test_both_converters_name_the_same_classes_when_quantised(export, features, recipe):
    ours, other = (
        answers(export(recipe, converter), features) for converter in ("litert-torch", "onnx2tf")
    )
    assert (ours.argmax(1) == other.argmax(1)).mean() >= 0.99
    assert np.abs(ours - other).mean() < 0.02


def test_int8_is_small_and_its_backbone_is_all_integers(export):
    exported = export("int8")
    assert exported.n_bytes < 0.45 * export("float32").n_bytes
    assert exported.cost.outside_xnnpack == ()
    interpreter = Interpreter(model_content=read_model(exported.job.path).tflite)
    interpreter.allocate_tensors()
    types = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    convolutions = [
        op for op in interpreter._get_ops_details() if op["op_name"].endswith("CONV_2D")
    ]
    assert len(convolutions) == 15
    assert {types[op["outputs"][0]] for op in convolutions} == {np.int8}
    (images,) = (t for t in interpreter.get_tensor_details() if t["name"].startswith("quantize_0"))
    assert 1 / 200 < images["quantization"][0] < 1 / 120  # the scale of -1 to 1 alone


def test_int16_activations_are_int16(export):
    interpreter = Interpreter(model_content=read_model(export("int8-int16").job.path).tflite)
    interpreter.allocate_tensors()
    types = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    convolutions = [
        op for op in interpreter._get_ops_details() if op["op_name"].endswith("CONV_2D")
    ]
    assert len(convolutions) == 15
    assert {types[op["outputs"][0]] for op in convolutions} == {np.int16}


def test_the_contract_names_the_tools(export):
    quantisation = read_model(export("float32").job.path).contract.quantisation
    assert quantisation.converter == "onnx2tf 1.28.8"
    assert quantisation.quantiser.startswith("tensorflow 2.")


def test_integer_io_works_on_this_route_too(export):
    assert export("int8", io="uint8").comparison.agreement == 1


def test_a_recipe_that_the_route_lacks_is_refused(export):
    with pytest.raises(
        ExportError, match="no recipe weight-int8, expected one of float32, float16, dynamic-int8"
    ):
        export("weight-int8")
