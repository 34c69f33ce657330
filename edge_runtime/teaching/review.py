"""How well was it taught? Cross-validation of the examples, and a threshold from the background."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.head import held_out_probabilities
from edge_runtime.decision import UNKNOWN
from edge_runtime.extras import import_extra
from edge_runtime.files import atomic_write

MAX_FOLDS = 20  # a label with more examples has two, three or more of them held out together
BACKGROUND_STRETCHES = 20
BACKGROUND_FOLDS = 5  # every fifth stretch of the background is held out together

# When to warn.
ALIKE_SHARE = 0.3  # of two labels' examples confused; the same motion twice gives half or more
FEW_EXAMPLES = 3
MANY_MISSED = 0.5  # of the examples
HIGH_RATE = 1.0  # false triggers per hour

# The threshold lies between what the background and what the examples reach, in logits. These
# three were chosen on two draws of the watch and hapt data.
EXAMPLES_QUANTILE = 0.25
WAY_TO_EXAMPLES = 0.5
MIN_MARGIN = 1.0

MIN_BACKGROUND_WINDOWS = 5  # fewer say nothing about an hour
TAIL_SHARE = 0.1  # of the background's windows: those that look most like a label
MIN_TAIL_WINDOWS = 5
# A background cannot measure events that are rarer than one in this many times its length.
MEASURABLE_LENGTHS = 10.0
CURVE_THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999)
EPSILON = 1e-9


@dataclass(frozen=True)
class OperatingPoint:
    """What to expect of one threshold.

    Attributes:
        threshold: smallest probability of a label.
        false_triggers_per_hour: expected on more of the same background.
        missed: share of the held-out examples that stay below the threshold; None when no example
            could be held out.
    """

    threshold: float
    false_triggers_per_hour: float
    missed: float | None


@dataclass(frozen=True)
class Rejection:
    """The threshold below which a motion is unknown, and what other thresholds would do.

    Attributes:
        chosen: the threshold that was chosen, see :func:`choose_threshold`.
        curve: other thresholds, ascending.
        background_s: length of the background they were measured on, seconds.
    """

    chosen: OperatingPoint
    curve: tuple[OperatingPoint, ...]
    background_s: float


@dataclass(frozen=True)
class Confusion:
    """Examples of one label that were taken for something else.

    Attributes:
        truth: label of the examples.
        predicted: label that was predicted, or ``unknown``.
        windows: number of examples.
    """

    truth: str
    predicted: str
    windows: int


@dataclass(frozen=True)
class Review:
    """What to expect of what was taught.

    Attributes:
        accuracy: share of the held-out examples that are recognised; None when no example could be
            held out.
        correct_by_label: label to (examples recognised, examples held out). A label with one
            example cannot be held out and has (0, 0).
        confusions: the most frequent first.
        rejection: the threshold, or None without a background.
        warnings: human-readable sentences with remedies.
    """

    accuracy: float | None
    correct_by_label: dict[str, tuple[int, int]]
    confusions: tuple[Confusion, ...]
    rejection: Rejection | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Everything that was taught.

    Attributes:
        embeddings: (n, d), the examples label by label, then the background in the order of time.
        labels: names, in the order of the embeddings.
        windows: number of examples of each label.
        blocks: sizes of the embedding's blocks.
        background_s: length of the background, seconds; 0 without one.
        window_s: length of a window, seconds.
    """

    embeddings: Float32Array
    labels: tuple[str, ...]
    windows: tuple[int, ...]
    blocks: tuple[int, ...]
    background_s: float
    window_s: float

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """(n,) index of the label; the background is the class after the last label."""
        background = len(self.embeddings) - sum(self.windows)
        sizes = (*self.windows, background)
        return np.asarray(np.repeat(np.arange(len(self.labels) + 1), sizes), np.int64)


