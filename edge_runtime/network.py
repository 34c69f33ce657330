"""This machine on its local network."""

from __future__ import annotations

import socket


def own_address() -> str:
    """The address by which others on the local network reach this machine, as far as can be known."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of the range kept for documentation; nothing is sent
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
