"""Types of arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def names(text: str) -> list[str]:
    """Split names at commas; a ``type`` for argparse."""
    return [name.strip() for name in text.split(",") if name.strip()]


def at_least(lowest: int) -> Callable[[str], int]:
    """Return a ``type`` for argparse: a whole number of ``lowest`` or more."""

    def whole_number(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest:
            raise argparse.ArgumentTypeError(
                f"is {text!r}, expected a whole number of {lowest} or more"
            )
        return number

    return whole_number
