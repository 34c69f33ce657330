"""How a cell of the grid is judged, and how sure the judgement is."""

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
    """How well one method did on one draw's test windows.

    Attributes:
        macro_f1: unweighted mean over the classes that the test windows have; a class they lack
            counts only through the windows that are wrongly called so.
        f1_of_class: its parts, by class.
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
        mean: of the subjects' scores.
        low: lower end; None when there is one subject, which says nothing about others.
        high: upper end, likewise.
    """

    mean: float
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """Half the distance between the ends."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def score(
    truth: npt.NDArray[Any], predicted: npt.NDArray[Any], subjects: npt.NDArray[np.str_]
) -> Scores:
    """Judge predictions.

    Args:
        truth: (n,) class names.
        predicted: (n,) class names.
        subjects: (n,) who each window is of.
    """
    f1 = _f1_of_class(truth, predicted)
    own = {
        str(subject): _f1_of_class(truth[subjects == subject], predicted[subjects == subject])
        for subject in np.unique(subjects)
    }
    return Scores(_mean(f1), f1, {subject: _mean(values) for subject, values in own.items()})


def interval_over_subjects(draws: Sequence[Mapping[str, float]], seed: int = 0) -> Interval:
    """Confidence interval over people: what it would be like with other people of the same kind.

    Each subject's score is first averaged over the draws that tested this subject, so that someone
    tested often counts no more than others. Subjects are then drawn with replacement, as many as
    there are, 2,000 times; the interval is from the 2.5th to the 97.5th percentile of the means
    (percentile bootstrap, Efron and Tibshirani 1993). Draws of the support windows are averaged out
    first and add nothing to its width. The score may be a difference of two methods on the same
    windows: the interval is then that of a paired comparison.

    Args:
        draws: for each draw, the score of each test subject.
        seed: of the resampling.
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
        is_true, is_called = truth == name, predicted == name
        f1[str(name)] = (
            2 * float((is_true & is_called).sum()) / float(is_true.sum() + is_called.sum())
        )
    return f1


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)
