"""Seven shoulder exercises of ten people with a smartwatch, from the ``seglearn`` package."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, MissingExtraError
from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.data_set import DataSet, LabelledRecording

RATE_HZ = 50.0
LICENCE = "BSD-3-Clause"
CITATION = (
    "D. M. Burns, N. Leung, M. Hardisty, C. M. Whyne, P. Henry, S. McLachlin: Shoulder "
    "physiotherapy exercise recognition: machine learning the inertial signals from a smartwatch. "
    "Physiological Measurement 39 (2018) 075007. arXiv:1802.01489"
)
# Of watch_dataset.npy in seglearn 1.2.5.
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
SIDES = ("left", "right")


def load_watch() -> DataSet:
    """Read 140 recordings of one exercise each, worn on the wrist, 50 Hz.

    Acceleration contains gravity.

    Raises:
        MissingExtraError: ``seglearn`` is not installed.
        DataError: its data file is missing or is not the expected one.
    """
    # The file is a pickle, and loading a pickle runs any code in it. So only these exact bytes are
    # loaded.
    content = _read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise DataError(
            f"seglearn's watch_dataset.npy has the sha256 {digest[:12]}..., expected "
            f"{SHA256[:12]}...: pip install --force-reinstall seglearn==1.2.5"
        )
    data = np.load(io.BytesIO(content), allow_pickle=True).item()
    # Acceleration is in g, angular rate in rad/s.
    to_si = np.array([STANDARD_GRAVITY] * 3 + [1.0] * 3)
    recordings: list[LabelledRecording] = []
    for signal, label, subject, side in zip(
        data["X"], data["y"], data["subject"], data["side"], strict=True
    ):
        exercise = data["y_labels"][label]
        recording = LabelledRecording(
            name=f"{len(recordings)} ({exercise}, person {subject}, {SIDES[int(side)]})",
            subject=str(subject),
            samples=(signal * to_si).astype(np.float32),
            labels=np.full(len(signal), label, np.int16),
        )
        recordings.append(recording)
    return DataSet(
        name="watch",
        licence=LICENCE,
        citation=CITATION,
        rate_hz=RATE_HZ,
        channels=CHANNELS,
        label_names=tuple(data["y_labels"]),
        recordings=tuple(recordings),
    )


def _read_bytes() -> bytes:
    spec = importlib.util.find_spec("seglearn")  # importing it would import scikit-learn: seconds
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("seglearn", "demo")
    path = Path(spec.submodule_search_locations[0]) / "data" / "watch_dataset.npy"
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"seglearn's watch_dataset.npy cannot be read ({error.strerror}): "
            "pip install --force-reinstall seglearn==1.2.5"
        ) from error
