"""Two independent routes from a torch module to ``.tflite``, and one to ONNX.

This file holds what they share.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

from edge_runtime.errors import UserError
from export.evaluation import ExportError


@contextlib.contextmanager
def running(tool: str) -> Iterator[None]:
    """Run a converter quietly. Its failures become one sentence, and only then is its output shown.

    Args:
        tool: name of the converter, for the message.

    Raises:
        ExportError: the converter failed.
        ModuleNotFoundError: a package is missing. The converter's output stays hidden, as it would
            bury the line that says what to install.
    """
    try:
        with _quiet():
            yield
    except (ModuleNotFoundError, UserError):
        raise
    except Exception as error:  # converters raise exceptions of any type
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        raise ExportError(
            f"{tool} cannot convert this network ({type(error).__name__}: {reason}); no file was "
            "written: take another converter or recipe"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Python and C++ code prints off the terminal, and print it if the block fails."""
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        sys.stderr.flush()
        terminal = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ModuleNotFoundError:
            raise
        except Exception:
            sys.stdout.flush()
            log.seek(0)
            os.write(terminal[2], log.read())
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in terminal.items():
                os.dup2(copy, descriptor)
                os.close(copy)
