"""What converters print, and how they fail."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

from edge_runtime.errors import UserError
from export.checks import ExportError


@contextlib.contextmanager
def refusals_of(tool: str) -> Iterator[None]:
    """What a converter cannot do is said in a sentence; its own words came before (see :func:`quiet`).

    Raises:
        ExportError: the tool failed.
    """
    try:
        yield
    except (ModuleNotFoundError, UserError):
        raise
    except Exception as error:  # converters raise about anything
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        raise ExportError(
            f"{tool} cannot convert this network ({type(error).__name__}: {reason}); no file was "
            "written: take another converter or recipe"
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what the converters print, in Python and in C++, from the terminal; when they fail, show it."""
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ModuleNotFoundError:  # what to install is said in one line; the log would bury it
            raise
        except Exception:
            sys.stdout.flush()
            log.seek(0)
            os.write(kept[1], log.read())
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
