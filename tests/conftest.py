import signal
import socket

import pytest


def pytest_configure() -> None:
    """Ctrl-C ends processes that tests start, as in a terminal, even in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def port() -> int:
    """One on this machine that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
