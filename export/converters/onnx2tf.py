"""Torch to ONNX, onnx2tf to TensorFlow, TensorFlow's own converter and quantiser to ``.tflite``.

Another road to the same file, which shares nothing with :mod:`export.converters.litert_torch` but
the torch module.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.contract.spec import Quantisation
from edge_runtime.errors import MissingExtraError
from edge_runtime.network.interpreter import (
    EMBEDDING,
    INPUTS,
    Inputs,
    as_tensors,
    one_by_one,
    window_at,
)
from export.checks import ExportError
from export.converters.noise import quiet, refusals_of
from export.converters.onnx import EXTRA, to_onnx
from export.flatbuffer import Flatbuffer, halve_vectors, round_weights, shorten
from export.recipes import RECIPES, Recipe

if TYPE_CHECKING:
    from torch import nn

# onnx2tf downloads this sample of photographs for its self-check unless the file lies in its
# working directory
SAMPLES_FILE, SAMPLES_SHAPE = (
    "calibration_image_sample_data_20x128x128x3_float32.npy",
    (20, 128, 128, 3),
)
IMAGE_RANK = (
    4  # of what passes through the backbone; all else belongs to the head, which stays float
)
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
NOT_OFFERED = (
    "weight-int8",
)  # TensorFlow's converter rounds activations wherever it rounds weights


class Onnx2tf:
    """A network on its way through ONNX and TensorFlow; it is converted once, when the first file is asked for.

    Args:
        network: in eval mode; takes what the front end gives as tensors, in its order.
        calibration: of n real windows, through the runtime's own front end; they give the ranges of
            activations.

    Raises:
        MissingExtraError: onnx2tf or TensorFlow is not installed.
        ExportError: a tool on the way lacks an operator.
    """

    def __init__(self, network: nn.Module, calibration: Inputs) -> None:
        self._calibration = calibration
        self._directory = tempfile.TemporaryDirectory()
        self._saved_model = Path(self._directory.name) / "saved_model"
        content = to_onnx(network, window_at(calibration, 0))
        with refusals_of("onnx2tf"), quiet(), _workplace(Path(self._directory.name)):
            np.save(
                SAMPLES_FILE,
                np.resize(as_tensors(window_at(calibration, 0))[INPUTS["images"]], SAMPLES_SHAPE),
            )
            Path("model.onnx").write_bytes(_with_scales_apart(content))
            _module("onnx2tf").convert(
                input_onnx_file_path="model.onnx",
                output_folder_path=str(self._saved_model),
                non_verbose=True,
                output_signaturedefs=True,
                copy_onnx_input_output_names_to_tflite=True,
                keep_shape_absolutely_input_names=list(INPUTS.values()),
            )
        self.float_tflite = self.to_tflite(RECIPES["float32"])

    def to_tflite(self, recipe: Recipe) -> bytes:
        """The network made small by TensorFlow's converter.

        Raises:
            ExportError: it has no such recipe, or cannot.
        """
        if recipe.name in NOT_OFFERED:
            raise ExportError(
                f"onnx2tf's route has no recipe {recipe.name}, expected one of "
                f"{', '.join(name for name in RECIPES if name not in NOT_OFFERED)}: take one of them, or "
                "--converter litert-torch"
            )
        with refusals_of("TensorFlow's converter"), quiet(), _workplace(Path(self._directory.name)):
            tflite = (
                self._backbone_in_int8(recipe)
                if recipe.activations == "int8"
                else self._converter(recipe).convert()
            )
        if recipe.weights != "int8":
            return shorten(tflite)
        small = round_weights(
            tflite, lambda whole, operator: whole.kind(operator) == "FULLY_CONNECTED"
        )
        return shorten(halve_vectors(small, _is_of_images))

    def _converter(self, recipe: Recipe) -> Any:
        """TensorFlow's converter, set up for a recipe."""
        tf = _module("tensorflow")
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

    def _backbone_in_int8(self, recipe: Recipe) -> bytes:
        """The backbone in integers, the head left in float: TensorFlow does that in its debugger, and for int8 only."""
        tf = _module("tensorflow")
        options = tf.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=HEAD_OPERATORS, denylisted_nodes=self._head_nodes()
        )
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=self._converter(recipe), debug_dataset=self._samples, debug_options=options
        )
        return bytes(debugger.get_nondebug_quantized_model())

    def _head_nodes(self) -> list[str]:
        """Names of additions in the head; the backbone has additions too, so that their kind does not tell."""
        whole = Flatbuffer(self._converter(RECIPES["float32"]).convert())
        return [
            whole.result_name(operator)
            for operator in whole.graph.operators
            if whole.kind(operator) == "ADD"
            and len(whole.graph.tensors[operator.outputs[0]].shape) != IMAGE_RANK
        ]

    def _samples(self) -> Iterator[dict[str, Any]]:
        return (as_tensors(window) for window in one_by_one(self._calibration))

    @staticmethod
    def describe(recipe: Recipe) -> Quantisation:
        """The recipe and the versions of the tools, for the contract."""
        return Quantisation(
            recipe.name,
            f"onnx2tf {metadata.version('onnx2tf')}",
            f"tensorflow {metadata.version('tensorflow')}",
        )


def _is_of_images(whole: Flatbuffer, operator: Any) -> bool:
    """Whether an operator standardises what the images gave: bounded, unlike what comes in the sensor's own units."""
    return whole.kind(operator) in ("SUB", "MUL") and whole.comes_from(operator, INPUTS["images"])


def _with_scales_apart(content: bytes) -> bytes:
    """The same ONNX network, in which joining the embedding's parts does not tie their scales together.

    TensorFlow's quantiser gives what is joined one scale, and hands it back through reshapes and
    maxima: by way of the peak spectrum the input images got the scale of the texture, 30 times too
    coarse. A multiplication stops it.
    """
    onnx = _module("onnx")
    model = onnx.load_from_string(content)
    graph = model.graph
    node = next(
        (node for node in graph.node if node.op_type == "Concat" and EMBEDDING in node.output), None
    )
    if node is None:
        return content
    place = list(graph.node).index(node)
    for name, value in (("half", 0.5), ("two", 2.0)):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, np.float32), name))
    halves = [
        onnx.helper.make_node("Mul", [part, "half"], [f"half_{i}"])
        for i, part in enumerate(node.input)
    ]
    joined = onnx.helper.make_node(
        "Concat", [half.output[0] for half in halves], ["halves"], axis=1
    )
    whole = onnx.helper.make_node("Mul", ["halves", "two"], [EMBEDDING])
    graph.node.remove(node)
    for i, new in enumerate((*halves, joined, whole)):
        graph.node.insert(place + i, new)
    return bytes(model.SerializeToString())


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or name, EXTRA) from error


@contextlib.contextmanager
def _workplace(directory: Path) -> Iterator[None]:
    """Work in a directory, with this environment's programs on the path: onnx2tf calls onnxsim and others by name."""
    path, level = os.environ.get("PATH", ""), os.environ.get("TF_CPP_MIN_LOG_LEVEL")
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), path))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        with contextlib.chdir(directory):
            yield
    finally:
        os.environ["PATH"] = path
        if level is None:
            del os.environ["TF_CPP_MIN_LOG_LEVEL"]
        else:
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = level
