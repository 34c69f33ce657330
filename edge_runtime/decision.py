"""From one window's probabilities to a decision."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from edge_runtime.contract.spec import DecisionSpec
from edge_runtime.stream.counts import StreamCounts

# States of a Decision.
RECOGNISED, UNKNOWN, GAP, WARMING_UP = "recognised", "unknown", "gap", "warming up"


@dataclass(frozen=True)
class Latency:
    """Time that one decision took, microseconds.

    Attributes:
        frontend: samples to images and statistics.
        inference: the network.
        total: both, and the decision itself.
    """

    frontend: float
    inference: float
    total: float


@dataclass(frozen=True)
class Decision:
    """What the recogniser recognised at one moment.

    Two decisions are equal whatever time they took.

    Attributes:
        time_s: timestamp of the newest sample, on the sensor's clock.
        state: ``recognised``; ``unknown`` if no label is sure enough; ``gap`` if too many samples
            are or were missing; ``warming up`` when samples arrive again after a gap, until a whole
            new window has led to the next decision.
        label: the recognised class; None in every other state.
        probability: smoothed probability of the most probable class; 0 in a gap and while warming
            up.
        probabilities: smoothed, in the order of the contract's labels; empty in a gap and while
            warming up.
        window_probabilities: of this window alone, not smoothed; empty in a gap and while warming
            up.
        latency_us: time that the decision took; None in a gap and while warming up.
        counts: what became of the samples so far.
        event: whether the label begins here: the decision before had another label or none.
    """

    time_s: float
    state: str
    label: str | None
    probability: float
    probabilities: tuple[float, ...]
    window_probabilities: tuple[float, ...]
    latency_us: Latency | None = field(default=None, compare=False)
    counts: StreamCounts | None = field(default=None, compare=False)
    event: bool = False

    @staticmethod
    def gap(time_s: float) -> Decision:
        """Return the decision that reports a gap before the sample at ``time_s``."""
        return Decision(time_s, GAP, None, 0.0, (), ())

    @staticmethod
    def warming_up(time_s: float) -> Decision:
        """Return the decision that reports that samples arrive again, the first at ``time_s``."""
        return Decision(time_s, WARMING_UP, None, 0.0, (), ())


class Smoother:
    """Average the newest windows' probabilities, and decide when a label begins.

    The most probable class becomes the label if

    - its smoothed probability reaches its threshold,
    - ``debounce_decisions`` decisions in a row agree on it, and
    - it was the label before, or ``refractory_s`` have passed since a label last began.

    Otherwise the state is ``unknown``: no label is kept without evidence.

    Args:
        spec: the settings.
        labels: class names in the order of the probabilities.
    """

    def __init__(self, spec: DecisionSpec, labels: tuple[str, ...]) -> None:
        self._spec = spec
        self._labels = labels
        self.reset()

    def reset(self) -> None:
        """Forget earlier windows."""
        self._newest: list[np.ndarray] = []
        self._candidate: str | None = None
        self._agreed = 0  # decisions in a row on the candidate
        self._label: str | None = None
        self._event_s = -math.inf

    def decide(self, time_s: float, probabilities: np.ndarray) -> Decision:
        """Decide on a window.

        Args:
            time_s: timestamp of its newest sample.
            probabilities: (labels,) from the network.
        """
        newest = np.array(probabilities, np.float64)
        self._newest = [*self._newest, newest][-self._spec.smoothing_windows :]
        smoothed = np.add.reduce(self._newest) / len(self._newest)
        best = int(smoothed.argmax())
        name = self._labels[best]
        threshold = self._spec.class_thresholds.get(name, self._spec.threshold)
        is_sure = bool(smoothed[best] >= threshold)
        label, event = self._begin(time_s, name if is_sure else None)
        return Decision(
            time_s,
            state=UNKNOWN if label is None else RECOGNISED,
            label=label,
            probability=float(smoothed[best]),
            probabilities=tuple(smoothed.tolist()),
            window_probabilities=tuple(newest.tolist()),
            event=event,
        )

    def _begin(self, time_s: float, candidate: str | None) -> tuple[str | None, bool]:
        """Return the label, and whether it begins now."""
        self._agreed = self._agreed + 1 if candidate == self._candidate else 1
        self._candidate = candidate
        label = candidate if self._agreed >= self._spec.debounce_decisions else None
        event = label is not None and label != self._label
        if event and time_s - self._event_s < self._spec.refractory_s:
            label = None
            event = False
        if event:
            self._event_s = time_s
        self._label = label
        return label, event
