"""What a recording is worth: examples of a label, and what to tell the person who does them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import StreamSpec, is_line
from edge_runtime.errors import DataError
from edge_runtime.stream.diagnosis import clipped_axes
from edge_runtime.teaching.cutting import STILL, Cut

MAX_LABEL_CHARACTERS = 80


@dataclass(frozen=True)
class Lesson:
    """What one recording added.

    Attributes:
        windows: examples, or background windows, taken from it.
        warnings: sentences for people, with remedies.
    """

    windows: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of one label, or the background.

    Attributes:
        embeddings: (n, d), in an order that does not depend on the order of teaching.
        window: (window_samples, channels), one of them, for the golden vectors.
        seconds: of the background's recording.
    """

    embeddings: Float32Array
    window: Float32Array
    seconds: float = 0.0


def check_label(label: str) -> None:
    """Refuse what cannot be the name of a label.

    Raises:
        DataError: not one line of printable text, or too long.
    """
    if (
        not is_line(label)
        or label != label.strip()
        or len(label) > MAX_LABEL_CHARACTERS
        or not label.isprintable()
    ):
        shown = ascii(label[:MAX_LABEL_CHARACTERS])
        raise DataError(
            f"the label is {shown}, expected one line of 1 to {MAX_LABEL_CHARACTERS} printable characters "
            "without spaces at the ends: give it another name"
        )


def in_order(embeddings: Float32Array) -> Float32Array:
    """Rows without repetition, in an order that does not depend on how they came."""
    return np.stack(
        [np.frombuffer(row, np.float32) for row in sorted({row.tobytes() for row in embeddings})]
    )


def warnings_of(label: str, cut: Cut, stream: StreamSpec) -> list[str]:
    """What is remarkable about a recording, with remedies."""
    found = clipped_warnings(repr(label), cut.windows, stream)
    if cut.activity.max() < STILL:
        found.append(
            f"nothing moved while {label!r} was recorded: right for a way of resting; else check the sensor, "
            "and redo it"
        )
    if cut.left_out:
        found.append(
            f"{cut.left_out} window{'s' * (cut.left_out > 1)} of {label!r} held little motion beside the "
            f"others and {'were' if cut.left_out > 1 else 'was'} left out"
        )
    return found


def clipped_warnings(what: str, windows: Float32Array, stream: StreamSpec) -> list[str]:
    """Whether the sensor was at the end of its range."""
    axes = clipped_axes(windows.reshape(-1, windows.shape[2]), stream)
    return (
        [
            f"the sensor is at its limit in {what} ({', '.join(axes)}): choose a wider range of the sensor, and redo it"
        ]
        if axes
        else []
    )
