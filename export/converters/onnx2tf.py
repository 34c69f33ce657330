"""Torch to ONNX, onnx2tf to TensorFlow, TensorFlow's own converter and quantiser to ``.tflite``.

A second route to the same file. It shares nothing with :mod:`export.converters.litert_torch` but
the torch module.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.contract.spec import Quantisation
from edge_runtime.extras import import_extra
from edge_runtime.network.interpreter import (
    EMBEDDING,
    INPUTS,
    Inputs,
    as_tensors,
    one_by_one,
    window_at,
)
from export.converters import running
from export.converters.onnx import EXTRA, to_onnx
from export.evaluation import ExportError
from export.flatbuffer import TfliteGraph, constants_to_float16, shorten, weights_to_int8
from export.recipes import RECIPES, Recipe

if TYPE_CHECKING:
    from torch import nn

# onnx2tf downloads this sample of photographs for its self-check unless the file is in its working
# directory.
SAMPLES_FILE = "calibration_image_sample_data_20x128x128x3_float32.npy"
SAMPLES_SHAPE = (20, 128, 128, 3)
# Axes of what passes through the backbone. Everything else belongs to the head, which stays float.
IMAGE_RANK = 4
HEAD_OPERATORS = [
    "FULLY_CONNECTED",
    "SUB",
    "MUL",
    "MAXIMUM",
    "MINIMUM",
    "RELU6",
    "SOFTMAX",
    "CONCATENATION",
    "RESHAPE",
    "MEAN",
    "REDUCE_MAX",
]
# TensorFlow's converter rounds activations wherever it rounds weights.
MISSING_RECIPES = ("weight-int8",)


class Onnx2tf:
    """Converts a network to TensorFlow once, and quantises it by any number of recipes.

    Args:
        network: in eval mode; its inputs are the front end's features as tensors, in their order.
        calibration: features of n real windows, from the runtime's own front end. They give the
            ranges of activations.

    Attributes:
        float_tflite: the converted network before quantisation.

    Raises:
        MissingExtraError: onnx2tf or TensorFlow is not installed.
        ExportError: a tool on the way lacks an operator.
    """

    def __init__(self, network: nn.Module, calibration: Inputs) -> None:
        self._calibration = calibration
        self._directory = tempfile.TemporaryDirectory()
        self._saved_model = Path(self._directory.name) / "saved_model"
        first_window = window_at(calibration, 0)
        content = to_onnx(network, first_window)
        with running("onnx2tf"), _working_directory(Path(self._directory.name)):
            images = as_tensors(first_window)[INPUTS["images"]]
            np.save(SAMPLES_FILE, np.resize(images, SAMPLES_SHAPE))
            Path("model.onnx").write_bytes(_with_independent_scales(content))
            import_extra("onnx2tf", EXTRA).convert(
                input_onnx_file_path="model.onnx",
                output_folder_path=str(self._saved_model),
                non_verbose=True,
                output_signaturedefs=True,
                copy_onnx_input_output_names_to_tflite=True,
                keep_shape_absolutely_input_names=list(INPUTS.values()),
            )
        self.float_tflite = self.to_tflite(RECIPES["float32"])

    def to_tflite(self, recipe: Recipe) -> bytes:
        """Return the network quantised by a recipe.

        Raises:
            ExportError: TensorFlow's converter has no such recipe, or fails.
        """
        if recipe.name in MISSING_RECIPES:
            offered = ", ".join(name for name in RECIPES if name not in MISSING_RECIPES)
            raise ExportError(
                f"onnx2tf's route has no recipe {recipe.name}, expected one of {offered}: take one "
                "of them, or --converter litert-torch"
            )
        directory = Path(self._directory.name)
        with running("TensorFlow's converter"), _working_directory(directory):
            if recipe.activations == "int8":
                tflite = self._with_int8_backbone(recipe)
            else:
                tflite = self._converter(recipe).convert()
        if recipe.weights != "int8":
            return shorten(tflite)
        tflite = weights_to_int8(
            tflite, lambda graph, operator: graph.operator_name(operator) == "FULLY_CONNECTED"
        )
        return shorten(constants_to_float16(tflite, _standardises_images))

    @staticmethod
    def describe(recipe: Recipe) -> Quantisation:
        """Return the recipe and the versions of the tools, for the contract."""
        return Quantisation(
            recipe.name,
            f"onnx2tf {metadata.version('onnx2tf')}",
            f"tensorflow {metadata.version('tensorflow')}",
        )

    def _converter(self, recipe: Recipe) -> Any:
        """Return TensorFlow's converter, set up for a recipe."""
        tf = import_extra("tensorflow", EXTRA)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(self._saved_model))
        if recipe.weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if recipe.weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if recipe.calibrated:
            converter.representative_dataset = self._samples
        if recipe.activations == "int16":
            ops = tf.lite.OpsSet
            converter.target_spec.supported_ops = [
                ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
                ops.TFLITE_BUILTINS,
            ]
        return converter

    def _with_int8_backbone(self, recipe: Recipe) -> bytes:
        """Return the network with an integer backbone and a float head.

        TensorFlow leaves operators in float only through its quantisation debugger, and only for
        int8.
        """
        tf = import_extra("tensorflow", EXTRA)
        options = tf.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=HEAD_OPERATORS, denylisted_nodes=self._head_additions()
        )
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=self._converter(recipe), debug_dataset=self._samples, debug_options=options
        )
        return bytes(debugger.get_nondebug_quantized_model())

    def _head_additions(self) -> list[str]:
        """Return the names of the head's additions.

        The backbone has additions too, so ADD cannot be one of :data:`HEAD_OPERATORS`.
        """
        graph = TfliteGraph(self._converter(RECIPES["float32"]).convert())
        return [
            graph.output_name(operator)
            for operator in graph.subgraph.operators
            if graph.operator_name(operator) == "ADD"
            and len(graph.subgraph.tensors[operator.outputs[0]].shape) != IMAGE_RANK
        ]

    def _samples(self) -> Iterator[dict[str, Any]]:
        return (as_tensors(window) for window in one_by_one(self._calibration))


