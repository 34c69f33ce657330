"""Torch to ONNX, checked with onnxruntime."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_runtime.contract.spec import Contract
from edge_runtime.errors import MissingExtraError
from edge_runtime.network.interpreter import (
    EMBEDDING,
    INPUTS,
    PROBABILITIES,
    Inputs,
    as_tensors,
    one_by_one,
)
from export.converters.noise import quiet, refusals_of

if TYPE_CHECKING:
    from torch import nn

OPSET = 17  # what onnx2tf 1.28 was written for
EXTRA = "onnx2tf"


def to_onnx(network: nn.Module, example: Inputs) -> bytes:
    """Convert with torch's own exporter; inputs and outputs are named as in the ``.tflite``.

    Args:
        network: in eval mode; takes what the front end gives as tensors, in its order.
        example: of one window; gives the shapes.

    Raises:
        ExportError: the network has an operator that ONNX lacks.
    """
    import torch

    inputs = tuple(torch.from_numpy(values) for values in as_tensors(example).values())
    with refusals_of("torch.onnx"), quiet(), tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.onnx"
        # the exporter that traces; the newer one writes operators that onnx2tf 1.28 does not know
        torch.onnx.export(
            network,
            inputs,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS.values()),
            output_names=[PROBABILITIES, EMBEDDING],
        )
        return path.read_bytes()


def infer_all(content: bytes, batch: Inputs) -> np.ndarray:
    """Probabilities (n, classes) that onnxruntime computes, one window at a time.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnxruntime", EXTRA) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.concatenate(
        [session.run([PROBABILITIES], as_tensors(window))[0] for window in one_by_one(batch)]
    )


def with_contract(content: bytes, contract: Contract) -> bytes:
    """The ONNX file with the contract among its metadata, under ``img2imu.json``.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnx", EXTRA) from error
    from edge_runtime.contract.container import CONTRACT_NAME

    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {CONTRACT_NAME: contract.to_json()})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
