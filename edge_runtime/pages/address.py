"""Where pages are served: address, port, access token and certificate."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import UserError
from edge_runtime.pages.guard import is_loopback

if TYPE_CHECKING:
    import ssl

CERTIFICATE, KEY = "cert.pem", "key.pem"  # in the folder that img2imu cert makes
TOKEN_VARIABLE = "IMG2IMU_WEB_TOKEN"
TOKEN_BYTES = 9  # of a token made here: 72 bits, 12 characters
SHORTEST_TOKEN = 8  # characters of one that is given


@dataclass(frozen=True)
class Address:
    """Where to listen.

    Attributes:
        host: address; a loopback one serves this machine alone.
        port: number.
        token: that a client must know, or None.
        tls: certificate and key for https, or None.
    """

    host: str
    port: int
    token: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def only_this_machine(self) -> bool:
        """Whether nobody else can reach it."""
        return is_loopback(self.host)

    def url(self, shown_host: str | None = None) -> str:
        """What to open in a browser; the token stands where it is not sent to servers or kept in their logs."""
        host = shown_host or self.host
        host = f"[{host}]" if ":" in host else host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}/{f'#token={self.token}' if self.token else ''}"


def address_of(host: str, number: int, cert: str | None, token: str | None = None) -> Address:
    """Where to listen; whoever listens for others has a token.

    Args:
        host: address to listen on.
        number: port.
        cert: folder with a certificate, or None for http.
        token: that a client must know; None takes the environment's, or makes one.

    Raises:
        UserError: the token is too short, or the certificate is not there.
    """
    import secrets

    token = token or os.environ.get(TOKEN_VARIABLE) or None
    if token is not None and not (
        len(token) >= SHORTEST_TOKEN
        and token.isascii()
        and token.isprintable()
        and " " not in token
    ):
        raise UserError(
            f"the token has {len(token)} characters, expected {SHORTEST_TOKEN} or more, printable ASCII "
            "without spaces: choose another"
        )
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(TOKEN_BYTES)
    return Address(host, number, token, context_of(Path(cert)) if cert else None)


def context_of(folder: Path) -> ssl.SSLContext:
    """The certificate and key in a folder.

    Raises:
        UserError: they are not there, or do not fit each other.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise UserError(
            f"{folder} gives no certificate ({reason}), expected {CERTIFICATE} and {KEY} in it: make them "
            f"with img2imu cert -o {folder}"
        ) from error
    return context


def own_address() -> str:
    """The address by which others on the local network reach this machine, as far as can be known."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of the range kept for documentation; nothing is sent
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def shown_host(host: str) -> str:
    """The address that others can open, for one that stands for all."""
    return own_address() if host in ("0.0.0.0", "::") else host
