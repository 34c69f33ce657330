"""What a window looks like to a network that knows no classes: the embedding, and what it is made of."""

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
TEXTURE_OF_IMAGE = IMAGE_HEIGHT // 8 * 40  # values: the bundled network's stride and channels
MADE_BY = ("export.demo.embedder", "ai-edge-quantizer")
PROVENANCE = Provenance("nothing", "", 0, 0, "")  # of a draft: nothing is taught yet


class Embedder:
    """A network and the front end before it: windows to embeddings.

    Args:
        tflite: the network: the bundled one, which sees image by image, or that of an exported
            model.
        contract: whose stream, window and front end are meant; its labels are not.
        threads: CPU threads of the network.

    Attributes:
        tflite: as given.
        threads: as given.
        draft: a contract with that stream, window and front end, in which nothing is taught yet.

    Raises:
        ContractError: the network cannot be loaded, or its embedding is not made of what the head
        weighs.
    """

    def __init__(self, tflite: bytes, contract: Contract, threads: int = 1) -> None:
        self.tflite = tflite
        self.threads = threads
        blocks = (
            _blocks_of(contract, Model(tflite, contract).embedding_size)
            if contract.taught is None
            else contract.taught.blocks
        )
        self.draft = replace(
            contract,
            schema=TAUGHT_SCHEMA,
            labels=(),
            decision=DecisionSpec(),
            provenance=PROVENANCE,
            taught=TaughtSpec(blocks, ()),
        )
        self._front_end = FrontEnd.of(contract)
        self._model = Model(tflite, self.draft, threads)

    @classmethod
    def bundled(
        cls, channels: Sequence[str] | str, rate_hz: float, window_s: float, threads: int = 1
    ) -> Self:
        """The bundled network, for any stream.

        Args:
            channels: 1, 3 or 6 names, or ``acc``, ``gyro``, ``acc+gyro``.
            rate_hz: 10 to 400.
            window_s: long enough for the motion.
            threads: see above.

        Raises:
            DataError: such a stream or window cannot be.
        """
        names = resolve_channels(channels)
        samples = round(window_s * rate_hz)
        front_end = design_front_end(rate_hz, samples, names)
        statistics = WindowStatistics(front_end, samples, len(names), rate_hz).size
        blocks = _blocks(front_end, front_end.n_images * TEXTURE_OF_IMAGE, statistics, len(names))
        contract = Contract(
            schema=TAUGHT_SCHEMA,
            name="taught motions",
            stream=StreamSpec(names, rate_hz, "unknown"),
            window_samples=samples,
            hop_samples=hop_samples(rate_hz, front_end),
            front_end=front_end,
            labels=(),
            decision=DecisionSpec(),
            quantisation=Quantisation("int8", *MADE_BY),
            provenance=PROVENANCE,
            taught=TaughtSpec(blocks, ()),
        )
        return cls(EMBEDDER.read_bytes(), contract, threads)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], threads: int = 1) -> Self:
        """The network of a model file, with its stream and window.

        Raises:
            ContractError: the file cannot be read_model, or its network's embedding is of another kind.
        """
        file = read_model(path)
        return cls(file.tflite, file.contract, threads)

    @property
    def embedding_size(self) -> int:
        """Values of an embedding, d."""
        return self._model.embedding_size

    def embed(self, windows: Float32Array) -> Float32Array:
        """Windows (n, window_samples, channels) to embeddings (n, d) float32."""
        found = np.empty((len(windows), self.embedding_size), np.float32)
        for i, window in enumerate(windows):
            found[i] = self._model.embed(
                window if self._model.takes_windows else self._front_end.compute(window)
            )
        return found


def _blocks_of(contract: Contract, size: int) -> tuple[int, ...]:
    """Sizes of the blocks of an exported network's embedding of ``size`` values.

    Raises:
        ContractError: it is made of something else.
    """
    front, statistics = contract.front_end, WindowStatistics.of(contract).size
    texture = size - _spectrum(front) - statistics
    if texture < 1 or front.statistics[: len(POSTURE)] != POSTURE:
        raise ContractError(
            f"the network of {contract.name!r} gives embeddings of {size} values, expected the "
            "texture, spectrum and statistics of img2imu export (more than "
            f"{_spectrum(front) + statistics}): take another model, or the bundled network"
        )
    return _blocks(front, texture, statistics, len(contract.stream.channels))


def _blocks(front: FrontEndSpec, texture: int, statistics: int, channels: int) -> tuple[int, ...]:
    parts = (texture, _spectrum(front), statistics)
    return tuple(block_sizes([np.empty((0, n), np.float32) for n in parts], channels))


def _spectrum(front: FrontEndSpec) -> int:
    """Mean and peak over time of every row of every image."""
    return 2 * front.n_images * front.image_height * 3
