import signal


def pytest_configure() -> None:
    """Ctrl-C means to processes that tests start what it means in a terminal, even in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
