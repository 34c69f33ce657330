"""Torch to ``.tflite`` and its quantisation."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from edge_runtime.contract import Quantisation
from edge_runtime.frontend import Features
from edge_runtime.model import IMAGES, STATISTICS
from export.network import DeviceNetwork

# The backbone's operators, computed in int8. The head is computed in float, its weights stored as float16: it is a
# thousandth of the work, and int8 weights changed the decision on one window in twenty (float16: one in 300).
BACKBONE_OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD")


def to_float_tflite(network: DeviceNetwork, example: Features) -> bytes:
    """Convert with litert-torch.

    Args:
        network: in eval mode.
        example: of one window; gives the shapes.
    """
    import torch

    inputs = (torch.from_numpy(example.images), torch.from_numpy(example.statistics[None]))
    with _quiet(), tempfile.TemporaryDirectory() as directory:
        import litert_torch  # prints while it is imported

        path = Path(directory) / "float.tflite"
        litert_torch.convert(network, inputs).export(str(path))
        return path.read_bytes()


def to_int8(float_tflite: bytes, calibration: Features) -> bytes:
    """Quantise with ai-edge-quantizer: int8 weights per channel, int8 activations with ranges from calibration.

    Args:
        float_tflite: what :func:`to_float_tflite` gave.
        calibration: of n real windows, from the runtime's own front end.
    """
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    tool = quantizer.Quantizer(bytearray(float_tflite))
    for operator in BACKBONE_OPERATORS:
        tool.add_static_config(".*backbone.*", operator, activation_num_bits=8, weight_num_bits=8)
    half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    tool.update_quantization_recipe(
        ".*", "FULLY_CONNECTED",
        op_config=qtyping.OpQuantizationConfig(weight_tensor_config=half, explicit_dequantize=True),
        algorithm_key=AlgorithmName.FLOAT_CASTING)
    samples = [{IMAGES: images, STATISTICS: statistics[None]}
               for images, statistics in zip(calibration.images, calibration.statistics, strict=True)]
    with _quiet():
        ranges = tool.calibrate({"serving_default": samples}, num_threads=1)
        return bytes(tool.quantize(ranges).quantized_model)


def describe() -> Quantisation:
    """The recipe and the versions of the tools, for the contract."""
    return Quantisation("int8", f"litert-torch {metadata.version('litert-torch')}",
                        f"ai-edge-quantizer {metadata.version('ai-edge-quantizer')}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the converters print, in Python and in C++, from the terminal; when they fail, show it."""
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ModuleNotFoundError:  # what to install is said in one line; the log would bury it
            raise
        except Exception:
            sys.stdout.flush()
            log.seek(0)
            os.write(kept[1], log.read())
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
