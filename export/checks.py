"""What a converted network must show before it is written."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edge_runtime.errors import UserError
from edge_runtime.network.interpreter import Inputs, as_tensors, one_by_one

MAX_FLOAT_DIFFERENCE = 1e-3  # in probability, torch against the float .tflite
MIN_AGREEMENT = 0.9  # share of windows with the same class, float against quantised
MAX_SUM_ERROR = 1e-3  # of the probabilities
INTEGER_STEP = 1 / 256  # of a probability given as an 8-bit integer


class ExportError(UserError):
    """A converted model that does not do what the trained one does."""


def trained_answers(network: nn.Module, batch: Inputs) -> np.ndarray:
    """Probabilities (n, classes) of the trained network, one window at a time."""
    with torch.inference_mode():
        return np.concatenate(
            [
                network(*map(torch.from_numpy, as_tensors(window).values()))[0].numpy()
                for window in one_by_one(batch)
            ]
        )


def check_float(expected: np.ndarray, float_answers: np.ndarray, converter: str) -> None:
    """Hold the trained network's answers (n, classes) and those of the float ``.tflite`` against each other.

    Raises:
        ExportError: they disagree, or probabilities do not sum to 1.
    """
    difference = float(np.abs(expected - float_answers).max())
    if not difference <= MAX_FLOAT_DIFFERENCE:
        raise ExportError(
            f"the network converted by {converter} differs from the trained one by {difference:.2g} in "
            f"probability, expected at most {MAX_FLOAT_DIFFERENCE:g}; no file was written: please report "
            "this"
        )
    check_sums(float_answers, "float", "float32")


def check_sums(answers: np.ndarray, name: str, io: str) -> None:
    """Refuse probabilities (n, classes) that do not sum to 1 as nearly as their type allows.

    Raises:
        ExportError: see above.
    """
    allowed = MAX_SUM_ERROR + (0 if io == "float32" else answers.shape[1] * INTEGER_STEP)
    error = float(np.abs(answers.sum(1) - 1).max())
    if not error <= allowed:  # so written, NaN fails too
        raise ExportError(
            f"the {name} network's probabilities sum to 1 within {error:.2g}, expected {allowed:.2g}; no "
            "file was written: please report this"
        )


def check_agreement(float_answers: np.ndarray, answers: np.ndarray, name: str) -> float:
    """Share of the windows on which float and quantised (n, classes) name the same class.

    Raises:
        ExportError: too few.
    """
    agreement = float((float_answers.argmax(1) == answers.argmax(1)).mean())
    if agreement < MIN_AGREEMENT:
        raise ExportError(
            f"{name} names the same class as float on {agreement:.0%} of {len(answers)} windows, "
            f"expected {MIN_AGREEMENT:.0%} or more; no file was written: train with more windows per "
            "class, or take another recipe"
        )
    return agreement
