"""The part of a source's URI after the scheme: ``TARGET[?key=value&key=value]``."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass

from edge_runtime.errors import SourceError


@dataclass(frozen=True)
class Target:
    """What a URI points at, and its options.

    Attributes:
        name: path or address, taken literally.
        options: key to value, percent-decoded.
    """

    name: str
    options: dict[str, str]

    def number(self, key: str) -> float | None:
        """An option as a finite number, or None when it was not given.

        Raises:
            SourceError: not a number.
        """
        text = self.options.get(key)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise SourceError(f"{self.name} was given {key}={text!r}, expected a number: write for example {key}=1.5")
        return number

    def whole_number(self, key: str) -> int | None:
        """An option as a whole number from 0, or None when it was not given.

        Raises:
            SourceError: not a whole number.
        """
        text = self.options.get(key)
        if text is None:
            return None
        if not re.fullmatch("[0-9]{1,18}", text):
            raise SourceError(f"{self.name} was given {key}={text!r}, expected a whole number: write for example "
                              f"{key}=3")
        return int(text)


def parse_target(rest: str, known: Collection[str]) -> Target:
    """Split ``TARGET?key=value``; ``known`` are the keys that the source understands.

    Raises:
        SourceError: no target, an option that is not ``key=value``, is not known, or comes twice.
    """
    name, _, query = rest.partition("?")
    if not name:
        raise SourceError(f"{rest!r} names nothing to read from: write a path or address after the colon")
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, equals, value = (urllib.parse.unquote(part) for part in pair.partition("="))
        if not equals or key not in known or key in options:
            raise SourceError(f"{name} was given the option {pair!r}, expected key=value with each key at most once, "
                              f"out of {', '.join(known)}: correct what follows the question mark")
        options[key] = value
    return Target(name, options)
