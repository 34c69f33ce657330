"""Problems in a live stream that do not end it. They are counted and reported, never silent."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

REPEAT_AFTER_S = 10.0  # a kind of problem is reported at once, then at most this often

logger = logging.getLogger("img2imu.sources")


class Notes:
    """Counts what a source left out, and reports it at a limited rate.

    Args:
        name: name of the source. It begins every line.

    Attributes:
        name: name of the source.
        counts: kind of problem to how often it happened, such as ``{"malformed line": 3}``.
        say: callback that shows one line to the user. Unless it is set, lines go to the logger
            ``img2imu.sources``: warnings about what was skipped, the rest as info.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self._say: Callable[[str], None] | None = None
        self._quiet_until_s: dict[str, float] = {}

    @property
    def say(self) -> Callable[[str], None]:
        """Callback that shows one line to the user."""
        return self._say or logger.info

    @say.setter
    def say(self, say: Callable[[str], None]) -> None:
        self._say = say

    def skipped(self, what: str, why: str, count: int = 1) -> None:
        """Count what was left out. Report the first of its kind at once, later ones every 10 s.

        Args:
            what: a short noun in the singular, such as ``malformed line``.
            why: what was received, what was expected, and the remedy.
            count: how many were left out.
        """
        self.counts[what] += count
        now_s = time.monotonic()
        if now_s < self._quiet_until_s.get(what, -1.0):
            return
        self._quiet_until_s[what] = now_s + REPEAT_AFTER_S
        self._report(logging.WARNING, f"skipped {counted(self.counts[what], what)}: {why}")

    def lost_connection(self, why: str) -> None:
        """Count and report a lost connection."""
        self.counts["lost connection"] += 1
        self._report(logging.WARNING, why)

    def tell(self, text: str) -> None:
        """Report something about the stream that cost no sample."""
        self._report(logging.INFO, text)

    def summary(self) -> str:
        """Return all counts in one line, empty if nothing was left out."""
        return ", ".join(counted(count, what) for what, count in self.counts.items())

    def _report(self, level: int, text: str) -> None:
        line = f"{self.name}: {text}"
        if self._say is None:
            logger.log(level, "%s", line)
        else:
            self._say(line)


def counted(count: int, what: str) -> str:
    """Return ``1 malformed line``, ``2 malformed lines``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
