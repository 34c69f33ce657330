"""Addresses that pages are served at: host, port, access token and certificate."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import UserError
from edge_runtime.pages.guard import is_loopback

if TYPE_CHECKING:
    import ssl

CERTIFICATE = "cert.pem"  # in the folder that img2imu cert makes
KEY = "key.pem"
TOKEN_VARIABLE = "IMG2IMU_WEB_TOKEN"
TOKEN_BYTES = 9  # of a generated token: 72 bits, 12 characters
SHORTEST_TOKEN = 8  # characters of a token that the user chooses


@dataclass(frozen=True)
class Address:
    """An address to listen on. Make one with :func:`make_address`.

    Attributes:
        host: IP address or name; a loopback address serves this machine only.
        port: TCP port.
        token: that a client must send, or None.
        tls: certificate and key for https, or None for http.
    """

    host: str
    port: int
    token: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def only_this_machine(self) -> bool:
        """Whether other machines cannot reach it."""
        return is_loopback(self.host)

    def url(self, shown_host: str | None = None) -> str:
        """Return the URL to open in a browser.

        The token is in the fragment, which browsers do not send to servers.

        Args:
            shown_host: host in the URL; None is the host that is listened on.
        """
        scheme = "https" if self.tls else "http"
        host = shown_host or self.host
        if ":" in host:
            host = f"[{host}]"
        fragment = f"#token={self.token}" if self.token else ""
        return f"{scheme}://{host}:{self.port}/{fragment}"


def make_address(host: str, port: int, cert: str | None, token: str | None = None) -> Address:
    """Return an address with its token and certificate.

    An address that other machines can reach always has a token.

    Args:
        host: IP address or name to listen on.
        port: TCP port.
        cert: folder with a certificate, or None for http.
        token: that a client must send. None uses the one in the environment variable
            IMG2IMU_WEB_TOKEN, or generates one if other machines can reach the address.

    Raises:
        UserError: the token is too short, or the certificate is missing.
    """
    import secrets

    token = token or os.environ.get(TOKEN_VARIABLE) or None
    if token is not None:
        printable = token.isascii() and token.isprintable() and " " not in token
        if len(token) < SHORTEST_TOKEN or not printable:
            raise UserError(
                f"the token has {len(token)} characters, expected {SHORTEST_TOKEN} or more, "
                "printable ASCII without spaces: choose another"
            )
    elif not is_loopback(host):
        token = secrets.token_urlsafe(TOKEN_BYTES)
    return Address(host, port, token, load_certificate(Path(cert)) if cert else None)


def load_certificate(folder: Path) -> ssl.SSLContext:
    """Read the certificate and key in a folder.

    Raises:
        UserError: they are missing or do not belong together.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise UserError(
            f"{folder} gives no certificate ({reason}), expected {CERTIFICATE} and {KEY} in it: "
            f"make them with img2imu cert -o {folder}"
        ) from error
    return context


def lan_address() -> str:
    """Return this machine's address on the local network, or its name if that is unknown."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # An address reserved for documentation (RFC 5737). Connecting a UDP socket sends
            # nothing; it only chooses the network interface.
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def shown_host(host: str) -> str:
    """Return an address that other machines can open: the LAN address for 0.0.0.0 and ``::``."""
    return lan_address() if host in ("0.0.0.0", "::") else host


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """Return the sentence that says why an address cannot be listened on and what to do."""
    remedies = {
        errno.EADDRINUSE: "another program listens there: stop it, or choose another port",
        errno.EACCES: "ports below 1024 are for root: choose a higher one, such as 8765",
        errno.EADDRNOTAVAIL: "this machine has no such address: write 0.0.0.0 for all it has",
    }
    other = f"{error.strerror or error}: choose another address"
    return f"{host}:{port} cannot be listened on; {remedies.get(error.errno or 0, other)}"
