"""What goes wrong in a live stream without ending it: counted, and said, never silent."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable

SAY_EVERY_S = 10.0  # of one kind, after its first


class Notes:
    """Counts what a source had to leave out, and says so without flooding the screen.

    Args:
        name: of the source, begins every line.

    Attributes:
        name: as given.
        counts: what was left out to how often, such as ``{"malformed line": 3}``.
        say: takes a line for people; standard error unless somebody else listens.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.say: Callable[[str], None] = _say
        self._silent_until: dict[str, float] = {}

    def skipped(self, what: str, why: str, count: int = 1) -> None:
        """Count what was left out; the first of a kind is said at once, later ones every ten seconds.

        Args:
            what: a short noun in the singular, such as ``malformed line``.
            why: what was met, what was expected, and the remedy.
            count: how many at once.
        """
        self.counts[what] += count
        now_s = time.monotonic()
        if now_s < self._silent_until.get(what, -1.0):
            return
        self._silent_until[what] = now_s + SAY_EVERY_S
        self.tell(f"skipped {counted(self.counts[what], what)}: {why}")

    def tell(self, text: str) -> None:
        """Say something about the stream that cost no sample."""
        self.say(f"{self.name}: {text}")

    def summary(self) -> str:
        """All counts in one line; empty when nothing was left out."""
        return ", ".join(counted(count, what) for what, count in self.counts.items())


def counted(count: int, what: str) -> str:
    """``1 malformed line``, ``2 malformed lines``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
