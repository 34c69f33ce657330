"""What can go wrong through no fault of the program: one sentence each, shown to the user without a traceback.

Every message names the value that was met, what was expected, and the remedy. The command line
prints the sentence and leaves with exit code 2.
"""

from __future__ import annotations

from typing import Any


class UserError(Exception):
    """A mistake in the input; ``str(error)`` is one sentence fit to be shown as it is."""


class ContractError(UserError):
    """A model file that is not one of ours, is damaged, or holds a contract this version cannot honour."""


class StreamError(UserError):
    """A stream of samples that breaks the model's contract: rate, units, axes, order of time, NaN.

    Attributes:
        decisions: those that the samples before the offending one completed.
    """

    decisions: tuple[Any, ...] = ()


class SourceError(UserError):
    """A source that cannot be opened or read: missing file, missing column, unknown scheme."""


class OutputError(UserError):
    """A file that cannot be written: no such directory, no permission, a full disk."""


class DataError(UserError, ValueError):
    """Training data that cannot be used: too few windows, wrong shape, wrong units.

    A ``ValueError`` too, which is what callers of scikit-learn's estimators expect.
    """


class MissingExtraError(UserError):
    """An optional dependency that the command needs is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"this needs the Python package '{module}', which is not installed: "
            f'pip install "img2imu[{extra}]"'
        )
