"""A made stream as bad as a real one: jitter, drift, lost, late and repeated samples, pauses, and a clock set back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array

BLOCK_S = 60.0
LOST, LATE, REPEATED = 0.003, 0.002, 0.002  # shares of the samples
MOST_LATE = 6  # samples that overtake a late one
SHORT_PAUSES, LONG_PAUSES = 0.5, 0.1  # a block; a phone's radio, and somebody out of its reach
SHORT_PAUSE_S, LONG_PAUSE_S = (0.1, 0.4), (0.6, 20.0)  # the contract bridges 0.5 s
SET_BACK_EVERY_S, SET_BACK_S = 6 * 3600.0, 3600.0
DRIFT = 50e-6  # of a cheap crystal
JITTER = 0.2  # of the time between two samples


@dataclass(frozen=True)
class Block:
    """A minute of samples in the order in which they arrive.

    Attributes:
        times_s: (n,) on the sensor's clock.
        values: (n, channels) float32.
        cuts: where a call ends and the next begins: mostly single samples, now and then a burst.
    """

    times_s: Float64Array
    values: Float32Array
    cuts: npt.NDArray[np.intp]


def blocks(motion: Float32Array, rate_hz: float, n: int) -> Iterator[Block]:
    """The first ``n`` minutes, always the same.

    Args:
        motion: (samples, channels) in SI units; it is repeated for ever, with new noise every time.
        rate_hz: of the sensor.
        n: how many.
    """
    generator = np.random.default_rng(0)
    size = round(BLOCK_S * rate_hz)
    for i in range(n):
        index = np.arange(i * size, (i + 1) * size)
        back_s = SET_BACK_S * (i * BLOCK_S // SET_BACK_EVERY_S)
        times = (index + generator.uniform(-JITTER, JITTER, size)) / (
            rate_hz * (1 + DRIFT)
        ) - back_s
        values = motion[index % len(motion)] + generator.normal(0, 0.02, (size, motion.shape[1]))
        order = np.flatnonzero(
            (generator.random(size) >= LOST) & ~_pauses(size, rate_hz, generator)
        )
        late = np.flatnonzero(generator.random(len(order)) < LATE)
        rank = np.arange(len(order), dtype=float)
        rank[late] += generator.integers(1, MOST_LATE + 1, len(late)) + 0.5
        order = order[np.argsort(rank)]
        repeated = np.flatnonzero(generator.random(len(order)) < REPEATED)
        order = np.insert(order, repeated + 1, order[repeated])
        bursts = np.cumsum(
            np.where(generator.random(len(order)) < 0.05, generator.integers(2, 40, len(order)), 1)
        )
        yield Block(times[order], values[order].astype(np.float32), bursts[bursts < len(order)])


def _pauses(size: int, rate_hz: float, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which samples of a block never come (size,)."""
    paused = np.zeros(size, bool)
    for share, (least_s, most_s) in ((SHORT_PAUSES, SHORT_PAUSE_S), (LONG_PAUSES, LONG_PAUSE_S)):
        if generator.random() < share:
            begin = generator.integers(size)
            paused[begin : begin + round(generator.uniform(least_s, most_s) * rate_hz)] = True
    return paused
