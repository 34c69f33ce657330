"""``console:``: the recognised motion, for a person to read.

On a terminal, a view redrawn in place: the label, a bar per class, and the time the decision took.
Elsewhere, one plain line per decision: time in seconds, label or state, probability.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from typing import TextIO

from edge_runtime.contract.spec import Contract
from edge_runtime.decision import GAP, RECOGNISED, WARMING_UP, Decision
from edge_runtime.errors import OutputError
from edge_runtime.sinks.sink import Sink

HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"
ERASE_TO_END_OF_LINE = "\x1b[K"
ERASE_BELOW = "\x1b[J"
BOLD = "\x1b[1m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
RESET = "\x1b[0m"
WIDEST_BAR = 40
LONGEST_LABEL = 24
OTHER_LINES = 3  # the heading, the latency, and the line where the cursor stays


class ConsoleSink(Sink):
    """Shows decisions on a terminal, or as lines.

    The cursor is hidden only while a view is drawn, so it is visible however the program ends.

    Args:
        labels: class names in the order of the probabilities.
        output: where to write, standard output by default.
    """

    def __init__(self, labels: tuple[str, ...], output: TextIO | None = None) -> None:
        self._output = sys.stdout if output is None else output
        self._labels = tuple(_printable(label) for label in labels)
        self._live = self._output.isatty() and os.environ.get("TERM") != "dumb"
        # no-color.org: the variable counts if it is set and not empty
        self._colour = self._live and not os.environ.get("NO_COLOR")
        self._filled, self._empty = ("█", "░") if self._can_show("█░") else ("#", ".")
        self._lines_shown = 0

    @staticmethod
    def from_uri(rest: str, contract: Contract) -> ConsoleSink:
        """Open the console. Nothing may follow the colon.

        Raises:
            OutputError: something follows.
        """
        if rest:
            raise OutputError(
                f"console: was given {rest!r}, expected nothing after the colon: remove it"
            )
        return ConsoleSink(contract.labels)

    def write(self, decision: Decision) -> None:
        """Show one decision."""
        if self._live:
            self._redraw(self._view(decision))
            return
        probability = f"{decision.probability:.3f}"
        if decision.state in (GAP, WARMING_UP):
            probability = "-"
        self._print(f"{decision.time_s:.3f}  {_heading(decision)}  {probability}\n")

    def close(self) -> None:
        """Leave the last view on the screen. A later decision is shown below it."""
        self._lines_shown = 0

    def _view(self, decision: Decision) -> list[str]:
        size = shutil.get_terminal_size()
        columns = max(size.columns - 1, 1)  # some terminals wrap at the last column
        shown = _most_probable(decision, max(size.lines - OTHER_LINES, 0))
        heading = _fit(f"{_heading(decision)}  {decision.time_s:.2f} s", columns).rstrip()
        colour = GREEN if decision.state == RECOGNISED else YELLOW
        return [
            self._paint(heading, BOLD + colour),
            *self._bars(decision, shown, columns),
            _fit(_latency(decision), columns).rstrip(),
        ]

    def _bars(self, decision: Decision, shown: list[int], columns: int) -> list[str]:
        label_width = min(max(map(_width, self._labels)), LONGEST_LABEL, max(columns - 7, 1))
        bar_width = min(columns - label_width - 8, WIDEST_BAR)
        recognised = None if decision.label is None else _printable(decision.label)
        lines = []
        for i in shown:
            probability = decision.probabilities[i]
            text = f"{_fit(self._labels[i], label_width)} {100 * probability:4.0f} %"
            if bar_width >= 4:
                filled = round(bar_width * min(max(0.0, probability), 1.0))
                text += " " + self._filled * filled + self._empty * (bar_width - filled)
            text = _fit(text, columns).rstrip()
            lines.append(self._paint(text, GREEN) if self._labels[i] == recognised else text)
        return lines

    def _paint(self, text: str, codes: str) -> str:
        return f"{codes}{text}{RESET}" if self._colour else text

    def _redraw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._lines_shown}A\r" if self._lines_shown else ""
        drawn = "".join(line + ERASE_TO_END_OF_LINE + "\n" for line in lines)
        self._print(HIDE_CURSOR + up + drawn + ERASE_BELOW + SHOW_CURSOR)
        self._lines_shown = len(lines)

    def _print(self, text: str) -> None:
        encoding = self._output.encoding or "utf-8"
        self._output.write(text.encode(encoding, "replace").decode(encoding))
        self._output.flush()

    def _can_show(self, text: str) -> bool:
        try:
            text.encode(self._output.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True


def _most_probable(decision: Decision, count: int) -> list[int]:
    """Return the most probable classes, in label order so that each bar keeps its place."""
    classes = range(len(decision.probabilities))
    ranked = sorted(classes, key=lambda i: -decision.probabilities[i])
    return sorted(ranked[:count])


def _heading(decision: Decision) -> str:
    return decision.state if decision.label is None else _printable(decision.label)


def _latency(decision: Decision) -> str:
    latency = decision.latency_us
    if latency is not None:
        return (
            f"{latency.total:.0f} us (front end {latency.frontend:.0f}, "
            f"inference {latency.inference:.0f})"
        )
    reasons = {GAP: "samples are missing", WARMING_UP: "filling the window again"}
    return reasons.get(decision.state, "")


def _printable(label: str) -> str:
    """Replace control characters: labels come from the model file and must not move the cursor."""
    return "".join(character if character.isprintable() else "?" for character in label)


def _width(text: str) -> int:
    """Return terminal columns: 2 for wide East Asian characters, 0 for combining ones."""
    columns = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


def _fit(text: str, width: int) -> str:
    """Cut or pad to exactly ``width`` columns."""
    while _width(text) > width:
        text = text[:-1]
    return text + " " * (width - _width(text))
