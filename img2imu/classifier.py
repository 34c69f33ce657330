"""``MotionClassifier``: windows of sensor samples in, class names out, in scikit-learn's manner."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.head import fit_head
from edge_runtime.contract.spec import FrontEndSpec
from edge_runtime.errors import DataError
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import block_sizes, design_front_end, gravity_of, resolve_channels
from img2imu.backbone import EarlyBlocks, embed, pretrained_backbone
from img2imu.inputs import as_labels, as_windows, check_channels
from img2imu.nuisances import nuisance_copies
from img2imu.progress import track

CHUNK_WINDOWS = 64  # images of so many windows are in memory at once: 7 MB at 6 channels


class MotionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns motions from one to ten labelled windows per class.

    Windows become spectrogram images, the early layers of a network trained on photographs look at
    them, and a closed-form linear head learns the classes (docs/method.md).

    Args:
        rate_hz: samples per second of every window, 10 to 400.
        channels: names of the columns in order (``acc_x`` .. ``gyro_z``; 1, 3 or 6 of them), or
            ``"acc"``, ``"gyro"``, ``"acc+gyro"``. Accelerations in m/s^2, angular rates in rad/s.
        seed: of every random choice; the present method makes none.

    Attributes:
        classes_: (classes,) the labels, sorted.
        window_samples_: length of the windows it was fitted on.
        front_end_: the contract's front end.
        gravity_: whether the accelerometer's values contain gravity: included, removed or unknown.
        head_: the fitted :class:`edge_runtime.contract.head.LinearHead`.
        support_windows_: (n, window_samples, channels) what it was fitted on; export calibrates
            with them.
        support_classes_: (n,) index into ``classes_``.
    """

    def __init__(self, rate_hz: float, channels: Sequence[str] | str, seed: int = 0) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self.seed = seed

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, show_progress: bool = False
    ) -> MotionClassifier:
        """Learn.

        Args:
            X: windows (n, window_samples, channels), SI units.
            y: (n,) class of each window; two classes or more, any number of windows each.
            show_progress: draw a bar.

        Raises:
            DataError: shapes that disagree, NaN, other units, a stuck or saturated channel, fewer
                than two classes, a window too short.
        """
        channels = resolve_channels(self.channels)
        x = as_windows(X, len(channels))
        names, classes = np.unique(as_labels(y, len(x)), return_inverse=True)
        if len(names) < 2:
            raise DataError(
                f"the labels name {len(names)} class ({names[0]}), expected two or more: add windows of "
                "another motion"
            )
        gravity = gravity_of(x, channels)
        front_end = self._design(x.shape[1], channels)
        check_channels(x, channels)
        self.classes_, self.gravity_, self.window_samples_, self.front_end_ = (
            names,
            gravity,
            x.shape[1],
            front_end,
        )
        self.support_windows_, self.support_classes_ = x, classes.astype(np.int64)
        copies = self._copies(x, channels)
        blocks = self._embed_blocks(np.concatenate([x, *copies]), show_progress)
        embedding = np.concatenate(blocks, 1).reshape(1 + len(copies), len(x), -1)
        self.head_ = fit_head(
            embedding[0], self.support_classes_, block_sizes(blocks, len(channels)), embedding[1:]
        )
        return self

    @property
    def n_features_in_(self) -> int:
        """Length of the second axis of X, which is what scikit-learn counts: samples of a window."""
        return int(self.window_samples_)

    def __sklearn_tags__(self) -> Tags:
        """X is three-dimensional, (n, window_samples, channels)."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def embed(self, X: npt.ArrayLike, show_progress: bool = False) -> Float32Array:
        """What the head sees of each window: (n, features) float32, not standardised."""
        check_is_fitted(self)
        return np.concatenate(self._embed_blocks(self._fitting(X), show_progress), 1)

    def predict_proba(self, X: npt.ArrayLike) -> Float64Array:
        """Probability of each class: (n, classes), rows sum to 1.

        Raises:
            DataError: windows of another shape than those it was fitted on, or NaN.
        """
        embedding = self.embed(X)  # first: it says when there is no head yet
        return self.head_.probabilities(embedding)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Most probable class of each window: (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(1)])

    def save(self, path: str | os.PathLike[str], **provenance: str) -> None:
        """Write the trained model, for :meth:`load` and ``img2imu export``.

        Args:
            path: ends in ``.npz``.
            **provenance: ``name``, ``data_set`` and ``split_sha256``, for the contract.
        """
        from img2imu.storage import save

        check_is_fitted(self)
        save(self, path, **provenance)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> MotionClassifier:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: the file is missing, damaged, or no trained model.
        """
        from img2imu.storage import load

        return load(path).classifier

    def _fitting(self, windows: npt.ArrayLike) -> Float32Array:
        x = as_windows(windows, len(resolve_channels(self.channels)))
        if x.shape[1] != self.window_samples_:
            raise DataError(
                f"windows have {x.shape[1]} samples, the model was fitted on {self.window_samples_}: "
                "cut them to that length"
            )
        return x

    def _embed_blocks(self, x: Float32Array, show_progress: bool) -> list[Float32Array]:
        front_end = FrontEnd(self.front_end_, self.window_samples_, x.shape[2], self.rate_hz)
        chunks = [x[i : i + CHUNK_WINDOWS] for i in range(0, len(x), CHUNK_WINDOWS)]
        parts = [
            embed(self._backbone(), front_end.compute_batch(chunk))
            for chunk in track(chunks, "embedding", len(x), size=len, show=show_progress)
        ]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    # What follows is there to be overridden, where the benchmarks ask what each part brings.

    def _design(self, window_samples: int, channels: tuple[str, ...]) -> FrontEndSpec:
        return design_front_end(self.rate_hz, window_samples, channels)

    def _copies(self, x: Float32Array, channels: tuple[str, ...]) -> Float32Array:
        return nuisance_copies(x, channels)

    def _backbone(self) -> EarlyBlocks:
        return pretrained_backbone()
