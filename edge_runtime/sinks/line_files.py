"""``jsonl:PATH`` and ``csv:PATH``: one line per decision in a file, ``-`` for standard output.

``jsonl:`` writes a JSON object per line, for other programs. Its keys:

- ``time_s``, ``state``, ``probability``;
- ``label``: null unless recognised;
- ``probabilities``: label to smoothed probability, empty in a gap and while warming up;
- ``window_probabilities``: likewise, not smoothed;
- ``latency_us``: ``frontend``, ``inference``, ``total``; null if nothing was computed;
- ``counts``: counts of samples so far, see :class:`edge_runtime.stream.counts.StreamCounts`;
- ``event``: whether the label begins here.

A number that is not finite is null.

``csv:`` writes a table with a header, for spreadsheets. Its columns: ``time_s``, ``state``,
``label`` (empty unless recognised), ``probability`` (empty in a gap), ``event`` (1 where the label
begins, else 0), the counts, and the smoothed probability of each label under its name (empty in a
gap).
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self, TextIO

from edge_runtime.contract.spec import Contract
from edge_runtime.decision import Decision
from edge_runtime.errors import OutputError
from edge_runtime.sinks.sink import Sink
from edge_runtime.stream.counts import StreamCounts

COUNTS = tuple(field.name for field in dataclasses.fields(StreamCounts))
COLUMNS = ("time_s", "state", "label", "probability", "event", *COUNTS)


class LineFileSink(Sink):
    """Writes and flushes each line at once, so that a reader does not have to wait.

    Args:
        labels: class names in the order of the probabilities.
        output: text file to write to. Closed at the end unless it is standard output.
        name: name of the output, for messages.
    """

    scheme: ClassVar[str]  # of the URI, and the usual ending of a file

    def __init__(self, labels: tuple[str, ...], output: TextIO, name: str) -> None:
        self._labels = labels
        self._output = output
        self._name = name
        self._keep_open = output is sys.stdout

    @classmethod
    def from_uri(cls, rest: str, contract: Contract) -> Self:
        """Open ``PATH``, replacing an existing file, or ``-``.

        Raises:
            OutputError: there is no path, or it cannot be written.
        """
        if rest == "-":
            return cls(contract.labels, sys.stdout, "standard output")
        if not rest:
            raise OutputError(
                f"{cls.scheme}: names no file: write {cls.scheme}:decisions.{cls.scheme}, or "
                f"{cls.scheme}:- for standard output"
            )
        return cls(contract.labels, _open(rest), rest)

    def write_text(self, text: str) -> None:
        """Write and flush.

        Raises:
            OutputError: for example, the disk is full.
        """
        try:
            self._output.write(text)
            self._output.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from error

    def close(self) -> None:
        """Close the file.

        Raises:
            OutputError: buffered text could not be written.
        """
        if self._keep_open:
            return
        try:
            self._output.close()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from error


class JsonLinesSink(LineFileSink):
    """Writes a JSON object per decision, see :class:`LineFileSink`."""

    scheme = "jsonl"

    def write(self, decision: Decision) -> None:
        """Write and flush one line.

        Raises:
            OutputError: for example, the disk is full.
        """
        document = decision_document(decision, self._labels)
        self.write_text(json.dumps(document, allow_nan=False) + "\n")


def decision_document(decision: Decision, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return a decision as a dictionary for ``json.dumps``.

    Args:
        decision: the decision.
        labels: class names in the order of the probabilities.
    """

    def by_label(probabilities: tuple[float, ...]) -> dict[str, float | None]:
        return {label: _finite(value) for label, value in zip(labels, probabilities, strict=False)}

    latency = decision.latency_us
    counts = decision.counts
    return {
        "time_s": _finite(decision.time_s),
        "state": decision.state,
        "label": decision.label,
        "probability": _finite(decision.probability),
        "probabilities": by_label(decision.probabilities),
        "window_probabilities": by_label(decision.window_probabilities),
        "latency_us": None if latency is None else dataclasses.asdict(latency),
        "counts": None if counts is None else dataclasses.asdict(counts),
        "event": decision.event,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None  # JSON has no NaN


class CsvSink(LineFileSink):
    """Writes the header at once, then a row per decision, see :class:`LineFileSink`."""

    scheme = "csv"

    def __init__(self, labels: tuple[str, ...], output: TextIO, name: str) -> None:
        super().__init__(labels, output, name)
        try:
            self.write_text(_csv_line((*COLUMNS, *labels)))
        except OutputError:
            with contextlib.suppress(OSError):
                output.close()
            raise

    def write(self, decision: Decision) -> None:
        """Write and flush one line.

        Raises:
            OutputError: for example, the disk is full.
        """
        if decision.probabilities:
            probability = _csv_number(decision.probability)
            probabilities = [_csv_number(value) for value in decision.probabilities]
        else:
            probability = ""
            probabilities = [""] * len(self._labels)
        counts = [""] * len(COUNTS)
        if decision.counts is not None:
            counts = [str(getattr(decision.counts, name)) for name in COUNTS]
        row = (
            f"{decision.time_s:.6f}",
            decision.state,
            decision.label or "",
            probability,
            str(int(decision.event)),
            *counts,
            *probabilities,
        )
        self.write_text(_csv_line(row))


def _csv_number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _csv_line(fields: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()


def _open(path: str) -> TextIO:
    try:
        return Path(path).open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(name: str, error: OSError) -> OutputError:
    return OutputError(
        f"{name} cannot be written ({error.strerror or error}): choose another place, or free some "
        "space"
    )
