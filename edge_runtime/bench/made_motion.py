"""A stream that any model takes, made from its contract alone."""

from __future__ import annotations

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract
from edge_runtime.stream.checks import STANDARD_GRAVITY

HOPS = 64  # then it repeats


def made_motion(contract: Contract) -> Float32Array:
    """Samples (window and a whole number of hops, channels) in SI units, of something that moves a little.

    A slow sine with noise in every channel, and gravity along z where the contract has gravity: it
    passes the checks of units. What a decision costs does not depend on the values.
    """
    n = contract.window_samples + HOPS * contract.hop_samples
    channels = contract.stream.channels
    generator = np.random.default_rng(0)
    seconds = np.arange(n)[:, None] / contract.stream.rate_hz
    phases = np.arange(len(channels))
    samples = 0.2 * np.sin(2 * np.pi * seconds + phases) + generator.normal(
        0, 0.1, (n, len(channels))
    )
    if contract.stream.gravity == "included" and "acc_z" in channels:
        samples[:, channels.index("acc_z")] += STANDARD_GRAVITY
    return samples.astype(np.float32)
