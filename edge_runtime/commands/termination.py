"""SIGTERM, by which a service manager ends a program that runs for ever."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class Termination:
    """Listens for SIGTERM while it is a context manager, so that the program can end where nothing is half done.

    A second SIGTERM ends the program at once. Signals reach the main thread alone; elsewhere
    nothing is heard.

    Attributes:
        asked: whether it has come.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, signal.SIG_DFL)
