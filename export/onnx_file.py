"""The network as an ONNX file, for runtimes other than TensorFlow Lite's."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import Quantisation
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import window_at
from export.checks import check_float, trained_answers
from export.converters.onnx import infer_all, to_onnx, with_contract
from export.evidence import Evidence
from export.pipeline import Exportable


@dataclass(frozen=True)
class OnnxFile:
    """What was written.

    Attributes:
        path: of the file.
        n_bytes: its size.
        seconds: time it took.
        difference: largest in probability, onnxruntime against torch, over the verification
            windows.
        n_windows: how many those were.
    """

    path: Path
    n_bytes: int
    seconds: float
    difference: float
    n_windows: int


def export_onnx(model: Exportable, evidence: Evidence, path: Path) -> OnnxFile:
    """Write a trained network as ONNX, float32, with the contract in its metadata, once onnxruntime agrees with torch.

    Raises:
        ExportError: an operator that ONNX lacks, or onnxruntime answers otherwise; nothing is
        written. MissingExtraError: onnx or onnxruntime is not installed. OutputError: the place
        cannot be written.
    """
    started = time.perf_counter()
    features = FrontEnd.of(model.contract).compute_batch(evidence.verification.samples)
    quantisation = Quantisation("float32", f"torch.onnx {metadata.version('torch')}", "none")
    content = with_contract(
        to_onnx(model.network, window_at(features, 0)),
        dataclasses.replace(model.contract, quantisation=quantisation),
    )
    expected, answers = trained_answers(model.network, features), infer_all(content, features)
    check_float(expected, answers, "torch.onnx")
    with atomic_write(path) as file:
        file.write(content)
    return OnnxFile(
        path,
        len(content),
        time.perf_counter() - started,
        float(np.abs(expected - answers).max()),
        len(answers),
    )
