"""Torch to ``.tflite`` with litert-torch, and its quantisation with ai-edge-quantizer."""

from __future__ import annotations

import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.contract.spec import Quantisation
from edge_runtime.network.interpreter import Inputs, as_tensors, one_by_one, window_at
from export.converters.noise import quiet, refusals_of
from export.flatbuffer import Flatbuffer, halve_vectors, shorten
from export.graph_front_end import SPECTROGRAM
from export.network import SEEN
from export.recipes import Recipe

if TYPE_CHECKING:
    from ai_edge_quantizer.quantizer import Quantizer
    from torch import nn

BACKBONE, HEAD = (
    ".*backbone.*",
    ".*linear.*",
)  # patterns of the names that the converter makes of module paths
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
# What integer convolutions hand on to each other; left in float, every one of these costs two
# conversions.
MATRICES = (*CONVOLUTIONS, "FULLY_CONNECTED", "BATCH_MATMUL")
# Not HARD_SWISH: XNNPACK has none in integers, and LiteRT's own makes MobileNetV3 twice as slow as
# in float.
BETWEEN_CONVOLUTIONS = ("ADD", "MUL", "MAX_POOL_2D", "PAD", "RELU")


class LitertTorch:
    """A network on its way through litert-torch; it is converted once, when the first file is asked for.

    Args:
        network: in eval mode; takes what the front end gives as tensors, in its order.
        calibration: of n real windows, through the runtime's own front end; they give the ranges of
            activations.
    """

    def __init__(self, network: nn.Module, calibration: Inputs) -> None:
        self._calibration = calibration
        self.float_tflite = to_float_tflite(network, window_at(calibration, 0))

    def to_tflite(self, recipe: Recipe) -> bytes:
        """The network made small.

        Raises:
            ExportError: the quantiser cannot.
        """
        return quantise(self.float_tflite, recipe, self._calibration)

    @staticmethod
    def describe(recipe: Recipe) -> Quantisation:
        """The recipe and the versions of the tools, for the contract."""
        return Quantisation(
            recipe.name,
            f"litert-torch {metadata.version('litert-torch')}",
            f"ai-edge-quantizer {metadata.version('ai-edge-quantizer')}",
        )


def to_float_tflite(network: nn.Module, example: Inputs) -> bytes:
    """Convert with litert-torch.

    Args:
        network: in eval mode; takes what the front end gives as tensors, in its order.
        example: of one window; gives the shapes.
    """
    import torch

    inputs = tuple(torch.from_numpy(values) for values in as_tensors(example).values())
    with refusals_of("litert-torch"), quiet(), tempfile.TemporaryDirectory() as directory:
        import litert_torch  # prints while it is imported

        path = Path(directory) / "float.tflite"
        litert_torch.convert(network, inputs).export(str(path))
        return path.read_bytes()


def quantise(float_tflite: bytes, recipe: Recipe, calibration: Inputs) -> bytes:
    """Make a network small with ai-edge-quantizer.

    The head is computed in float by every recipe: it is a thousandth of the work, and its inputs
    differ too widely for eight bits.

    Args:
        float_tflite: what :func:`to_float_tflite` gave.
        recipe: how.
        calibration: of n real windows, through the runtime's own front end; they give the ranges of
            activations.
    """
    from ai_edge_quantizer import quantizer

    if recipe.weights == "float32":
        return shorten(float_tflite)
    with refusals_of("ai-edge-quantizer"), quiet():
        tool = quantizer.Quantizer(bytearray(float_tflite))
        _configure(tool, recipe)
        ranges = _ranges(tool, float_tflite, calibration) if recipe.calibrated else None
        small = bytes(tool.quantize(ranges).quantized_model)
    return shorten(halve_vectors(small, _is_bounded))


def _ranges(tool: Quantizer, float_tflite: bytes, calibration: Inputs) -> Any:
    """Least and greatest value of every tensor over the calibration windows.

    The quantiser's own way is a moving average, in which one window in twenty counts: large values
    are then cut off. In MobileNetV3, whose activations have no bounds, that changed a probability
    by 0.9.
    """
    from ai_edge_quantizer import calibrator, recipe_manager

    recipe = recipe_manager.RecipeManager()
    recipe.load_quantization_recipe(tool.get_quantization_recipe())
    observer = calibrator.Calibrator(
        bytearray(float_tflite), num_threads=1, qsv_update_func=_widened
    )
    observer.calibrate(
        {"serving_default": [as_tensors(window) for window in one_by_one(calibration)]}, recipe
    )
    return observer.get_model_qsvs()


def _widened(known: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    if not known:
        return new
    return {
        "min": np.minimum(known["min"], new["min"]),
        "max": np.maximum(known["max"], new["max"]),
    }


def _is_bounded(whole: Flatbuffer, operator: Any) -> bool:
    """Whether float16 is enough for an operator's constants.

    It is for standardising what the images gave, unlike what comes in the sensor's own units, and
    for what draws them.
    """
    kind, name = whole.kind(operator), whole.result_name(operator)
    return (kind in ("SUB", "MUL") and SEEN in name) or (kind in MATRICES and SPECTROGRAM in name)


def _configure(tool: Quantizer, recipe: Recipe) -> None:
    """Tell the quantiser, operator by operator."""
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
        # XNNPACK has no depth-wise convolution that rounds as it goes, and LiteRT's own makes the
        # network ten times slower: depth-wise weights, a tenth of all, are widened to float instead
        if recipe.activations == "dynamic" and operator == "CONV_2D":
            tool.add_dynamic_config(BACKBONE, operator, 8)
        else:
            tool.add_weight_only_config(BACKBONE, operator, 8)
