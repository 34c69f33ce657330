"""The part of a source's URI after the scheme: ``TARGET[?key=value&key=value]``."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Collection, Sequence
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
            raise SourceError(
                f"{self.name} was given {key}={text!r}, expected a number: write for example {key}=1.5"
            )
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
            raise SourceError(
                f"{self.name} was given {key}={text!r}, expected a whole number: write for example "
                f"{key}=3"
            )
        return int(text)

    def rate(self, wanted_hz: float | None = None) -> float | None:
        """The option ``rate_hz``, or what is wanted without it.

        Raises:
            SourceError: not a number above 0.
        """
        rate_hz = self.number("rate_hz")
        if rate_hz is not None and not rate_hz > 0:
            raise SourceError(
                f"{self.name} was given rate_hz={rate_hz:g}, expected samples per second, above 0: "
                "write for example rate_hz=50"
            )
        return wanted_hz if rate_hz is None else rate_hz

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """An option out of a few words; the first is the default.

        Raises:
            SourceError: another word.
        """
        text = self.options.get(key, allowed[0])
        if text not in allowed:
            raise SourceError(
                f"{self.name} was given {key}={text!r}, expected one of {', '.join(allowed)}"
            )
        return text

    def host_and_port(self, default_port: int) -> tuple[str, int]:
        """The name as ``HOST`` or ``HOST:PORT``; ``[::1]:80`` for addresses with colons.

        Raises:
            SourceError: the port is no number from 1 to 65535, or the host is missing.
        """
        found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:/\[\]\s]+)(?::([0-9]{1,5}))?/?", self.name)
        port = int(found[2] or default_port) if found else 0
        if not found or not 1 <= port <= 65535:
            raise SourceError(
                f"{self.name!r} is no address, expected HOST or HOST:PORT: write for example "
                f"192.168.1.20:{default_port}"
            )
        return found[1].strip("[]"), port


def parse_target(rest: str, known: Collection[str], default: str = "") -> Target:
    """Split ``TARGET?key=value``; ``known`` are the keys that the source understands.

    Args:
        rest: of the URI, after the scheme.
        known: keys that the source understands.
        default: the target when none is named.

    Raises:
        SourceError: no target, an option that is not ``key=value``, is not known, or comes twice.
    """
    name, _, query = rest.partition("?")
    name = name or default
    if not name:
        raise SourceError(
            f"{rest!r} names nothing to read from: write a path or address after the colon"
        )
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, equals, value = (urllib.parse.unquote(part) for part in pair.partition("="))
        if not equals or key not in known or key in options:
            raise SourceError(
                f"{name} was given the option {pair!r}, expected key=value with each key at most once, "
                f"out of {', '.join(known)}: correct what follows the question mark"
            )
        options[key] = value
    return Target(name, options)


def split_options(rest: str, keys: Collection[str]) -> tuple[str, dict[str, str]]:
    """Take the options ``keys`` out of a URI; what is left goes to the source.

    Raises:
        SourceError: one of them comes twice.
    """
    name, mark, query = rest.partition("?")
    taken: dict[str, str] = {}
    left = []
    for pair in query.split("&"):
        key, equals, value = (urllib.parse.unquote(part) for part in pair.partition("="))
        if not equals or key not in keys:
            left.append(pair)
            continue
        if key in taken:
            raise SourceError(
                f"{name} was given {key} twice, expected each option at most once: leave one out"
            )
        taken[key] = value
    return name + mark * bool(left) + "&".join(left), taken
