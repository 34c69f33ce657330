"""``csv:PATH`` and ``csv:-``: a line per decision for spreadsheets, after a header.

Columns: ``time_s``, ``state``, ``label`` (empty unless recognised), ``probability`` (empty in a gap), and the smoothed
probability of each label, headed by its name (empty in a gap).
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterable
from typing import TextIO

from edge_runtime.contract import Contract
from edge_runtime.decision import Decision
from edge_runtime.errors import OutputError
from edge_runtime.sinks.text_file import TextFileSink, open_text

COLUMNS = ("time_s", "state", "label", "probability")


class CsvSink(TextFileSink):
    """Writes the header at once, then each decision when it comes.

    Args:
        labels: class names in the order of the probabilities.
        output: text file to write to; closed at the end unless it is standard output.
        name: of the output, for messages.
    """

    def __init__(self, labels: tuple[str, ...], output: TextIO, name: str) -> None:
        super().__init__(output, name)
        self._labels = labels
        try:
            self.write_text(_line((*COLUMNS, *labels)))
        except OutputError:
            with contextlib.suppress(OSError):  # it has been said
                output.close()
            raise

    @staticmethod
    def from_uri(rest: str, contract: Contract) -> CsvSink:
        """Open ``PATH``, replacing what was there, or ``-``.

        Raises:
            OutputError: no path, or it cannot be written.
        """
        return CsvSink(contract.labels, *open_text(rest, "csv"))

    def write(self, decision: Decision) -> None:
        """Write and flush one line.

        Raises:
            OutputError: the disk is full, or the like.
        """
        has_window = len(decision.probabilities) > 0
        probabilities = decision.probabilities if has_window else (math.nan,) * len(self._labels)
        self.write_text(_line((f"{decision.time_s:.6f}", decision.state, decision.label or "",
                               _number(decision.probability) if has_window else "", *map(_number, probabilities))))


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _line(fields: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
