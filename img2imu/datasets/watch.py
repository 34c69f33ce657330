"""Seven shoulder exercises of ten people with a smartwatch, from the ``seglearn`` package."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError, MissingExtraError
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.datasets.data_set import DataSet, LabelledRecording

RATE_HZ = 50.0
CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
LICENCE = "BSD-3-Clause"
CITATION = (
    "D. M. Burns, N. Leung, M. Hardisty, C. M. Whyne, P. Henry, S. McLachlin: Shoulder physiotherapy exercise "
    "recognition: machine learning the inertial signals from a smartwatch. Physiological Measurement 39 "
    "(2018) 075007. arXiv:1802.01489"
)
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"  # watch_dataset.npy of seglearn 1.2.5
SIDES = ("left", "right")


def load_watch() -> DataSet:
    """140 recordings of one exercise each, worn on the wrist, 50 Hz, acceleration with gravity and angular rate.

    Raises:
        MissingExtraError: ``seglearn`` is not installed.
        DataError: its data file is missing or is not the one known here.
    """
    # The file is a pickle, and loading a pickle runs whatever it says: only these very bytes are
    # trusted to.
    content = _read()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise DataError(
            f"seglearn's watch_dataset.npy has the sha256 {digest[:12]}..., expected {SHA256[:12]}...: "
            "pip install --force-reinstall seglearn==1.2.5"
        )
    data = np.load(io.BytesIO(content), allow_pickle=True).item()
    to_si = np.array(
        [STANDARD_GRAVITY] * 3 + [1.0] * 3
    )  # acceleration is in g, the gyroscope in rad/s
    recordings: list[LabelledRecording] = []
    for signal, label, subject, side in zip(
        data["X"], data["y"], data["subject"], data["side"], strict=True
    ):
        name = (
            f"{len(recordings)} ({data['y_labels'][label]}, person {subject}, {SIDES[int(side)]})"
        )
        samples = (signal * to_si).astype(np.float32)
        recordings.append(
            LabelledRecording(name, str(subject), samples, np.full(len(samples), label, np.int16))
        )
    return DataSet(
        "watch", LICENCE, CITATION, RATE_HZ, CHANNELS, tuple(data["y_labels"]), tuple(recordings)
    )


def _read() -> bytes:
    spec = importlib.util.find_spec("seglearn")  # importing it would take scikit-learn and seconds
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("seglearn", "demo")
    try:
        return (
            Path(spec.submodule_search_locations[0]) / "data" / "watch_dataset.npy"
        ).read_bytes()
    except OSError as error:
        raise DataError(
            f"seglearn's watch_dataset.npy cannot be read ({error.strerror}): "
            "pip install --force-reinstall seglearn==1.2.5"
        ) from error
