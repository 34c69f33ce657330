"""From one window's probabilities to a decision."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from edge_runtime.contract.spec import DecisionSpec
from edge_runtime.stream.counts import StreamCounts

# states of a Decision
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
    """What the recogniser says at one moment. Two decisions are equal whatever time they took.

    Attributes:
        time_s: timestamp of the newest sample, on the sensor's clock.
        state: ``recognised``; ``unknown`` when no label may be given; ``gap`` when samples are or
            were missing for so long that nothing can be said; ``warming up`` when they came again
            after a gap, until a whole window of new ones is there and the next decision falls.
        label: the recognised class, or None in every other state.
        probability: smoothed probability of the most probable class; 0 in a gap and while warming
            up.
        probabilities: smoothed, in the order of the contract's labels; empty in a gap and while
            warming up.
        window_probabilities: of this window alone, not smoothed; empty in a gap and while warming
            up.
        latency_us: what the decision cost; None in a gap and while warming up.
        counts: of the samples so far.
        event: whether the label begins here: it was not that of the decision before.
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
        """The decision that announces a gap before the sample at ``time_s``."""
        return Decision(time_s, GAP, None, 0.0, (), ())

    @staticmethod
    def warming_up(time_s: float) -> Decision:
        """The decision that says that samples came again, the first at ``time_s``."""
        return Decision(time_s, WARMING_UP, None, 0.0, (), ())


class Smoother:
    """Mean of the newest windows' probabilities, a threshold, and how a label begins.

    The most probable class becomes the label when its probability reaches its threshold, when
    ``debounce_decisions`` decisions in a row agree on it, and, unless it was the label before, when
    ``refractory_s`` have passed since a label last began. Otherwise the state is ``unknown``: a
    label is never kept without evidence.

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
        """Take the probabilities (labels,) of the window that ends at ``time_s``; give the decision."""
        self._newest = [*self._newest, np.array(probabilities, np.float64)][
            -self._spec.smoothing_windows :
        ]
        smoothed = np.add.reduce(self._newest) / len(self._newest)
        best = int(smoothed.argmax())
        name = self._labels[best]
        probable = bool(
            smoothed[best] >= self._spec.class_thresholds.get(name, self._spec.threshold)
        )
        label, event = self._begin(time_s, name if probable else None)
        return Decision(
            time_s,
            UNKNOWN if label is None else RECOGNISED,
            label,
            float(smoothed[best]),
            tuple(smoothed.tolist()),
            tuple(self._newest[-1].tolist()),
            event=event,
        )

    def _begin(self, time_s: float, candidate: str | None) -> tuple[str | None, bool]:
        """The label that is given, and whether it begins now."""
        self._agreed = self._agreed + 1 if candidate == self._candidate else 1
        self._candidate = candidate
        label = candidate if self._agreed >= self._spec.debounce_decisions else None
        event = label is not None and label != self._label
        if event and time_s - self._event_s < self._spec.refractory_s:
            label, event = None, False
        if event:
            self._event_s = time_s
        self._label = label
        return label, event
