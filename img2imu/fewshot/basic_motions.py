"""Four motions with a smartwatch, from the ``aeon`` package."""

from __future__ import annotations

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import MissingExtraError
from img2imu.datasets import DataSet, LabelledRecording

RATE_HZ = 10.0
CITATION = (
    "A. Bagnall, H. A. Dau, J. Lines, M. Flynn, J. Large, A. Bostrom, P. Southam, E. Keogh: The UEA "
    "multivariate time series classification archive, 2018. arXiv:1811.00075"
)


def load_basic_motions() -> DataSet:
    """80 series of 10 s at 10 Hz, worn on the wrist: standing, walking, running and badminton.

    The archive states neither units nor licence. The median |acc| is 0.6 in standing and 17 in
    running: m/s^2 without gravity; the angular rates, up to 35, are taken for rad/s. Four students
    recorded five series of each motion, but who recorded which is not known: every series is a
    subject of its own here, so one person is in training and test.

    Raises:
        MissingExtraError: ``aeon`` is not installed.
    """
    try:
        from aeon.datasets import load_basic_motions as load  # type: ignore[import-untyped]  # no type information
    except ModuleNotFoundError as error:
        raise MissingExtraError("aeon", "bench") from error
    series, motions = load()  # (80, 6, 100)
    names = tuple(sorted(set(map(str, motions))))
    recordings = tuple(
        LabelledRecording(
            f"series {number} ({motion})",
            f"series {number}",
            np.ascontiguousarray(samples.T, np.float32),
            np.full(samples.shape[1], names.index(str(motion)), np.int16),
        )
        for number, (samples, motion) in enumerate(zip(series, motions, strict=True))
    )
    return DataSet("basicmotions", "", CITATION, RATE_HZ, CHANNELS, names, recordings)
