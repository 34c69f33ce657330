"""Does this device answer as the machine that made the model did? The golden vectors in the file, replayed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import Golden, ModelFile
from edge_runtime.errors import ContractError
from edge_runtime.frontend import FrontEnd
from edge_runtime.machine import cpu_name
from edge_runtime.network.delegate import operators_outside_text
from edge_runtime.network.interpreter import Model, infer_all

IDENTICAL, WITHIN, DIFFERENT = "identical", "within tolerance", "different"
# The front end is float32 arithmetic in a fixed order; FFT libraries and logarithms differ in the
# last bits.
FRONT_END_TOLERANCE = 1e-4  # of images, and of statistics relative to their size
PROBABILITY_TOLERANCE = 0.02  # an int8 value rounded the other way moves a probability by less


@dataclass(frozen=True)
class Part:
    """One array of the golden vectors.

    Attributes:
        name: what it is.
        verdict: identical, within tolerance, or different.
        difference: largest, in the array's units; of statistics, relative to their size where that
            is above 1.
        tolerance: what is allowed.
    """

    name: str
    verdict: str
    difference: float
    tolerance: float


@dataclass(frozen=True)
class Verification:
    """What a replay showed.

    Attributes:
        verdict: the worst of the parts'.
        parts: front end and network.
        windows: replayed.
        runtime: name and version of the interpreter.
        cpu: of this device.
        delegate: who computes the network: XNNPACK, all or part of it, or LiteRT's plain kernels.
    """

    verdict: str
    parts: tuple[Part, ...]
    windows: int
    runtime: str
    cpu: str
    delegate: str


def verify(file: ModelFile) -> Verification:
    """Replay a model file's golden vectors.

    Raises:
        ContractError: the network cannot be loaded here, or the golden vectors are not those of its
        contract.
    """
    golden, contract = file.golden, file.contract
    model = Model.of(file)
    features = FrontEnd.of(contract).compute_batch(golden.windows)
    stride = Golden.IMAGE_STRIDE
    if features.statistics.shape != golden.statistics.shape:
        raise ContractError(
            f"the file's golden statistics have the shape {golden.statistics.shape}, its contract says "
            f"{features.statistics.shape}: export the model again"
        )
    answers = infer_all(model, golden.windows if model.takes_windows else features)
    scale = np.maximum(np.abs(golden.statistics), 1)
    parts = (
        _part(
            "images",
            features.images[:, :, ::stride, ::stride],
            golden.image_samples,
            FRONT_END_TOLERANCE,
        ),
        _part(
            "statistics",
            features.statistics / scale,
            golden.statistics / scale,
            FRONT_END_TOLERANCE,
        ),
        _part("probabilities", answers, golden.probabilities, PROBABILITY_TOLERANCE),
    )
    order = (IDENTICAL, WITHIN, DIFFERENT)
    return Verification(
        max((part.verdict for part in parts), key=order.index),
        parts,
        len(golden.windows),
        model.runtime,
        cpu_name(),
        operators_outside_text(model.outside_delegate),
    )


def _part(name: str, found: Float32Array, expected: Float32Array, tolerance: float) -> Part:
    difference = float(np.abs(found - expected).max())
    # so written, NaN is different
    verdict = IDENTICAL if difference == 0 else WITHIN if difference <= tolerance else DIFFERENT
    return Part(name, verdict, difference, tolerance)
