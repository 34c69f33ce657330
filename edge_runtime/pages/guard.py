"""Who may open what: decided from a request's first lines, before anything is served.

A page of another origin that is open in the same browser can reach every server on this machine: a
WebSocket's ``Origin`` must be our own (RFC 6455, section 10.2), and ``Host`` must be one of this
machine's own names while only this machine is served, since a name of another's can be made to lead
here (DNS rebinding).
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
    """What counts of a request.

    Attributes:
        target: path and query, as sent.
        host: the header ``Host``, or None.
        origin: the header ``Origin``, or None for a client that is no browser.
    """

    target: str
    host: str | None
    origin: str | None

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition("?")[0]

    @property
    def token(self) -> str | None:
        """The option ``token`` of the query."""
        return next(iter(parse_qs(self.target.partition("?")[2]).get("token", [])), None)


@dataclass(frozen=True)
class Refusal:
    """An answer in place of what was asked for.

    Attributes:
        status: of HTTP.
        sentence: why, and what to do.
    """

    status: HTTPStatus
    sentence: str


@dataclass(frozen=True)
class Guard:
    """The rules of one server.

    Args:
        token: that the network must know; None on this machine alone.
        only_this_machine: whether the server listens on a loopback address.
        secure: whether it speaks TLS.
    """

    token: str | None
    only_this_machine: bool
    secure: bool = False

    def refuse_page(self, request: Request) -> Refusal | None:
        """Why a file is not given, or None when it may be: the pages themselves are no secret."""
        if request.host is None or len(request.target) > LONGEST_TARGET:
            return Refusal(
                HTTPStatus.BAD_REQUEST,
                f"the request has no Host, or a path of more than {LONGEST_TARGET} characters",
            )
        if self.only_this_machine and not is_loopback(_name_of(request.host)):
            return Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "only this machine is served here, under 127.0.0.1 or localhost",
            )
        return None

    def refuse_secret(self, request: Request) -> Refusal | None:
        """Why a live connection, or a file of the user's, is refused; None when it may be opened."""
        refusal = self.refuse_page(request)
        if refusal is not None:
            return refusal
        own = f"http{'s' if self.secure else ''}://{request.host}"
        if request.origin is not None and request.origin.lower() != own.lower():
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
    """Whether an address or name is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str:
    """``localhost:8765`` without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
