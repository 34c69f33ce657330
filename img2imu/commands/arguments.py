"""Kinds of argument that several commands take."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def names(text: str) -> list[str]:
    """A ``type`` for argparse: names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def at_least(lowest: int) -> Callable[[str], int]:
    """A ``type`` for argparse: a whole number of ``lowest`` or more."""

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
