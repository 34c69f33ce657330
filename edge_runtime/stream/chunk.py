"""``Chunk``: what sources give and everything after them takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array


@dataclass(frozen=True)
class Chunk:
    """Samples that arrived together.

    Attributes:
        timestamps_s: (n,) float64, seconds on the sensor's clock.
        samples: (n, channels) float32, SI units, columns in the order that the source was asked
            for.
    """

    timestamps_s: Float64Array
    samples: Float32Array

    @staticmethod
    def empty(channels: int) -> Chunk:
        """Return a chunk without samples: a live source gives it while nothing arrives."""
        return Chunk(np.empty(0), np.empty((0, channels), np.float32))
