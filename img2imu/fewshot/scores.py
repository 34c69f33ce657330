"""Scores of one cell of the grid, and confidence intervals over people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float64Array

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Scores:
    """F1 of one method on one draw's test windows.

    Attributes:
        macro_f1: unweighted mean over the classes that the test windows have. Another class counts
            only through the windows that are wrongly assigned to it.
        f1_of_class: F1 by class.
        score_of_subject: macro-F1 on one subject's windows alone, over the classes that this
            subject has.
    """

    macro_f1: float
    f1_of_class: dict[str, float]
    score_of_subject: dict[str, float]


@dataclass(frozen=True)
class Interval:
    """A mean over subjects and its confidence interval.

    Attributes:
        mean: mean of the subjects' scores.
        low: lower end; None if there is one subject, which says nothing about others.
        high: upper end, likewise.
    """

    mean: float
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """Half the distance between the ends."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2


def score(
    truth: npt.NDArray[Any], predicted: npt.NDArray[Any], subjects: npt.NDArray[np.str_]
) -> Scores:
    """Score predictions.

    Args:
        truth: (n,) class names.
        predicted: (n,) class names.
        subjects: (n,) subject of each window.
    """
    f1_of_class = _f1_of_class(truth, predicted)
    score_of_subject = {}
    for subject in np.unique(subjects):
        of_subject = subjects == subject
        score_of_subject[str(subject)] = _mean(
            _f1_of_class(truth[of_subject], predicted[of_subject])
        )
    return Scores(_mean(f1_of_class), f1_of_class, score_of_subject)


def interval_over_subjects(draws: Sequence[Mapping[str, float]], seed: int = 0) -> Interval:
    """Return the confidence interval of the mean over other people of the same kind.

    Each subject's score is first averaged over the draws that tested this subject, so that a
    subject who is tested often counts no more than others. Then the subjects are drawn with
    replacement, as many as there are, 2,000 times. The interval is from the 2.5th to the 97.5th
    percentile of the means (percentile bootstrap, Efron and Tibshirani 1993). The draws of support
    windows are averaged out first and add nothing to its width.

    The score may be a difference of two methods on the same windows. The interval is then that of a
    paired comparison.

    Args:
        draws: for each draw, the score of each test subject.
        seed: seed of the resampling.
    """
    means = _mean_of_subject(draws)
    if len(means) == 1:
        return Interval(float(means[0]), None, None)
    random = np.random.default_rng(seed)
    resampled = means[random.integers(0, len(means), (RESAMPLES, len(means)))].mean(1)
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(means.mean()), float(low), float(high))


def _mean_of_subject(draws: Sequence[Mapping[str, float]]) -> Float64Array:
    subjects = sorted({subject for draw in draws for subject in draw})
    return np.array(
        [np.mean([draw[subject] for draw in draws if subject in draw]) for subject in subjects]
    )


def _f1_of_class(truth: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> dict[str, float]:
    f1 = {}
    for name in np.unique(truth):
        is_true = truth == name
        is_predicted = predicted == name
        hits = float((is_true & is_predicted).sum())
        f1[str(name)] = 2 * hits / float(is_true.sum() + is_predicted.sum())
    return f1


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)
