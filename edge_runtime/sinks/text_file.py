"""What sinks that write lines share: a file, or standard output, that may be full or gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar, Self, TextIO

from edge_runtime.contract.spec import Contract
from edge_runtime.errors import OutputError
from edge_runtime.sinks.sink import Sink


class TextFileSink(Sink):
    """Writes each line when it comes, so that a reader need not wait.

    Args:
        labels: class names in the order of the probabilities.
        output: text file to write to; closed at the end unless it is standard output.
        name: of the output, for messages.
    """

    scheme: ClassVar[str]  # before the colon of a URI, and the usual ending of a file

    def __init__(self, labels: tuple[str, ...], output: TextIO, name: str) -> None:
        self._labels = labels
        self._output = output
        self._name = name
        self._is_ours = output is not sys.stdout

    @classmethod
    def from_uri(cls, rest: str, contract: Contract) -> Self:
        """Open ``PATH``, replacing what was there, or ``-``.

        Raises:
            OutputError: no path, or it cannot be written.
        """
        return cls(contract.labels, *open_text(rest, cls.scheme))

    def write_text(self, text: str) -> None:
        """Write and flush.

        Raises:
            OutputError: the disk is full, or the like.
        """
        try:
            self._output.write(text)
            self._output.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from error

    def close(self) -> None:
        """Close the file.

        Raises:
            OutputError: what was left could not be written.
        """
        if not self._is_ours:
            return
        try:
            self._output.close()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from error


def open_text(rest: str, scheme: str) -> tuple[TextIO, str]:
    """The file, and its name for messages, that ``PATH`` or ``-`` means; what was there is replaced.

    Raises:
        OutputError: no path, or it cannot be written.
    """
    if rest == "-":
        return sys.stdout, "standard output"
    if not rest:
        raise OutputError(
            f"{scheme}: names no file: write {scheme}:decisions.{scheme}, or {scheme}:- for standard "
            "output"
        )
    try:
        return Path(rest).open("w", encoding="utf-8", newline=""), rest
    except OSError as error:
        raise _unwritable(rest, error) from error


def _unwritable(name: str, error: OSError) -> OutputError:
    return OutputError(
        f"{name} cannot be written ({error.strerror or error}): choose another place, or free some "
        "space"
    )
