"""Torch to ``.tflite`` with litert-torch, quantised with ai-edge-quantizer."""

from __future__ import annotations

import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.contract.spec import Quantisation
from edge_runtime.network.interpreter import Inputs, as_tensors, one_by_one, window_at
from export.converters import running
from export.device_network import FROM_IMAGES
from export.flatbuffer import TfliteGraph, constants_to_float16, shorten
from export.graph_front_end import SPECTROGRAM
from export.recipes import Recipe

if TYPE_CHECKING:
    from ai_edge_quantizer.quantizer import Quantizer
    from torch import nn

# patterns of tensor names, which the converter makes of module paths
BACKBONE = ".*backbone.*"
HEAD = ".*linear.*"
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
MATRICES = (*CONVOLUTIONS, "FULLY_CONNECTED", "BATCH_MATMUL")
# Operators between integer convolutions. Each one left in float costs two conversions. HARD_SWISH
# is not among them: XNNPACK has no integer version, and LiteRT's own makes MobileNetV3 half as fast
# as in float.
BETWEEN_CONVOLUTIONS = ("ADD", "MUL", "MAX_POOL_2D", "PAD", "RELU")


class LitertTorch:
    """Converts a network once, and quantises it by any number of recipes.

    Args:
        network: in eval mode; its inputs are the front end's features as tensors, in their order.
        calibration: features of n real windows, from the runtime's own front end. They give the
            ranges of activations.

    Attributes:
        float_tflite: the converted network before quantisation.

    Raises:
        ExportError: litert-torch cannot convert the network.
    """

    def __init__(self, network: nn.Module, calibration: Inputs) -> None:
        self._calibration = calibration
        self.float_tflite = to_float_tflite(network, window_at(calibration, 0))

    def to_tflite(self, recipe: Recipe) -> bytes:
        """Return the network quantised by a recipe.

        Raises:
            ExportError: ai-edge-quantizer cannot quantise it.
        """
        return quantise(self.float_tflite, recipe, self._calibration)

    @staticmethod
    def describe(recipe: Recipe) -> Quantisation:
        """Return the recipe and the versions of the tools, for the contract."""
        return Quantisation(
            recipe.name,
            f"litert-torch {metadata.version('litert-torch')}",
            f"ai-edge-quantizer {metadata.version('ai-edge-quantizer')}",
        )


def to_float_tflite(network: nn.Module, example: Inputs) -> bytes:
    """Convert with litert-torch.

    Args:
        network: in eval mode; its inputs are the front end's features as tensors, in their order.
        example: features of one window; they give the shapes.
    """
    import torch

    inputs = tuple(torch.from_numpy(values) for values in as_tensors(example).values())
    with running("litert-torch"), tempfile.TemporaryDirectory() as directory:
        import litert_torch  # prints while it is imported

        path = Path(directory) / "float.tflite"
        litert_torch.convert(network, inputs).export(str(path))
        return path.read_bytes()


def quantise(float_tflite: bytes, recipe: Recipe, calibration: Inputs) -> bytes:
    """Quantise with ai-edge-quantizer.

    Every recipe computes the head in float. It is a thousandth of the work, and its inputs differ
    too widely for eight bits.

    Args:
        float_tflite: result of :func:`to_float_tflite`.
        recipe: how to quantise.
        calibration: features of n real windows, from the runtime's own front end. They give the
            ranges of activations.
    """
    from ai_edge_quantizer import quantizer

    if recipe.weights == "float32":
        return shorten(float_tflite)
    with running("ai-edge-quantizer"):
        tool = quantizer.Quantizer(bytearray(float_tflite))
        _configure(tool, recipe)
        ranges = _activation_ranges(tool, float_tflite, calibration) if recipe.calibrated else None
        quantised = bytes(tool.quantize(ranges).quantized_model)
    return shorten(constants_to_float16(quantised, _has_bounded_constants))


def _configure(tool: Quantizer, recipe: Recipe) -> None:
    """Give the quantiser its settings, operator by operator."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    if recipe.weights == "float16":
        half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
        config = qtyping.OpQuantizationConfig(weight_tensor_config=half, explicit_dequantize=True)
        for operator in (*CONVOLUTIONS, "FULLY_CONNECTED"):
            tool.update_quantization_recipe(
                ".*", operator, op_config=config, algorithm_key=AlgorithmName.FLOAT_CASTING
            )
        return
    tool.add_weight_only_config(HEAD, "FULLY_CONNECTED", 8)
    if recipe.calibrated:
        bits = 16 if recipe.activations == "int16" else 8
        for operator in (*CONVOLUTIONS, *BETWEEN_CONVOLUTIONS):
            tool.add_static_config(BACKBONE, operator, activation_num_bits=bits, weight_num_bits=8)
        return
    for operator in CONVOLUTIONS:
        # XNNPACK has no depth-wise convolution that rounds activations while it runs, and LiteRT's
        # own makes the network ten times slower. Depth-wise weights, a tenth of all, are therefore
        # widened to float.
        if recipe.activations == "dynamic" and operator == "CONV_2D":
            tool.add_dynamic_config(BACKBONE, operator, 8)
        else:
            tool.add_weight_only_config(BACKBONE, operator, 8)


def _activation_ranges(tool: Quantizer, float_tflite: bytes, calibration: Inputs) -> Any:
    """Return the minimum and maximum of every tensor over the calibration windows.

    The quantiser's default is a moving average to which a window contributes one twentieth, so that
    large values are cut off. In MobileNetV3, whose activations have no bounds, that changed a
    probability by 0.9.
    """
    from ai_edge_quantizer import calibrator, recipe_manager

    recipe = recipe_manager.RecipeManager()
    recipe.load_quantization_recipe(tool.get_quantization_recipe())
    observer = calibrator.Calibrator(
        bytearray(float_tflite), num_threads=1, qsv_update_func=_widened
    )
    windows = [as_tensors(window) for window in one_by_one(calibration)]
    observer.calibrate({"serving_default": windows}, recipe)
    return observer.get_model_qsvs()


def _widened(ranges: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return ranges that include those of one more window."""
    if not ranges:
        return new
    return {
        "min": np.minimum(ranges["min"], new["min"]),
        "max": np.maximum(ranges["max"], new["max"]),
    }


def _has_bounded_constants(graph: TfliteGraph, operator: Any) -> bool:
    """Return whether float16 is precise enough for an operator's constants.

    It is for the operators that draw the images and for those that standardise what comes from the
    images. It is not for the statistics, which are in the sensor's own units.
    """
    kind = graph.operator_name(operator)
    name = graph.output_name(operator)
    standardises_images = kind in ("SUB", "MUL") and FROM_IMAGES in name
    draws_images = kind in MATRICES and SPECTROGRAM in name
    return standardises_images or draws_images
