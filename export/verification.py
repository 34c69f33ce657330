"""What a quantised network lost: its answers beside those of the float network, window by window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from edge_runtime.arrays import Float32Array

Answers = Float32Array


@dataclass(frozen=True)
class Comparison:
    """Float and quantised on the same windows.

    Attributes:
        macro_f1_float: of the network before quantisation, over the classes that the windows have,
            0 to 1.
        macro_f1: of the model file.
        f1_change: class to what its F1 gained, negative where it lost.
        agreement: share of windows on which both name the same class.
        max_probability_difference: largest over windows and classes.
        max_sum_error: largest distance of a window's probabilities from a sum of 1.
    """

    macro_f1_float: float
    macro_f1: float
    f1_change: dict[str, float]
    agreement: float
    max_probability_difference: float
    max_sum_error: float

    @property
    def f1_drop(self) -> float:
        """What quantising cost in macro-F1; negative where it gained."""
        return self.macro_f1_float - self.macro_f1


def compare(
    truth: npt.NDArray[np.int64], labels: tuple[str, ...], float_answers: Answers, answers: Answers
) -> Comparison:
    """Compare two networks' answers.

    Args:
        truth: (n,) index into the labels.
        labels: class names.
        float_answers: (n, classes) probabilities of the float network.
        answers: (n, classes) probabilities of the model file.
    """
    present = np.unique(truth)
    named, float_named = answers.argmax(1), float_answers.argmax(1)
    f1, float_f1 = (
        np.asarray(f1_score(truth, each, labels=present, average=None, zero_division=0))
        for each in (named, float_named)
    )
    return Comparison(
        macro_f1_float=float(float_f1.mean()),
        macro_f1=float(f1.mean()),
        f1_change={
            labels[c]: float(after - before)
            for c, before, after in zip(present, float_f1, f1, strict=True)
        },
        agreement=float((named == float_named).mean()),
        max_probability_difference=float(np.abs(answers - float_answers).max()),
        max_sum_error=float(np.abs(answers.sum(1) - 1).max()),
    )
