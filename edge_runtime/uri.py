"""What follows the scheme in the URI of a source: ``NAME[?key=value&key=value]``."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from edge_runtime.errors import SourceError


@dataclass(frozen=True)
class SourceUri:
    """A source's URI without its scheme. Make one with :func:`parse_source_uri`.

    Attributes:
        name: path, address or device, literally as it was written.
        options: key to value, percent-decoded.
    """

    name: str
    options: dict[str, str]

    def number(self, key: str) -> float | None:
        """Return an option as a finite number, or None if it is missing.

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
                f"{self.name} was given {key}={text!r}, expected a number: write for example "
                f"{key}=1.5"
            )
        return number

    def whole_number(self, key: str) -> int | None:
        """Return an option as a whole number from 0, or None if it is missing.

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

    def rate(self, default_hz: float | None = None) -> float | None:
        """Return the option ``rate_hz``, or ``default_hz`` if it is missing.

        Raises:
            SourceError: not a number above 0.
        """
        rate_hz = self.number("rate_hz")
        if rate_hz is None:
            return default_hz
        if not rate_hz > 0:
            raise SourceError(
                f"{self.name} was given rate_hz={rate_hz:g}, expected samples per second, above 0: "
                "write for example rate_hz=50"
            )
        return rate_hz

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """Return an option that is one of a few words. The first word is the default.

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
        """Return the host and port to connect to: the name is ``HOST[:PORT]``.

        An IPv6 address is written in brackets, ``[::1]:80``. (``urllib.parse.urlsplit`` would
        change the host to lower case and drop tabs and line breaks.)

        Raises:
            SourceError: the host is missing, or the port is not a number from 1 to 65535.
        """
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:/\[\]\s]+)(?::([0-9]{1,5}))?/?", self.name)
        port = int(match[2] or default_port) if match else 0
        if match is None or not 1 <= port <= 65535:
            raise SourceError(
                f"{self.name!r} is no address, expected HOST or HOST:PORT: write for example "
                f"192.168.1.20:{default_port}"
            )
        return match[1].strip("[]"), port

    def listening_address(self, default_host: str, default_port: int) -> tuple[str, int]:
        """Return the host and port to listen on: the name is ``PORT``, ``HOST:PORT`` or ``HOST``.

        Args:
            default_host: address to listen on if only a port is named.
            default_port: port if only a host is named.

        Raises:
            SourceError: see :meth:`host_and_port`.
        """
        if not re.fullmatch("[0-9]+", self.name):
            return self.host_and_port(default_port)
        port = int(self.name) if len(self.name) <= 5 else 0
        if not 1 <= port <= 65535:
            raise SourceError(
                f"{self.name} is no port to listen on, expected 1 to 65535: write for example "
                f"{default_port}"
            )
        return default_host, port


def parse_source_uri(rest: str, known_keys: Collection[str], default_name: str = "") -> SourceUri:
    """Split ``NAME?key=value&key=value``.

    Args:
        rest: the URI after the scheme.
        known_keys: options that the source understands.
        default_name: name if none is written.

    Raises:
        SourceError: there is no name, or an option is unknown, repeated, or not ``key=value``.
    """
    name, _, query = rest.partition("?")
    name = name or default_name
    if not name:
        raise SourceError(
            f"{rest!r} names nothing to read from: write a path or address after the colon"
        )
    options: dict[str, str] = {}
    for pair, key, value in _pairs(query):
        if value is None or key not in known_keys or key in options:
            raise SourceError(
                f"{name} was given the option {pair!r}, expected key=value with each key at most "
                f"once, out of {', '.join(known_keys)}: correct what follows the question mark"
            )
        options[key] = value
    return SourceUri(name, options)


def split_options(rest: str, keys: Collection[str]) -> tuple[str, dict[str, str]]:
    """Take the options ``keys`` out of a URI.

    Returns:
        The URI without them, for the source itself, and the options that were taken out.

    Raises:
        SourceError: one of them is repeated.
    """
    name, _, query = rest.partition("?")
    taken: dict[str, str] = {}
    remaining = []
    for pair, key, value in _pairs(query):
        if value is None or key not in keys:
            remaining.append(pair)
        elif key in taken:
            raise SourceError(
                f"{name} was given {key} twice, expected each option at most once: leave one out"
            )
        else:
            taken[key] = value
    query = "&".join(remaining)
    return f"{name}?{query}" if query else name, taken


def _pairs(query: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield each ``key=value`` as it is written, its decoded key, and its decoded value.

    The value is None without an equals sign. (``urllib.parse.parse_qsl`` would turn a plus sign
    into a space.)
    """
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        yield pair, urllib.parse.unquote(key), urllib.parse.unquote(value) if equals else None
