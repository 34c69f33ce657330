"""Kinds of argument that several commands take."""

from __future__ import annotations

import argparse
import math


def number(text: str) -> float:
    """A ``type`` for argparse: a finite number, 0 or more."""
    value = _float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a number, 0 or more")
    return value


def positive(text: str, limit: float = math.inf) -> float:
    """A ``type`` for argparse: a number above 0 and below ``limit``."""
    value = _float(text)
    if not 0 < value < limit:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a number above 0")
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
