"""https: what a browser on another machine asks for before it gives a page its motion sensors."""

from __future__ import annotations

import ssl
from pathlib import Path

from edge_runtime.errors import UserError

CERTIFICATE, KEY = "cert.pem", "key.pem"  # in the folder that img2imu cert makes


def context_of(folder: Path) -> ssl.SSLContext:
    """The certificate and key in a folder.

    Raises:
        UserError: they are not there, or do not fit each other.
    """
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
