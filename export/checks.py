"""What a converted network must show before it is written."""

from __future__ import annotations

import numpy as np
import torch

from edge_runtime.errors import UserError
from edge_runtime.frontend import Features
from export.network import DeviceNetwork

MAX_FLOAT_DIFFERENCE = 1e-3  # in probability, torch against the float .tflite
MIN_AGREEMENT = 0.9  # share of windows with the same class, float against int8
MAX_SUM_ERROR = 1e-3  # of the probabilities


class ExportError(UserError):
    """A converted model that does not do what the trained one does."""


def check_answers(network: DeviceNetwork, features: Features, float_answers: np.ndarray,
                  answers: np.ndarray) -> float:
    """Hold the trained network, the float ``.tflite`` and the quantised one against each other.

    Args:
        network: the torch module that was converted.
        features: of n windows.
        float_answers: (n, classes) of the float ``.tflite``.
        answers: (n, classes) of the quantised one.

    Returns:
        Share of the windows on which float and quantised name the same class.

    Raises:
        ExportError: they disagree, or probabilities do not sum to 1.
    """
    with torch.inference_mode():
        expected = np.concatenate([
            network(torch.from_numpy(images), torch.from_numpy(statistics[None]))[0].numpy()
            for images, statistics in zip(features.images, features.statistics, strict=True)])
    difference = float(np.abs(expected - float_answers).max())
    if not difference <= MAX_FLOAT_DIFFERENCE:
        raise ExportError(f"the converted network differs from the trained one by {difference:.2g} in probability, "
                          f"expected at most {MAX_FLOAT_DIFFERENCE:g}; no file was written: please report this")
    for name, values in (("float", float_answers), ("int8", answers)):
        error = float(np.abs(values.sum(1) - 1).max())
        if not error <= MAX_SUM_ERROR:  # so written, NaN fails too
            raise ExportError(f"the {name} network's probabilities sum to 1 within {error:.2g}, expected "
                              f"{MAX_SUM_ERROR:g}; no file was written: please report this")
    agreement = float((float_answers.argmax(1) == answers.argmax(1)).mean())
    if agreement < MIN_AGREEMENT:
        raise ExportError(f"int8 names the same class as float on {agreement:.0%} of the support windows, expected "
                          f"{MIN_AGREEMENT:.0%} or more; no file was written: train with more windows per class")
    return agreement
