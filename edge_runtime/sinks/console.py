"""``console:``: what the model recognises, for people.

On a terminal a view that is redrawn in place: the label, a bar per class, and what the decision
cost. Elsewhere one plain line per decision: time in seconds, label or state, probability.
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

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
ERASE_TO_END_OF_LINE, ERASE_BELOW = "\x1b[K", "\x1b[J"
BOLD, GREEN, YELLOW, RESET = "\x1b[1m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
WIDEST_BAR = 40
LONGEST_LABEL = 24
LINES_BESIDE_BARS = 3  # heading, latency, and the line that the cursor waits on


class ConsoleSink(Sink):
    """Shows decisions on a terminal, or as lines.

    The cursor is hidden only while a view is drawn, so it is there however the program ends.

    Args:
        labels: class names in the order of the probabilities.
        output: where to write, standard output by default.
    """

    def __init__(self, labels: tuple[str, ...], output: TextIO | None = None) -> None:
        self._output = sys.stdout if output is None else output
        self._labels = tuple(_printable(label) for label in labels)
        self._live = self._output.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._live and not os.environ.get(
            "NO_COLOR"
        )  # no-color.org: present and not empty
        self._bar, self._rest = ("█", "░") if self._can_show("█░") else ("#", ".")
        self._lines_shown = 0

    @staticmethod
    def from_uri(rest: str, contract: Contract) -> ConsoleSink:
        """Open the console; nothing may follow the colon.

        Raises:
            OutputError: something does.
        """
        if rest:
            raise OutputError(
                f"console: was given {rest!r}, expected nothing after the colon: leave that out"
            )
        return ConsoleSink(contract.labels)

    def write(self, decision: Decision) -> None:
        """Show one decision."""
        if self._live:
            self._redraw(self._view(decision))
        else:
            probability = (
                "-" if decision.state in (GAP, WARMING_UP) else f"{decision.probability:.3f}"
            )
            self._print(f"{decision.time_s:.3f}  {_heading(decision)}  {probability}\n")

    def close(self) -> None:
        """Leave the last view where it is."""
        self._lines_shown = 0

    def _redraw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._lines_shown}A\r" if self._lines_shown else ""
        drawn = "".join(line + ERASE_TO_END_OF_LINE + "\n" for line in lines)
        self._print(HIDE_CURSOR + up + drawn + ERASE_BELOW + SHOW_CURSOR)
        self._lines_shown = len(lines)

    def _view(self, decision: Decision) -> list[str]:
        size = shutil.get_terminal_size()
        columns = max(size.columns - 1, 1)  # the last column wraps on some terminals
        shown = self._most_probable(decision, max(size.lines - LINES_BESIDE_BARS, 0))
        heading = _fit(f"{_heading(decision)}  {decision.time_s:.2f} s", columns).rstrip()
        colour = GREEN if decision.state == RECOGNISED else YELLOW
        return [
            self._paint(heading, BOLD + colour),
            *self._bars(decision, shown, columns),
            _fit(_latency(decision), columns).rstrip(),
        ]

    def _most_probable(self, decision: Decision, count: int) -> list[int]:
        """The classes that fit on the screen, in the order of the labels so that bars stay in their place."""
        ranked = sorted(
            range(len(decision.probabilities)), key=lambda i: -decision.probabilities[i]
        )
        return sorted(ranked[:count])

    def _bars(self, decision: Decision, shown: list[int], columns: int) -> list[str]:
        label_width = min(max(map(_width, self._labels)), LONGEST_LABEL, max(columns - 7, 1))
        bar_width = min(columns - label_width - 8, WIDEST_BAR)
        lines = []
        for i in shown:
            text = f"{_fit(self._labels[i], label_width)} {100 * decision.probabilities[i]:4.0f} %"
            if bar_width >= 4:
                filled = round(bar_width * min(max(0.0, decision.probabilities[i]), 1.0))
                text += " " + self._bar * filled + self._rest * (bar_width - filled)
            text = _fit(text, columns).rstrip()
            recognised = decision.label is not None and self._labels[i] == _printable(
                decision.label
            )
            lines.append(self._paint(text, GREEN) if recognised else text)
        return lines

    def _paint(self, text: str, codes: str) -> str:
        return f"{codes}{text}{RESET}" if self._colour else text

    def _can_show(self, text: str) -> bool:
        try:
            text.encode(self._output.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True

    def _print(self, text: str) -> None:
        encoding = self._output.encoding or "utf-8"
        self._output.write(text.encode(encoding, "replace").decode(encoding))
        self._output.flush()


def _heading(decision: Decision) -> str:
    return decision.state if decision.label is None else _printable(decision.label)


def _latency(decision: Decision) -> str:
    if decision.latency_us is None:
        return {GAP: "samples are missing", WARMING_UP: "filling the window again"}.get(
            decision.state, ""
        )
    cost = decision.latency_us
    return f"{cost.total:.0f} us (front end {cost.frontend:.0f}, inference {cost.inference:.0f})"


def _printable(label: str) -> str:
    """A label comes with the model file: it must not steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in label)


def _width(text: str) -> int:
    """Columns that a terminal uses: two for East Asian wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _fit(text: str, width: int) -> str:
    """Cut or fill to exactly ``width`` columns."""
    while _width(text) > width:
        text = text[:-1]
    return text + " " * (width - _width(text))
