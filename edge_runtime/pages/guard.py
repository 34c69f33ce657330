"""Access control: who may open what, decided from the first lines of a request.

A page of another origin that is open in the same browser can reach every server on this machine.
Two checks keep it out:

* A WebSocket's ``Origin`` must be our own (RFC 6455, section 10.2).
* While only this machine is served, ``Host`` must be one of this machine's own names, because
  anybody's domain name can be made to point here (DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

LONGEST_TARGET = 1024  # characters of path and query


@dataclass(frozen=True)
class Request:
    """The parts of a request that access depends on.

    Attributes:
        target: path and query, as sent.
        host: the header ``Host``, or None.
        origin: the header ``Origin``, or None from a client that is not a browser.
    """

    target: str
    host: str | None
    origin: str | None

    @property
    def path(self) -> str:
        """The target without the query."""
        return self.target.partition("?")[0]

    @property
    def token(self) -> str | None:
        """The first option ``token`` of the query, or None."""
        tokens = parse_qs(self.target.partition("?")[2]).get("token", [])
        return tokens[0] if tokens else None


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that is refused.

    Attributes:
        status: HTTP status.
        sentence: why, and what to do.
    """

    status: HTTPStatus
    sentence: str


@dataclass(frozen=True)
class Guard:
    """The rules of one server.

    Args:
        token: that clients must send; None requires none.
        only_this_machine: whether the server listens on a loopback address.
        secure: whether the server uses TLS.
    """

    token: str | None
    only_this_machine: bool
    secure: bool = False

    def refuse_page(self, request: Request) -> Refusal | None:
        """Return why a public file may not be sent, or None if it may. No token is needed."""
        if request.host is None or len(request.target) > LONGEST_TARGET:
            return Refusal(
                HTTPStatus.BAD_REQUEST,
                f"the request has no Host, or a path of more than {LONGEST_TARGET} characters",
            )
        if self.only_this_machine and not is_loopback(_host_name(request.host)):
            return Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "only this machine is served here, under 127.0.0.1 or localhost",
            )
        return None

    def refuse_secret(self, request: Request) -> Refusal | None:
        """Return why a WebSocket or a file of the user may not be opened, or None if it may."""
        refusal = self.refuse_page(request)
        if refusal is not None:
            return refusal
        our_origin = f"{'https' if self.secure else 'http'}://{request.host}"
        if request.origin is not None and request.origin.lower() != our_origin.lower():
            return Refusal(
                HTTPStatus.FORBIDDEN,
                "a page of another origin may not connect: open the page from here",
            )
        if self.token is not None and not hmac.compare_digest(
            (request.token or "").encode(), self.token.encode()
        ):
            return Refusal(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong: it is in the address that the terminal shows",
            )
        return None


def is_loopback(host: str) -> bool:
    """Return whether an address or name always means this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """Return ``localhost:8765`` without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
