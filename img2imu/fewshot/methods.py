"""Who competes: ours, and the baselines, behind the interface :class:`img2imu.baselines.Baseline`.

The runner gives ``fit`` the k labelled windows of every class and, without their labels, all windows of the training
subjects, the labelled among them.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from img2imu.baselines import BASELINES, Baseline, make
from img2imu.classifier import MotionClassifier

Samples = npt.NDArray[np.float32]

Factory = Callable[[float, tuple[str, ...], int], Baseline]  # rate_hz, channels, seed


class Img2Imu:
    """:class:`img2imu.MotionClassifier` as it comes.

    Args:
        rate_hz: samples per second.
        channels: names of the columns.
        seed: of the classifier.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._classifier = _RememberingClassifier(rate_hz, channels, seed)

    def fit(self, windows: Samples, labels: npt.NDArray[Any], unlabelled: Samples | None = None) -> Self:
        """Learn from the labelled windows alone."""
        self._classifier.fit(windows, labels)
        return self

    def predict(self, windows: Samples) -> npt.NDArray[Any]:
        """Most probable class of each window."""
        return self._classifier.predict(windows)


class _RememberingClassifier(MotionClassifier):
    """Embeds no window twice: what the network sees of a window does not depend on labels, and draws share windows."""

    def _embed_blocks(self, x: Samples, show_progress: bool) -> list[npt.NDArray[np.float32]]:
        memory = _memory(self.rate_hz, tuple(self.channels), x.shape[1])
        keys = [hashlib.sha1(window.tobytes(), usedforsecurity=False).digest() for window in x]
        new = [i for i, key in enumerate(keys) if key not in memory]
        if new:
            blocks = super()._embed_blocks(x[new], show_progress)
            memory.update((keys[i], tuple(rows)) for i, *rows in zip(new, *blocks, strict=True))
        return [np.stack(column) for column in zip(*(memory[key] for key in keys), strict=True)]


@functools.lru_cache(maxsize=1)  # one task at a time: the grid goes through them in order
def _memory(rate_hz: float, channels: tuple[str, ...], window_samples: int) -> dict[bytes, tuple[Samples, ...]]:
    return {}


METHODS: dict[str, Factory] = {
    "img2imu": Img2Imu,
}


def pick_methods(names: Sequence[str] | None) -> dict[str, Factory]:
    """Methods and baselines by name, in the tables' order; all of them without names.

    Raises:
        DataError: a name that is in neither table.
    """
    known = METHODS | {name: functools.partial(make, name) for name in BASELINES}
    for name in names or ():
        if name not in known:
            raise DataError(f"there is no method {name!r}, expected {', '.join(known)}: check the spelling")
    return {name: factory for name, factory in known.items() if not names or name in names}
