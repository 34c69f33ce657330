"""Make changed copies of windows whose motion stays the same. The head learns to ignore the change.

People differ in pace and vigour, and nobody wears a sensor twice at the same angle. A few labelled
windows cannot show that, but changed copies of them can. The copies are not extra training windows.
Their difference from the originals shows :func:`edge_runtime.contract.head.fit_head` the directions
that do not matter, as tangent distance does for handwriting (Simard et al. 1998, "Transformation
invariance in pattern recognition: tangent distance and tangent propagation").
"""

from __future__ import annotations

import numpy as np

from edge_runtime.arrays import Float32Array

PACES = (0.85, 1.15)  # the same motion, slower and faster
GAINS = (0.7, 1.4)  # the same motion, gentler and more vigorous
TILT_DEG = 15.0  # rotation of the sensor about each of its axes


def nuisance_copies(windows: Float32Array, channels: tuple[str, ...]) -> Float32Array:
    """Return changed copies of windows (n, samples, channels).

    A copy at another pace keeps the amplitudes and the middle of the window. Where samples are
    missing at the ends, the signal runs backwards. A gain leaves the window's mean unchanged, and
    with it gravity. A tilted copy needs all three axes of a sensor.

    Returns:
        (copies, n, samples, channels), float32.
    """
    copies = [_at_pace(windows, pace) for pace in PACES]
    copies += [_amplified(windows, gain) for gain in GAINS]
    sensors = [
        [channels.index(f"{kind}_{axis}") for axis in "xyz"]
        for kind in ("acc", "gyro")
        if {f"{kind}_{axis}" for axis in "xyz"} <= set(channels)
    ]
    if sensors:
        copies += [_tilted(windows, sensors, axis) for axis in range(3)]
    return np.stack(copies).astype(np.float32, copy=False)


def _at_pace(windows: Float32Array, pace: float) -> Float32Array:
    n = windows.shape[1]
    middle = (n - 1) / 2
    position = (np.arange(n) - middle) * pace + middle
    position = np.abs(position)  # mirrored at the start ...
    position = (n - 1) - np.abs(n - 1 - position)  # ... and at the end
    before = np.clip(position.astype(np.intp), 0, n - 2)
    share = (position - before).astype(np.float32)[:, None]
    return np.asarray(windows[:, before] * (1 - share) + windows[:, before + 1] * share)


def _amplified(windows: Float32Array, gain: float) -> Float32Array:
    mean = windows.mean(1, keepdims=True)
    return np.asarray(mean + (windows - mean) * np.float32(gain))


def _tilted(windows: Float32Array, sensors: list[list[int]], axis: int) -> Float32Array:
    """Rotate all sensors together, as they sit on one board."""
    angle = np.deg2rad(TILT_DEG)
    i = (axis + 1) % 3
    j = (axis + 2) % 3
    rotation = np.eye(3)
    rotation[i, i] = np.cos(angle)
    rotation[j, j] = np.cos(angle)
    rotation[j, i] = np.sin(angle)
    rotation[i, j] = -np.sin(angle)
    tilted = windows.copy()
    for columns in sensors:
        tilted[:, :, columns] = windows[:, :, columns] @ rotation.T.astype(np.float32)
    return tilted
