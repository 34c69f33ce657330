"""What the few-shot benchmark asks of a baseline."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array

Windows = Float32Array  # (n, samples, channels), SI units
Labels = npt.NDArray[Any]  # (n,) text or numbers


class Baseline(Protocol):
    """A classifier of windows that can be fitted on one labelled window per class.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns, ``acc_x`` .. ``gyro_z``.
        seed: of every random choice; the same seed gives the same predictions.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None: ...

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn.

        Args:
            windows: (n, samples, channels).
            labels: (n,) class of each window, two classes or more.
            unlabelled: more windows (m, samples, channels) of the training people, to standardise
                on.
        """
        ...

    def predict(self, windows: Windows) -> Labels:
        """Class of each window (n, samples, channels): (n,)."""
        ...


def channels_first(windows: Windows) -> Windows:
    """(n, samples, channels) to aeon's (n, channels, samples)."""
    return np.ascontiguousarray(windows.transpose(0, 2, 1))
