"""Where samples come from. Each kind of source is one module behind :func:`open_source` and its URI scheme."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import SourceError

# Scheme to "module:class", imported when asked for. The class has a static method from_uri(rest, channels), where
# rest is what follows "scheme:".
SCHEMES = {
    "replay": "edge_runtime.sources.replay:ReplaySource",
}


@dataclass(frozen=True)
class Chunk:
    """Samples that arrived together.

    Attributes:
        timestamps_s: (n,) float64, seconds on the sensor's clock.
        samples: (n, channels) float32, SI units, columns in the order that was asked for.
    """

    timestamps_s: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float32]


class Source(Protocol):
    """A stream of chunks; iterate to receive, ends when the stream ends."""

    def __iter__(self) -> Iterator[Chunk]: ...


def open_source(uri: str, channels: Sequence[str]) -> Source:
    """Open the source that a URI names.

    Args:
        uri: ``scheme:...``, see the source's module; a bare path is a recording to replay.
        channels: names of the columns wanted, in order.

    Raises:
        SourceError: no such scheme, an option that the source does not know, or the source cannot be opened.
    """
    scheme, colon, rest = uri.partition(":")
    if not (colon and scheme in SCHEMES):
        if re.fullmatch("[a-z][a-z0-9+-]*", scheme) and colon and not Path(uri.partition("?")[0]).exists():
            raise SourceError(f"there is no kind of source called {scheme!r} (in {uri!r}), expected one of "
                              f"{', '.join(f'{known}:' for known in SCHEMES)} or the path of a recording: change the "
                              "word before the colon, or put ./ before a path")
        scheme, rest = "replay", uri
    module, _, name = SCHEMES[scheme].partition(":")
    source: Source = getattr(importlib.import_module(module), name).from_uri(rest, channels)
    return source
