"""``jsonl:PATH`` and ``jsonl:-``: one JSON object per decision and line, for other programs.

Keys: ``time_s``, ``state``, ``label`` (null unless recognised), ``probability``, ``probabilities``
(label to smoothed value, empty in a gap and while warming up), ``window_probabilities`` (likewise,
not smoothed), ``latency_us`` (``frontend``, ``inference``, ``total``; null where nothing was
computed), ``counts`` (of samples so far, see :class:`edge_runtime.stream.counts.StreamCounts`), ``event``
(whether the label begins here). A number that is not finite is null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from edge_runtime.decision import Decision
from edge_runtime.sinks.text_file import TextFileSink


class JsonLinesSink(TextFileSink):
    """Writes each decision when it comes; see :class:`TextFileSink`."""

    scheme = "jsonl"

    def write(self, decision: Decision) -> None:
        """Write and flush one line.

        Raises:
            OutputError: the disk is full, or the like.
        """
        self.write_text(json.dumps(document(decision, self._labels), allow_nan=False) + "\n")


def document(decision: Decision, labels: tuple[str, ...]) -> dict[str, Any]:
    """The decision as what ``json.dumps`` takes; ``labels`` in the order of the probabilities."""

    def by_label(probabilities: tuple[float, ...]) -> dict[str, float | None]:
        return {label: _finite(value) for label, value in zip(labels, probabilities, strict=False)}

    latency = decision.latency_us
    return {
        "time_s": _finite(decision.time_s),
        "state": decision.state,
        "label": decision.label,
        "probability": _finite(decision.probability),
        "probabilities": by_label(decision.probabilities),
        "window_probabilities": by_label(decision.window_probabilities),
        "latency_us": None if latency is None else dataclasses.asdict(latency),
        "counts": None if decision.counts is None else dataclasses.asdict(decision.counts),
        "event": decision.event,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None  # JSON has no NaN
