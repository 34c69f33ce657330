"""Torch to ONNX, checked with onnxruntime: the first step to onnx2tf, and a format of its own."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import CONTRACT_NAME
from edge_runtime.contract.spec import Contract, Quantisation
from edge_runtime.extras import import_extra
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import (
    EMBEDDING,
    INPUTS,
    PROBABILITIES,
    Inputs,
    as_tensors,
    one_by_one,
    window_at,
)
from export.converters import running
from export.evaluation import check_float, trained_probabilities

if TYPE_CHECKING:
    from torch import nn

OPSET = 17  # the one onnx2tf 1.28 was written for
EXTRA = "onnx2tf"


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file that was written.

    Attributes:
        path: of the file.
        n_bytes: its size.
        seconds: time the export took.
        difference: largest difference in probability between onnxruntime and torch, over the
            verification windows.
        n_windows: number of verification windows.
    """

    path: Path
    n_bytes: int
    seconds: float
    difference: float
    n_windows: int


def export_onnx(
    network: nn.Module, contract: Contract, verification: Float32Array, path: Path
) -> OnnxFile:
    """Write a trained network as float32 ONNX, with its contract in the metadata.

    Args:
        network: in eval mode; its inputs are the front end's features as tensors, in their order.
        contract: of the model.
        verification: (n, window_samples, channels) windows on which onnxruntime must agree with
            torch.
        path: of the file to write.

    Raises:
        ExportError: the network has an operator that ONNX lacks, or onnxruntime disagrees with
            torch; nothing is written.
        MissingExtraError: onnx or onnxruntime is not installed.
        OutputError: the file cannot be written.
    """
    started = time.perf_counter()
    features = FrontEnd.of(contract).compute_batch(verification)
    quantisation = Quantisation("float32", f"torch.onnx {metadata.version('torch')}", "none")
    content = with_contract(
        to_onnx(network, window_at(features, 0)), replace(contract, quantisation=quantisation)
    )
    expected = trained_probabilities(network, features)
    probabilities = infer_onnx(content, features)
    check_float(expected, probabilities, "torch.onnx")
    with atomic_write(path) as file:
        file.write(content)
    return OnnxFile(
        path=path,
        n_bytes=len(content),
        seconds=time.perf_counter() - started,
        difference=float(np.abs(expected - probabilities).max()),
        n_windows=len(probabilities),
    )


def to_onnx(network: nn.Module, example: Inputs) -> bytes:
    """Convert with torch's own exporter. Inputs and outputs are named as in a ``.tflite``.

    Args:
        network: in eval mode; its inputs are the front end's features as tensors, in their order.
        example: features of one window; they give the shapes.

    Raises:
        ExportError: the network has an operator that ONNX lacks.
    """
    import torch

    inputs = tuple(torch.from_numpy(values) for values in as_tensors(example).values())
    with running("torch.onnx"), tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.onnx"
        # dynamo=False: the older exporter, which traces. The newer one writes operators that
        # onnx2tf 1.28 does not know.
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


def with_contract(content: bytes, contract: Contract) -> bytes:
    """Add the contract to an ONNX file's metadata, under ``img2imu.json``.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    onnx = import_extra("onnx", EXTRA)
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {CONTRACT_NAME: contract.to_json()})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def infer_onnx(content: bytes, batch: Inputs) -> np.ndarray:
    """Return the probabilities (n, classes) that onnxruntime computes, one window at a time.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    onnxruntime = import_extra("onnxruntime", EXTRA)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.concatenate(
        [session.run([PROBABILITIES], as_tensors(window))[0] for window in one_by_one(batch)]
    )