def cross_validate(training: TrainingSet) -> Review:
    """Review what was taught: predict every example with a head that was fitted without it.

    One example of each label is held out at a time, and every fifth stretch of the background. The
    examples of one recording resemble each other, so on another day the accuracy will be lower.
    """
    classes = training.classes
    n_labels = len(training.labels)
    folds = _folds(training.windows, len(classes) - sum(training.windows))
    probabilities = held_out_probabilities(training.embeddings, classes, training.blocks, folds)
    probabilities = probabilities[:, :n_labels]
    scores = probabilities.max(1)
    held_out = folds >= 0
    is_background = classes == n_labels
    rejection = None
    threshold = 0.0
    if is_background.any():
        rejection = choose_threshold(
            background=scores[is_background],
            background_s=training.background_s,
            window_s=training.window_s,
            examples=scores[held_out & ~is_background],
        )
        threshold = rejection.chosen.threshold
    predicted = np.where(scores >= threshold, probabilities.argmax(1), n_labels)
    correct_by_label = {}
    for i, label in enumerate(training.labels):
        of_label = held_out & (classes == i)
        correct_by_label[label] = (int((of_label & (predicted == i)).sum()), int(of_label.sum()))
    wrong = held_out & ~is_background & (predicted != classes)
    counts = Counter(zip(classes[wrong].tolist(), predicted[wrong].tolist(), strict=True))
    names = (*training.labels, UNKNOWN)
    confusions = tuple(
        Confusion(names[truth], names[other], n)
        for (truth, other), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    correct, total = _totals(correct_by_label)
    return Review(
        accuracy=correct / total if total else None,
        correct_by_label=correct_by_label,
        confusions=confusions,
        rejection=rejection,
        warnings=(
            *_label_warnings(correct_by_label, confusions),
            *_background_warnings(rejection),
        ),
    )


def choose_threshold(
    background: Float64Array, background_s: float, window_s: float, examples: Float64Array
) -> Rejection:
    """Choose the threshold between the scores of the background and those of the examples.

    A score is the highest probability of any label, from a head that was fitted without the window.

    The threshold lies half-way, in logits, from the background's largest score to the lower
    quartile of the examples' scores. It is never below 0.5, where the background is more probable
    than any label. The odds at the threshold are at least e times those of the background's largest
    score. Without held-out examples the threshold lies just above the background's largest score:
    one example does not show how far others of its label fall short of it.

    Args:
        background: (b,) scores of the background's windows, in the order of time.
        background_s: length of the background, seconds.
        window_s: length of a window, seconds.
        examples: (m,) scores of the examples that could be held out.
    """
    false_triggers = FalseTriggers(background, background_s, window_s)

    def expected(threshold: float) -> OperatingPoint:
        missed = float((examples < threshold).mean()) if len(examples) else None
        return OperatingPoint(threshold, false_triggers.per_hour(threshold), missed)

    chosen = expected(_threshold_between(background, examples))
    return Rejection(chosen, tuple(map(expected, CURVE_THRESHOLDS)), background_s)


class FalseTriggers:
    """False triggers per hour at a threshold.

    Up to the background's largest scores they are counted: consecutive windows above the threshold
    are one trigger. Above, where a short recording has nothing left to count, an exponential tail
    continues the logits of the largest scores (peaks over threshold, Pickands 1975, "Statistical
    inference using extreme order statistics"). The larger of the two counts, and never less than
    :func:`measurable_rate`.

    Args:
        scores: (b,) probability of the most probable label, of held-out windows in the order of
            time.
        seconds: length of the recording that they were cut from.
        window_s: length of a window. Windows that are farther apart stand for those between them.
    """

    def __init__(self, scores: Float64Array, seconds: float, window_s: float) -> None:
        self._logits = _logit(scores)
        self._hours = seconds / 3600
        self._stands_for = max(1.0, seconds / (len(scores) * window_s))
        tail_size = max(MIN_TAIL_WINDOWS, math.ceil(TAIL_SHARE * len(scores)))
        tail = np.sort(self._logits)[::-1][:tail_size]
        self._tail_begin = float(tail[-1])
        self._tail_mean = max(float((tail - tail[-1]).mean()), EPSILON)
        # Overlapping windows repeat each other: only as many count as fit end to end.
        self._tail_per_hour = len(tail) / len(scores) * 3600 / window_s

    def per_hour(self, threshold: float) -> float:
        """Return the expected number of false triggers per hour."""
        logit = float(_logit(np.array(threshold)))
        above = np.concatenate([[False], self._logits >= logit])
        triggers = float((above[1:] & ~above[:-1]).sum())
        counted = triggers * self._stands_for / self._hours
        if logit < self._tail_begin:
            return counted
        beyond = math.exp(-(logit - self._tail_begin) / self._tail_mean)
        measurable = measurable_rate(3600 * self._hours)
        return max(counted, self._tail_per_hour * beyond, measurable)


def measurable_rate(background_s: float) -> float:
    """Return the lowest rate of false triggers, per hour, that a background can measure."""
    return 3600 / (MEASURABLE_LENGTHS * background_s)


def show_review(review: Review) -> Iterator[str]:
    """Yield the lines of a human-readable summary."""
    if review.accuracy is not None:
        correct, total = _totals(review.correct_by_label)
        yield (
            f"{correct} of {total} examples are recognised by a model that was not trained on them "
            f"({review.accuracy:.0%})"
        )
    width = max(map(len, review.correct_by_label), default=0)
    for label, (correct, total) in review.correct_by_label.items():
        line = f"  {label:<{width}}  {correct} of {total}"
        if not total:
            line = f"  {label:<{width}}  one example, not tested"
        mistakes = [
            f"{confusion.predicted} ({confusion.windows})"
            for confusion in review.confusions
            if confusion.truth == label
        ]
        yield f"{line}; mistaken for {', '.join(mistakes)}" if mistakes else line
    if review.rejection is not None:
        yield from show_rejection(review.rejection)
    for warning in review.warnings:
        yield f"note: {warning}"


def show_rejection(rejection: Rejection) -> Iterator[str]:
    """Yield the curve as a table; the chosen threshold is marked."""
    chosen = rejection.chosen
    yield (
        f"unknown: below a probability of {chosen.threshold:.3g}; from "
        f"{rejection.background_s:.0f} s of background, {_rate(chosen, rejection)} false triggers "
        f"an hour and {_missed(chosen)} missed motions are expected"
    )
    yield "    threshold  false triggers/h  missed"
    for point in _all_points(rejection):
        mark = " *" if point is chosen else ""
        yield (
            f"  {point.threshold:>11.4g}  {_rate(point, rejection):>16}  {_missed(point):>6}{mark}"
        )


def draw_rejection(rejection: Rejection, path: str | os.PathLike[str]) -> None:
    """Draw false triggers and missed examples against the threshold, as a PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    import_extra("matplotlib", "demo").use("agg")
    pyplot = import_extra("matplotlib.pyplot", "demo")
    points = _all_points(rejection)
    figure, (upper, lower) = pyplot.subplots(
        2, 1, sharex=True, figsize=(6, 5), layout="constrained"
    )
    upper.plot([point.false_triggers_per_hour for point in points], "o-", color="tab:blue")
    upper.set(
        yscale="log",
        ylabel="false triggers per hour",
        title=f"From {rejection.background_s:.0f} s of background",
    )
    lower.plot([100 * (point.missed or 0.0) for point in points], "o-", color="tab:orange")
    lower.set(ylabel="missed examples (%)", ylim=(-4, 104), xlabel="threshold (dashed: chosen)")
    thresholds = [f"{point.threshold:.4g}" for point in points]
    lower.set_xticks(range(len(points)), thresholds, rotation=45)
    for axes in (upper, lower):
        axes.axvline(points.index(rejection.chosen), color="tab:red", linestyle="--")
        axes.grid(alpha=0.3)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=120)
    pyplot.close(figure)


def _folds(windows: tuple[int, ...], background: int) -> npt.NDArray[np.int64]:
    """Return (n,) the fold in which a window is held out; -1 for a label's only example."""
    examples = [np.arange(n) % MAX_FOLDS if n > 1 else np.full(n, -1) for n in windows]
    stretch = np.arange(background) * BACKGROUND_STRETCHES // max(background, 1) % BACKGROUND_FOLDS
    return np.asarray(np.concatenate([*examples, stretch]), np.int64)


def _threshold_between(background: Float64Array, examples: Float64Array) -> float:
    """Return the threshold that :func:`choose_threshold` describes."""
    least = max(0.5, float(background.max()))
    if not len(examples):
        return min(math.nextafter(least, 1), 1 - EPSILON)
    reached = float(_logit(np.array(least)))
    quartile = float(np.quantile(_logit(examples), EXAMPLES_QUANTILE))
    margin = max(MIN_MARGIN, WAY_TO_EXAMPLES * (quartile - reached))
    return min(1 / (1 + math.exp(-reached - margin)), 1 - EPSILON)


def _logit(probability: Float64Array) -> Float64Array:
    inside = np.clip(probability, EPSILON, 1 - EPSILON)
    return np.asarray(np.log(inside / (1 - inside)))


def _totals(correct_by_label: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Return the examples recognised and the examples held out, of all labels."""
    correct = sum(correct for correct, _ in correct_by_label.values())
    total = sum(total for _, total in correct_by_label.values())
    return correct, total


def _label_warnings(
    correct_by_label: dict[str, tuple[int, int]], confusions: tuple[Confusion, ...]
) -> Iterator[str]:
    count = {(confusion.truth, confusion.predicted): confusion.windows for confusion in confusions}
    alike = set()
    for one, other in itertools.combinations(correct_by_label, 2):
        wrong = count.get((one, other), 0) + count.get((other, one), 0)
        total = correct_by_label[one][1] + correct_by_label[other][1]
        if total and wrong >= ALIKE_SHARE * total:
            alike |= {one, other}
            yield (
                f"{one!r} and {other!r} look alike ({wrong} of {total} examples are taken for the "
                "other): if they are the same motion, delete one; else do them more differently, "
                "and redo both"
            )
    for label, (correct, total) in correct_by_label.items():
        if not total:
            yield (
                f"{label!r} has one example, so nothing shows how well it is recognised: add some, "
                f"{FEW_EXAMPLES} are a good start"
            )
        elif 2 * correct < total and label not in alike:
            yield (
                f"only {correct} of {total} examples of {label!r} are recognised from the others: "
                "they are unlike each other, or like the background; do the motion the same way "
                "each time, and redo it"
            )


def _background_warnings(rejection: Rejection | None) -> Iterator[str]:
    if rejection is None:
        yield (
            "there is no background, so every motion is given some label: record what else you do "
            "as the background, and other motions become unknown"
        )
        return
    missed = rejection.chosen.missed
    if missed is not None and missed > MANY_MISSED:
        yield (
            f"{missed:.0%} of the examples would be called unknown: the background seems to hold "
            "the motions too; record one without them, or choose a lower threshold with img2imu "
            "run --threshold"
        )
    rate = measurable_rate(rejection.background_s)
    if rate > HIGH_RATE:
        yield (
            f"with {rejection.background_s:.0f} s of background, up to {rate:.2g} false triggers "
            "an hour cannot be ruled out: record ten minutes of what else you do"
        )


def _all_points(rejection: Rejection) -> list[OperatingPoint]:
    """Return the chosen threshold among the others, ascending."""
    return sorted((*rejection.curve, rejection.chosen), key=lambda point: point.threshold)


def _rate(point: OperatingPoint, rejection: Rejection) -> str:
    least = measurable_rate(rejection.background_s)
    if point.false_triggers_per_hour <= least:
        return f"<{least:.2g}"
    return f"{point.false_triggers_per_hour:.2g}"


def _missed(point: OperatingPoint) -> str:
    return "?" if point.missed is None else f"{point.missed:.0%}"
