"""``csv:PATH`` and ``csv:-``: a line per decision for spreadsheets, after a header.

Columns: ``time_s``, ``state``, ``label`` (empty unless recognised), ``probability`` (empty in a
gap), ``event`` (1 where the label begins, else 0), the counts of samples so far (see
:class:`edge_runtime.stream.counts.StreamCounts`), and the smoothed probability of each label, headed by
its name (empty in a gap).
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterable
from dataclasses import fields
from typing import TextIO

from edge_runtime.decision import Decision
from edge_runtime.errors import OutputError
from edge_runtime.sinks.text_file import TextFileSink
from edge_runtime.stream.counts import StreamCounts

COUNTS = tuple(field.name for field in fields(StreamCounts))
COLUMNS = ("time_s", "state", "label", "probability", "event", *COUNTS)


class CsvSink(TextFileSink):
    """Writes the header at once, then each decision when it comes; see :class:`TextFileSink`."""

    scheme = "csv"

    def __init__(self, labels: tuple[str, ...], output: TextIO, name: str) -> None:
        super().__init__(labels, output, name)
        try:
            self.write_text(_line((*COLUMNS, *labels)))
        except OutputError:
            with contextlib.suppress(OSError):  # it has been said
                output.close()
            raise

    def write(self, decision: Decision) -> None:
        """Write and flush one line.

        Raises:
            OutputError: the disk is full, or the like.
        """
        has_window = len(decision.probabilities) > 0
        probabilities = decision.probabilities if has_window else (math.nan,) * len(self._labels)
        counts = (
            ("",) * len(COUNTS)
            if decision.counts is None
            else (str(getattr(decision.counts, name)) for name in COUNTS)
        )
        self.write_text(
            _line(
                (
                    f"{decision.time_s:.6f}",
                    decision.state,
                    decision.label or "",
                    _number(decision.probability) if has_window else "",
                    str(int(decision.event)),
                    *counts,
                    *map(_number, probabilities),
                )
            )
        )


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _line(fields: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
