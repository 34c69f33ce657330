"""From one window's probabilities to a decision."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge_runtime.contract import DecisionSpec
from edge_runtime.counts import StreamCounts

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
        state: ``recognised``; ``unknown`` when no label may be given; ``gap`` when samples are or were missing for
            so long that nothing can be said; ``warming up`` when they came again after a gap, until a whole window of
            new ones is there and the next decision falls.
        label: the recognised class, or None in every other state.
        probability: smoothed probability of the most probable class; 0 in a gap and while warming up.
        probabilities: smoothed, in the order of the contract's labels; empty in a gap and while warming up.
        window_probabilities: of this window alone, not smoothed; empty in a gap and while warming up.
        latency_us: what the decision cost; None in a gap and while warming up.
        counts: of the samples so far.
    """

    time_s: float
    state: str
    label: str | None
    probability: float
    probabilities: tuple[float, ...]
    window_probabilities: tuple[float, ...]
    latency_us: Latency | None = field(default=None, compare=False)
    counts: StreamCounts | None = field(default=None, compare=False)

    @staticmethod
    def gap(time_s: float) -> Decision:
        """The decision that announces a gap before the sample at ``time_s``."""
        return Decision(time_s, GAP, None, 0.0, (), ())

    @staticmethod
    def warming_up(time_s: float) -> Decision:
        """The decision that says that samples came again, the first at ``time_s``."""
        return Decision(time_s, WARMING_UP, None, 0.0, (), ())


class Smoother:
    """Mean of the newest windows' probabilities, then a threshold.

    Args:
        spec: window count and threshold.
        labels: class names in the order of the probabilities.
    """

    def __init__(self, spec: DecisionSpec, labels: tuple[str, ...]) -> None:
        self._spec = spec
        self._labels = labels
        self._newest: list[np.ndarray] = []

    def reset(self) -> None:
        """Forget earlier windows."""
        self._newest.clear()

    def decide(self, time_s: float, probabilities: np.ndarray) -> Decision:
        """Take the probabilities (labels,) of the window that ends at ``time_s``; give the decision."""
        self._newest = [*self._newest, np.array(probabilities, np.float64)][-self._spec.smoothing_windows:]
        smoothed = np.mean(self._newest, axis=0)
        best = int(smoothed.argmax())
        known = bool(smoothed[best] >= self._spec.threshold)
        return Decision(time_s, RECOGNISED if known else UNKNOWN, self._labels[best] if known else None,
                        float(smoothed[best]), tuple(smoothed.tolist()), tuple(self._newest[-1].tolist()))
