"""What a device learns by itself, :class:`edge_runtime.Teacher`, behind the interface of the baselines."""

from __future__ import annotations

import functools
from typing import Any, Self

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract
from edge_runtime.teaching import Teacher
from edge_runtime.teaching.embedder import Embedder
from img2imu.baselines.interface import Labels, Windows
from img2imu.baselines.memory import WindowMemory


class RememberingEmbedder(Embedder):
    """Embeds no window twice: draws share windows."""

    def __init__(self, tflite: bytes, contract: Contract, threads: int = 1) -> None:
        super().__init__(tflite, contract, threads)
        self._memory = WindowMemory[Float32Array]()

    def embed(self, windows: Windows) -> Float32Array:
        """See :meth:`Embedder.embed`."""
        return np.stack(self._memory.recall(windows, super().embed))

    def embed_all(self, windows: Windows) -> Float32Array:
        """The same, and remembers nothing: for more windows than there is room for."""
        return super().embed(windows)


@functools.lru_cache(maxsize=1)  # one stream at a time: the grid goes through them in order
def remembering(
    rate_hz: float, channels: tuple[str, ...], window_samples: int
) -> RememberingEmbedder:
    """The bundled network for a stream, with what it has seen."""
    return RememberingEmbedder.bundled(channels, rate_hz, window_samples / rate_hz)


class TaughtOnDevice:
    """Taught window by window, without a background.

    Args:
        rate_hz: samples per second.
        channels: names of the columns.
        seed: not used; nothing is drawn.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._rate_hz, self._channels = rate_hz, channels

    def fit(self, windows: Windows, labels: Labels, unlabelled: Windows | None = None) -> Self:
        """Learn; unlabelled windows are not used."""
        self._embedder = remembering(self._rate_hz, self._channels, windows.shape[1])
        teacher = Teacher(self._embedder)
        times_s = np.arange(windows.shape[1]) / self._rate_hz
        self._names = {str(label): label for label in labels}
        for label, window in zip(labels, windows, strict=True):
            teacher.add(str(label), times_s, window)
        self._model = teacher.model_file()
        return self

    def predict(self, windows: Windows) -> Labels:
        """Most probable class of each window."""
        taught = self._model.taught
        assert taught is not None and taught.head is not None
        probabilities = taught.head.probabilities(self._embedder.embed(windows))
        found: list[Any] = [
            self._names[self._model.contract.labels[i]] for i in probabilities.argmax(1)
        ]
        return np.array(found)