def _standardises_images(graph: TfliteGraph, operator: Any) -> bool:
    """Return whether an operator standardises what comes from the images.

    Those values are bounded. The statistics are not: they are in the sensor's own units.
    """
    is_standardising = graph.operator_name(operator) in ("SUB", "MUL")
    return is_standardising and graph.depends_on_input(operator, INPUTS["images"])


def _with_independent_scales(content: bytes) -> bytes:
    """Return the ONNX network with the embedding's parts joined so that their scales stay apart.

    TensorFlow's quantiser gives all inputs of a concatenation one scale, and passes it back through
    reshapes and maxima. Through the peak spectrum, the input images got the scale of the texture,
    which is 30 times too coarse. A multiplication stops this: each part is halved before it is
    joined, and the whole is doubled.
    """
    onnx = import_extra("onnx", EXTRA)
    model = onnx.load_from_string(content)
    graph = model.graph
    joins = (node for node in graph.node if node.op_type == "Concat" and EMBEDDING in node.output)
    node = next(joins, None)
    if node is None:
        return content
    position = list(graph.node).index(node)
    for name, value in (("half", 0.5), ("two", 2.0)):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, np.float32), name))
    halves = [
        onnx.helper.make_node("Mul", [part, "half"], [f"half_{i}"])
        for i, part in enumerate(node.input)
    ]
    half_outputs = [half.output[0] for half in halves]
    joined = onnx.helper.make_node("Concat", half_outputs, ["halves"], axis=1)
    doubled = onnx.helper.make_node("Mul", ["halves", "two"], [EMBEDDING])
    graph.node.remove(node)
    for i, new_node in enumerate((*halves, joined, doubled)):
        graph.node.insert(position + i, new_node)
    return bytes(model.SerializeToString())


@contextlib.contextmanager
def _working_directory(directory: Path) -> Iterator[None]:
    """Work in a directory, with this environment's programs on the path.

    onnx2tf calls onnxsim and other programs by name.
    """
    path = os.environ.get("PATH", "")
    log_level = os.environ.get("TF_CPP_MIN_LOG_LEVEL")
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), path))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        with contextlib.chdir(directory):
            yield
    finally:
        os.environ["PATH"] = path
        if log_level is None:
            del os.environ["TF_CPP_MIN_LOG_LEVEL"]
        else:
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = log_level
