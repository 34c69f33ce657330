"""SIGTERM, by which a service manager ends a program that runs without end."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class Termination:
    """Context manager that notes SIGTERM, so that the program can end where nothing is half done.

    A second SIGTERM ends the program at once. Only the main thread receives signals; in another
    thread this does nothing.

    Attributes:
        requested: whether SIGTERM was received.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._request)
        return self

    def __exit__(self, *exception: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, signal.SIG_DFL)
