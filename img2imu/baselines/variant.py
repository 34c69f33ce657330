"""``MotionClassifier`` and its variants behind the interface of the baselines."""

from __future__ import annotations

import functools
from typing import Self

import numpy as np

from edge_runtime.arrays import Float32Array
from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.memory import WindowMemory
from img2imu.classifier import MotionClassifier

Block = Float32Array


class RememberingClassifier(MotionClassifier):
    """Embeds no window twice: what a network sees of a window does not depend on labels, and draws share windows."""

    def _embed_blocks(self, x: Windows, show_progress: bool) -> list[Block]:
        memory = _memory(
            type(self).__name__, self._eyes(), self.rate_hz, tuple(self.channels), x.shape[1]
        )
        rows = memory.recall(x, lambda new: zip(*self._see(new), strict=True))
        return [np.stack(column) for column in zip(*rows, strict=True)]

    def _see(self, x: Windows) -> list[Block]:
        """The embedding's blocks of windows that are new."""
        return super()._embed_blocks(x, False)

    def _eyes(self) -> str:
        """What tells this network from another one of the same class."""
        return ""


@functools.lru_cache(
    maxsize=1
)  # one task and network at a time: the grid goes through them in order
def _memory(
    kind: str, eyes: str, rate_hz: float, channels: tuple[str, ...], window_samples: int
) -> WindowMemory[tuple[Block, ...]]:
    return WindowMemory()


class Variant:
    """A classifier of :attr:`kind`, which learns from the labelled windows alone.

    Args:
        rate_hz: samples per second of every window.
        channels: names of the columns.
        seed: of the classifier.
    """

    kind: type[RememberingClassifier] = RememberingClassifier

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self.classifier = self.kind(rate_hz, channels, seed)

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; unlabelled windows are not used."""
        self.classifier.fit(windows, labels)
        return self

    def predict(self, windows: Windows) -> Labels:
        """Most probable class of each window."""
        return self.classifier.predict(windows)
