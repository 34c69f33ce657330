"""Golden vectors: what they are, how they are made, and how a device is checked with them.

A model file carries a few real windows together with what the front end and the network made of
them. A device, or an implementation in another language, is right when it reproduces them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import Golden, ModelFile
from edge_runtime.contract.spec import Contract
from edge_runtime.errors import ContractError
from edge_runtime.frontend import FrontEnd
from edge_runtime.machine import cpu_name
from edge_runtime.network.interpreter import Model, infer_all, operators_outside_text

# m/s^2 and rad/s: less than one step of any sensor.
GOLDEN_STEP = 2.0**-10

IDENTICAL = "identical"
WITHIN = "within tolerance"
DIFFERENT = "different"
# The front end is float32 arithmetic in a fixed order; FFT libraries and logarithms differ in the
# last bits.
FRONT_END_TOLERANCE = 1e-4  # of images, and of statistics relative to their size
PROBABILITY_TOLERANCE = 0.02  # an int8 value rounded the other way moves a probability by less


def golden_vectors(windows: Float32Array, contract: Contract, model: Model | None) -> Golden:
    """Return golden vectors of windows.

    Of the images, every 8th pixel in each direction is kept: a wrong front end is wrong there too,
    and the file stays small.

    Args:
        windows: (n, window_samples, channels).
        contract: of the model.
        model: the network with its head. None while too little was taught to tell anything apart;
            the probabilities are 0 then.
    """
    features = FrontEnd.of(contract).compute_batch(windows)
    if model is None:
        probabilities = np.zeros((len(windows), len(contract.labels)), np.float32)
    else:
        probabilities = infer_all(model, windows if model.takes_windows else features)
    stride = Golden.IMAGE_STRIDE
    return Golden(
        windows=windows,
        statistics=features.statistics,
        image_samples=features.images[:, :, ::stride, ::stride],
        probabilities=probabilities,
    )


def round_to_golden_step(windows: Float32Array) -> Float32Array:
    """Round samples to :data:`GOLDEN_STEP`, so that they compress to two thirds."""
    return np.round(windows / GOLDEN_STEP).astype(np.float32) * np.float32(GOLDEN_STEP)


@dataclass(frozen=True)
class Part:
    """How one array of the golden vectors was reproduced.

    Attributes:
        name: images, statistics or probabilities.
        verdict: identical, within tolerance, or different.
        difference: the largest, in the array's units. For statistics it is relative to their size
            where that is above 1.
        tolerance: largest difference allowed.
    """

    name: str
    verdict: str
    difference: float
    tolerance: float


@dataclass(frozen=True)
class Verification:
    """The result of a replay.

    Attributes:
        verdict: the worst of all parts.
        parts: of the front end and the network.
        windows: number of windows replayed.
        runtime: name and version of the interpreter.
        cpu: processor of this device.
        delegate: what computes the network: XNNPACK, all or part of it, or LiteRT's plain kernels.
    """

    verdict: str
    parts: tuple[Part, ...]
    windows: int
    runtime: str
    cpu: str
    delegate: str


def verify(file: ModelFile) -> Verification:
    """Make the golden vectors of a model file again here, and compare.

    Raises:
        ContractError: the network cannot be loaded here, or the golden vectors do not fit the
            contract.
    """
    golden = file.golden
    model = Model.of(file)
    here = golden_vectors(golden.windows, file.contract, model)
    if here.statistics.shape != golden.statistics.shape:
        raise ContractError(
            f"the file's golden statistics have the shape {golden.statistics.shape}, its contract "
            f"says {here.statistics.shape}: export the model again"
        )
    scale = np.maximum(np.abs(golden.statistics), 1)
    parts = (
        _part("images", here.image_samples, golden.image_samples, FRONT_END_TOLERANCE),
        _part(
            "statistics", here.statistics / scale, golden.statistics / scale, FRONT_END_TOLERANCE
        ),
        _part("probabilities", here.probabilities, golden.probabilities, PROBABILITY_TOLERANCE),
    )
    order = (IDENTICAL, WITHIN, DIFFERENT)
    return Verification(
        verdict=max((part.verdict for part in parts), key=order.index),
        parts=parts,
        windows=len(golden.windows),
        runtime=model.runtime,
        cpu=cpu_name(),
        delegate=operators_outside_text(model.outside_delegate),
    )


def _part(name: str, here: Float32Array, expected: Float32Array, tolerance: float) -> Part:
    difference = float(np.abs(here - expected).max())
    if difference == 0:
        verdict = IDENTICAL
    elif difference <= tolerance:
        verdict = WITHIN
    else:  # also NaN
        verdict = DIFFERENT
    return Part(name, verdict, difference, tolerance)
