"""``jsonl:PATH`` and ``jsonl:-``: one JSON object per decision and line, for other programs.

Keys: ``time_s``, ``state``, ``label`` (null unless recognised), ``probability``, ``probabilities`` (label to smoothed
value, empty in a gap), ``window_probabilities`` (likewise, not smoothed), ``latency_us`` (``frontend``, ``inference``,
``total``; null in a gap). A number that is not finite is null.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import Any, TextIO

from edge_runtime.contract import Contract
from edge_runtime.decision import Decision
from edge_runtime.errors import OutputError
from edge_runtime.sinks import Sink


class JsonLinesSink(Sink):
    """Writes each decision when it comes, so that a reader need not wait.

    Args:
        labels: class names in the order of the probabilities.
        output: text file to write to; closed at the end unless it is standard output.
        name: of the output, for messages.
    """

    def __init__(self, labels: tuple[str, ...], output: TextIO, name: str) -> None:
        self._labels = labels
        self._output = output
        self._name = name
        self._is_ours = output is not sys.stdout

    @staticmethod
    def from_uri(rest: str, contract: Contract) -> JsonLinesSink:
        """Open ``PATH``, replacing what was there, or ``-``.

        Raises:
            OutputError: no path, or it cannot be written.
        """
        if rest == "-":
            return JsonLinesSink(contract.labels, sys.stdout, "standard output")
        if not rest:
            raise OutputError("jsonl: names no file: write jsonl:decisions.jsonl, or jsonl:- for standard output")
        try:
            return JsonLinesSink(contract.labels, Path(rest).open("w", encoding="utf-8"), rest)
        except OSError as error:
            raise _unwritable(rest, error) from error

    def write(self, decision: Decision) -> None:
        """Write and flush one line.

        Raises:
            OutputError: the disk is full, or the like.
        """
        try:
            self._output.write(json.dumps(self._document(decision), allow_nan=False) + "\n")
            self._output.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from error

    def close(self) -> None:
        """Close the file.

        Raises:
            OutputError: what was left could not be written.
        """
        if not self._is_ours:
            return
        try:
            self._output.close()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from error

    def _document(self, decision: Decision) -> dict[str, Any]:
        latency = decision.latency_us
        return {
            "time_s": _finite(decision.time_s),
            "state": decision.state,
            "label": decision.label,
            "probability": _finite(decision.probability),
            "probabilities": self._by_label(decision.probabilities),
            "window_probabilities": self._by_label(decision.window_probabilities),
            "latency_us": None if latency is None else dataclasses.asdict(latency),
        }

    def _by_label(self, probabilities: tuple[float, ...]) -> dict[str, float | None]:
        return {label: _finite(value) for label, value in zip(self._labels, probabilities, strict=False)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None  # JSON has no NaN


def _unwritable(name: str, error: OSError) -> OutputError:
    return OutputError(f"{name} cannot be written ({error.strerror or error}): choose another place, or free some "
                       "space")
