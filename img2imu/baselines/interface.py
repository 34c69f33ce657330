"""The interface of the methods, and a cache for what they compute of a window."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy.typing as npt

from edge_runtime.arrays import Float32Array

WindowSamples = Float32Array  # (n, samples, channels), SI units
Labels = npt.NDArray[Any]  # (n,) text or numbers
Value = TypeVar("Value")


class Baseline(Protocol):
    """A classifier of windows that can be fitted on one labelled window per class.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns, ``acc_x`` .. ``gyro_z``.
        seed: seed of every random choice; the same seed gives the same predictions.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None: ...

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Fit the classifier.

        Args:
            windows: (n, samples, channels).
            labels: (n,) class of each window, at least two different ones.
            unlabelled: (m, samples, channels) windows of the training people, to standardise on.
        """
        ...

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the class of each window: (n, samples, channels) to (n,)."""
        ...


class WindowCache(Generic[Value]):
    """Keeps what was computed of each window, since the draws of a benchmark share windows.

    Windows are told apart by their samples.
    """

    def __init__(self) -> None:
        self._values: dict[bytes, Value] = {}

    def look_up(
        self, windows: WindowSamples, compute: Callable[[WindowSamples], Iterable[Value]]
    ) -> list[Value]:
        """Return the value of each window and compute those that are missing.

        Args:
            windows: (n, samples, channels).
            compute: returns the value of each of the windows that it gets. It is called once with
                all new windows, and not at all if there are none.
        """
        keys = [
            hashlib.sha1(window.tobytes(), usedforsecurity=False).digest() for window in windows
        ]
        new = [i for i, key in enumerate(keys) if key not in self._values]
        if new:
            new_keys = (keys[i] for i in new)
            self._values.update(zip(new_keys, compute(windows[new]), strict=True))
        return [self._values[key] for key in keys]
