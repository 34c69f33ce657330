"""What may change in a window while the motion stays the same: the head learns to look past it.

People differ in pace and vigour, and nobody wears a sensor twice at the same angle. Few labelled
windows cannot show that; changed copies of them can. The copies are no further training windows:
how they differ from their originals shows :func:`edge_runtime.contract.head.fit_head` the directions that do
not matter, as tangent distance does for handwriting (Simard et al. 1998, "Transformation invariance
in pattern recognition: tangent distance and tangent propagation").
"""

from __future__ import annotations

import numpy as np

from edge_runtime.arrays import Float32Array

PACES = (0.85, 1.15)  # the same motion more slowly and faster
GAINS = (0.7, 1.4)  # more gently and more vigorously
TILT_DEG = 15.0  # the sensor turned about each of its axes


def nuisance_copies(windows: Float32Array, channels: tuple[str, ...]) -> Float32Array:
    """Changed copies of windows (n, samples, channels): (copies, n, samples, channels), float32.

    Copies at another pace keep their amplitudes and the middle of the window; where samples are
    missing at the ends, the signal runs back. The gain leaves a window's mean, and so gravity, as
    it is. Without all three axes of a sensor there is no turned copy.
    """
    copies = [_at_pace(windows, pace) for pace in PACES] + [
        _amplified(windows, gain) for gain in GAINS
    ]
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
    position = np.abs(position)  # mirrored at either end
    position = (n - 1) - np.abs(n - 1 - position)
    before = np.clip(position.astype(np.intp), 0, n - 2)
    share = (position - before).astype(np.float32)[:, None]
    return np.asarray(windows[:, before] * (1 - share) + windows[:, before + 1] * share)


def _amplified(windows: Float32Array, gain: float) -> Float32Array:
    mean = windows.mean(1, keepdims=True)
    return np.asarray(mean + (windows - mean) * np.float32(gain))


def _tilted(windows: Float32Array, sensors: list[list[int]], axis: int) -> Float32Array:
    """All sensors turned together, as they sit on one board."""
    angle = np.deg2rad(TILT_DEG)
    rotation = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation[i, i] = rotation[j, j] = np.cos(angle)
    rotation[j, i], rotation[i, j] = np.sin(angle), -np.sin(angle)
    turned = windows.copy()
    for columns in sensors:
        turned[:, :, columns] = windows[:, :, columns] @ rotation.T.astype(np.float32)
    return turned
