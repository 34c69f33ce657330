"""Import packages that only one source, sink or page needs, when it is opened."""

from __future__ import annotations

import importlib
from typing import Any

from edge_runtime.errors import MissingExtraError


def import_extra(module: str, extra: str) -> Any:
    """Import a module that ``pip install "img2imu[EXTRA]"`` installs.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, extra) from error
