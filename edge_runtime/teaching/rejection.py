"""Which probability is enough? A threshold from the person's own background."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float64Array

Scores = Float64Array

# In logits, between what the background and what the examples reach; chosen on two draws of the
# watch and hapt data.
EXAMPLES_QUANTILE = 0.25
BETWEEN = 0.5
LEAST_MARGIN = 1.0
LEAST_BACKGROUND = 5  # windows; fewer say nothing about an hour
TAIL_SHARE, LEAST_TAIL = 0.1, 5  # of the background's windows: those that look most like a label
CURVE = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999)
REACH = 10.0  # times the background's length: of rarer events it says nothing
TINY = 1e-9


@dataclass(frozen=True)
class OperatingPoint:
    """What to expect of one threshold.

    Attributes:
        threshold: smallest probability of a label.
        false_triggers_per_hour: on more of the same background.
        missed: share of the examples, each held out in turn, that stay below; None when none could
            be held out.
    """

    threshold: float
    false_triggers_per_hour: float
    missed: float | None


@dataclass(frozen=True)
class Rejection:
    """The threshold that was chosen, and what others would do.

    Attributes:
        chosen: the lowest threshold with at most one false trigger expected per hour.
        curve: other thresholds, ascending.
        background_s: seconds that it rests on.
    """

    chosen: OperatingPoint
    curve: tuple[OperatingPoint, ...]
    background_s: float


class FalseTriggers:
    """False triggers per hour at a threshold.

    Up to the background's largest scores they are counted: windows in a row above the threshold are
    one trigger. Beyond, where a short recording has nothing left to count, the largest scores'
    logits are continued by an exponential tail (peaks over threshold, Pickands 1975, "Statistical
    inference using extreme order statistics"); the larger of both counts, and never less than
    :func:`rarest`.

    Args:
        scores: (b,) probability of the likeliest label, of windows in the order of time that were
            not learnt from.
        seconds: of the recording that they were cut from.
        window_s: their length. Windows farther apart stand for those between them.
    """

    def __init__(self, scores: Scores, seconds: float, window_s: float) -> None:
        self._logits = _logit(scores)
        self._hours = seconds / 3600
        self._stands_for = max(1.0, seconds / (len(scores) * window_s))
        tail = np.sort(self._logits)[::-1][: max(LEAST_TAIL, math.ceil(TAIL_SHARE * len(scores)))]
        self._begin, self._mean = float(tail[-1]), max(float((tail - tail[-1]).mean()), TINY)
        # windows that overlap say the same thing: no more of them count than fit end to end
        self._per_hour = len(tail) / len(scores) * 3600 / window_s

    def per_hour(self, threshold: float) -> float:
        """At this threshold."""
        logit = float(_logit(np.array(threshold)))
        above = np.concatenate([[False], self._logits >= logit])
        counted = float((above[1:] & ~above[:-1]).sum()) * self._stands_for / self._hours
        if logit < self._begin:
            return counted
        return max(
            counted,
            self._per_hour * math.exp(-(logit - self._begin) / self._mean),
            rarest(3600 * self._hours),
        )


def rarest(background_s: float) -> float:
    """The least false triggers per hour that so many seconds of background can speak of."""
    return 3600 / (REACH * background_s)


def choose(background: Scores, seconds: float, window_s: float, examples: Scores) -> Rejection:
    """A threshold, from scores of windows that were not learnt from.

    Args:
        background: (b,) see :class:`FalseTriggers`.
        seconds: likewise.
        window_s: likewise.
        examples: (m,) scores of the examples that could be held out.
    """
    triggers = FalseTriggers(background, seconds, window_s)

    def point(threshold: float) -> OperatingPoint:
        missed = float((examples < threshold).mean()) if len(examples) else None
        return OperatingPoint(threshold, triggers.per_hour(threshold), missed)

    return Rejection(point(_between(background, examples)), tuple(map(point, CURVE)), seconds)


def _between(background: Scores, examples: Scores) -> float:
    """Half-way from the largest score of the background to the lower quartile of the examples'.

    It is never below 0.5, where the background is the likelier, and the odds are at least e times
    those of the background's largest score, unless no example could be held out: a single one says
    nothing about how far others of its kind fall short of it.
    """
    least = max(0.5, float(background.max()))
    if not len(examples):
        return min(math.nextafter(least, 1), 1 - TINY)
    reached = float(_logit(np.array(least)))
    margin = BETWEEN * (float(np.quantile(_logit(examples), EXAMPLES_QUANTILE)) - reached)
    return min(1 / (1 + math.exp(-reached - max(LEAST_MARGIN, margin))), 1 - TINY)


def _logit(probability: Scores) -> Scores:
    inside = np.clip(probability, TINY, 1 - TINY)
    return np.asarray(np.log(inside / (1 - inside)))
