"""Embeddings of windows, from a network that knows no classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import (
    TAUGHT_SCHEMA,
    Contract,
    DecisionSpec,
    FrontEndSpec,
    Provenance,
    Quantisation,
    StreamSpec,
    TaughtSpec,
)
from edge_runtime.errors import ContractError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import (
    IMAGE_HEIGHT,
    POSTURE,
    block_sizes,
    design_front_end,
    hop_samples,
    resolve_channels,
)
from edge_runtime.frontend.statistics import WindowStatistics
from edge_runtime.network.interpreter import Model

EMBEDDER = Path(__file__).parent.parent / "data" / "embedder.tflite"
# Values that the bundled network gives for an image: rows at its stride of 8, times 40 channels.
TEXTURE_OF_IMAGE = IMAGE_HEIGHT // 8 * 40
NOTHING_TAUGHT = Provenance(
    data_set="nothing", split_sha256="", windows_per_class=0, seed=0, created=""
)


class Embedder:
    """A network and its front end: windows to embeddings.

    Args:
        tflite: the network, either the bundled one, which takes one image at a time, or that of an
            exported model.
        contract: gives the stream, the window and the front end. Its labels are not used.
        threads: CPU threads used by the interpreter.

    Attributes:
        tflite: the network.
        threads: CPU threads used by the interpreter.
        draft: a contract with the same stream, window and front end, in which nothing is taught.

    Raises:
        ContractError: the network cannot be loaded, or its embedding is not made of the blocks that
            the head expects.
    """

    def __init__(self, tflite: bytes, contract: Contract, threads: int = 1) -> None:
        self.tflite = tflite
        self.threads = threads
        if contract.taught is None:
            blocks = _exported_blocks(contract, Model(tflite, contract).embedding_size)
        else:
            blocks = contract.taught.blocks
        self.draft = replace(
            contract,
            schema=TAUGHT_SCHEMA,
            labels=(),
            decision=DecisionSpec(),
            provenance=NOTHING_TAUGHT,
            taught=TaughtSpec(blocks, ()),
        )
        self._front_end = FrontEnd.of(contract)
        self._model = Model(tflite, self.draft, threads)

    @classmethod
    def bundled(
        cls, channels: Sequence[str] | str, rate_hz: float, window_s: float, threads: int = 1
    ) -> Self:
        """Load the bundled network, which takes any stream.

        Args:
            channels: 1, 3 or 6 names, or ``acc``, ``gyro``, ``acc+gyro``.
            rate_hz: 10 to 400.
            window_s: long enough for the whole motion.
            threads: CPU threads used by the interpreter.

        Raises:
            DataError: the stream or the window is not supported.
        """
        names = resolve_channels(channels)
        window_samples = round(window_s * rate_hz)
        front_end = design_front_end(rate_hz, window_samples, names)
        texture = front_end.n_images * TEXTURE_OF_IMAGE
        statistics = WindowStatistics(front_end, window_samples, len(names), rate_hz).size
        blocks = _blocks(front_end, texture, statistics, len(names))
        contract = Contract(
            schema=TAUGHT_SCHEMA,
            name="taught motions",
            stream=StreamSpec(names, rate_hz, "unknown"),
            window_samples=window_samples,
            hop_samples=hop_samples(rate_hz, front_end),
            front_end=front_end,
            labels=(),
            decision=DecisionSpec(),
            quantisation=Quantisation(
                recipe="int8", converter="export.demo.embedder", quantiser="ai-edge-quantizer"
            ),
            provenance=NOTHING_TAUGHT,
            taught=TaughtSpec(blocks, ()),
        )
        return cls(EMBEDDER.read_bytes(), contract, threads)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], threads: int = 1) -> Self:
        """Load the network of a model file, with its stream and window.

        Raises:
            ContractError: the file cannot be read, or its embedding is of another kind.
        """
        file = read_model(path)
        return cls(file.tflite, file.contract, threads)

    @property
    def embedding_size(self) -> int:
        """Length of an embedding, d."""
        return self._model.embedding_size

    def embed(self, windows: Float32Array) -> Float32Array:
        """Compute the embeddings (n, d) of windows (n, window_samples, channels)."""
        embeddings = np.empty((len(windows), self.embedding_size), np.float32)
        for i, window in enumerate(windows):
            if self._model.takes_windows:
                embeddings[i] = self._model.embed(window)
            else:
                embeddings[i] = self._model.embed(self._front_end.compute(window))
        return embeddings


def _exported_blocks(contract: Contract, size: int) -> tuple[int, ...]:
    """Return the block sizes of an exported network's embedding of ``size`` values.

    Raises:
        ContractError: the embedding is made of something else.
    """
    front_end = contract.front_end
    spectrum = _spectrum_size(front_end)
    statistics = WindowStatistics.of(contract).size
    texture = size - spectrum - statistics
    if texture < 1 or front_end.statistics[: len(POSTURE)] != POSTURE:
        raise ContractError(
            f"the network of {contract.name!r} gives embeddings of {size} values, expected the "
            "texture, spectrum and statistics of img2imu export (more than "
            f"{spectrum + statistics}): take another model, or the bundled network"
        )
    return _blocks(front_end, texture, statistics, len(contract.stream.channels))


def _blocks(
    front_end: FrontEndSpec, texture: int, statistics: int, channels: int
) -> tuple[int, ...]:
    sizes = (texture, _spectrum_size(front_end), statistics)
    return tuple(block_sizes([np.empty((0, size), np.float32) for size in sizes], channels))


def _spectrum_size(front_end: FrontEndSpec) -> int:
    """Return the number of values: mean and peak over time of every row of every image."""
    return 2 * front_end.n_images * front_end.image_height * 3
