"""Mistakes that the user can fix. Each is one sentence and is shown without a traceback.

* UserError
  + ContractError       a model file
  + StreamError         a stream of samples
  + SourceError         a source, or the URI of a source or sink
  + OutputError         a file or address to write to
  + DataError           training data (also a ValueError)
  + MissingExtraError   an optional dependency

Every message names the value met, what was expected, and the remedy. The command line prints the
message and exits with code 2.
"""

from __future__ import annotations

from typing import Any


class UserError(Exception):
    """Base class. ``str(error)`` is one sentence that can be shown to the user unchanged."""


class ContractError(UserError):
    """A model file is not ours, is damaged, or holds a contract that this version cannot honour."""


class StreamError(UserError):
    """A stream breaks the model's contract: rate, units, axes, order of timestamps, NaN.

    Attributes:
        decisions: completed by the samples before the offending one.
    """

    decisions: tuple[Any, ...] = ()


class SourceError(UserError):
    """A source cannot be opened or read: missing file, missing column, unknown scheme."""


class OutputError(UserError):
    """A file cannot be written: missing directory, no permission, full disk."""


class DataError(UserError, ValueError):
    """Training data cannot be used: too few windows, wrong shape, wrong units.

    Also a ``ValueError``, which callers of scikit-learn estimators expect.
    """


class MissingExtraError(UserError):
    """An optional dependency that the command needs is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"this needs the Python package '{module}', which is not installed: "
            f'pip install "img2imu[{extra}]"'
        )
