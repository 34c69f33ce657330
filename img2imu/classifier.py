"""``MotionClassifier``: a scikit-learn classifier of windows of sensor samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

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
from img2imu import storage
from img2imu.backbone import EarlyBlocks, embed, pretrained_backbone
from img2imu.inputs import as_labels, as_windows, check_channels
from img2imu.nuisances import nuisance_copies
from img2imu.progress import track

CHUNK_WINDOWS = 64  # windows whose images are in memory at a time: 7 MB at 6 channels


class MotionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Learns motions from one to ten labelled windows per class.

    Windows become spectrogram images. The early layers of a network trained on photographs look at
    them. A closed-form linear head learns the classes (docs/method.md).

    Args:
        rate_hz: samples per second of every window, 10 to 400.
        channels: names of the columns in order (``acc_x`` .. ``gyro_z``; 1, 3 or 6 of them), or
            ``"acc"``, ``"gyro"``, ``"acc+gyro"``. Accelerations in m/s^2, angular rates in rad/s.
        seed: of every random choice. The present method makes none.

    Attributes:
        classes_: (classes,) the labels, sorted.
        window_samples_: length of the windows that it was fitted on.
        front_end_: the front end of the model contract.
        gravity_: whether the accelerometer's values contain gravity: included, removed or unknown.
        head_: the fitted :class:`edge_runtime.contract.head.LinearHead`.
        support_windows_: (n, window_samples, channels) the windows that it was fitted on. Export
            calibrates with them.
        support_classes_: (n,) index into ``classes_``.
        header_: the :class:`img2imu.storage.Header` of the file it was loaded from; None after
            ``fit``. :func:`img2imu.storage.describe` makes a header in both cases.

    Examples:
        >>> import numpy as np
        >>> from img2imu import MotionClassifier
        >>> random = np.random.default_rng(0)
        >>> gravity = [0, 0, 9.81]
        >>> still = random.normal(0, 0.1, (3, 100, 3)) + gravity  # 3 windows of 2 s at 50 Hz
        >>> shaken = random.normal(0, 4, (3, 100, 3)) + gravity
        >>> windows = np.concatenate([still, shaken])  # (6, 100, 3) in m/s^2
        >>> labels = ["still"] * 3 + ["shaken"] * 3
        >>> classifier = MotionClassifier(rate_hz=50, channels="acc").fit(windows, labels)
        >>> new = random.normal(0, 4, (1, 100, 3)) + gravity
        >>> classifier.predict(new).tolist()
        ['shaken']
        >>> classifier.predict_proba(new).shape  # the order of the columns is classifier.classes_
        (1, 2)
        >>> classifier.save("motions.npz")  # then: img2imu export motions.npz
    """

    def __init__(self, rate_hz: float, channels: Sequence[str] | str, seed: int = 0) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self.seed = seed

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, show_progress: bool = False
    ) -> MotionClassifier:
        """Learn the classes of labelled windows.

        Args:
            X: windows (n, window_samples, channels), SI units.
            y: (n,) class of each window. Two classes or more, any number of windows each.
            show_progress: draw a progress bar.

        Raises:
            DataError: shapes that disagree, NaN, other units, a stuck or saturated channel, fewer
                than two classes, a window too short.
        """
        channels = resolve_channels(self.channels)
        x = as_windows(X, len(channels))
        names, classes = np.unique(as_labels(y, len(x)), return_inverse=True)
        if len(names) < 2:
            raise DataError(
                f"the labels name {len(names)} class ({names[0]}), expected two or more: add "
                "windows of another motion"
            )
        # Every check comes first: a fit that fails must not leave a half-fitted classifier.
        gravity = gravity_of(x, channels)
        front_end = self._design(x.shape[1], channels)
        check_channels(x, channels)
        self.classes_ = names
        self.gravity_ = gravity
        self.window_samples_ = x.shape[1]
        self.front_end_ = front_end
        self.support_windows_ = x
        self.support_classes_ = classes.astype(np.int64)
        self.header_: storage.Header | None = None
        copies = self._copies(x, channels)
        blocks = self._embed_blocks(np.concatenate([x, *copies]), show_progress)
        embedding = np.concatenate(blocks, 1).reshape(1 + len(copies), len(x), -1)
        self.head_ = fit_head(
            embedding[0], self.support_classes_, block_sizes(blocks, len(channels)), embedding[1:]
        )
        return self

    @property
    def n_features_in_(self) -> int:
        """Length of the second axis of X, as scikit-learn counts: samples of a window."""
        return int(self.window_samples_)

    def __sklearn_tags__(self) -> Tags:
        """Declare that X is three-dimensional, (n, window_samples, channels)."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def embed(self, X: npt.ArrayLike, show_progress: bool = False) -> Float32Array:
        """Return the input of the head for each window: (n, features) float32, unstandardised."""
        check_is_fitted(self)
        return np.concatenate(self._embed_blocks(self._checked(X), show_progress), 1)

    def predict_proba(self, X: npt.ArrayLike) -> Float64Array:
        """Return the probability of each class: (n, classes), rows sum to 1.

        Raises:
            DataError: windows of another shape than those it was fitted on, or NaN.
        """
        embedding = self.embed(X)  # raises NotFittedError if there is no head yet
        return self.head_.probabilities(embedding)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the most probable class of each window: (n,).

        Raises:
            DataError: windows of another shape than those it was fitted on, or NaN.
        """
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(1)])

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        data_set: str = "",
        split_sha256: str = "",
    ) -> None:
        """Write the trained model, for :meth:`load` and ``img2imu export``.

        Args:
            path: ends in ``.npz``.
            name: of the model, human-readable. If empty: the name it was loaded with, or the
                file's.
            data_set: name of the training data. If empty: the one it was loaded with, or unknown.
            split_sha256: hash of the list of training windows, see
                :func:`img2imu.splits.manifest_sha256`. If empty: the one it was loaded with, or
                unknown.

        Raises:
            OutputError: the file cannot be written.
        """
        check_is_fitted(self)
        if not name and self.header_ is None:
            name = Path(path).stem
        model = storage.TrainedModel(
            header=storage.describe(self, name, data_set, split_sha256),
            head=self.head_,
            classes=self.classes_,
            windows=self.support_windows_,
            window_classes=self.support_classes_,
        )
        storage.save(model, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: the file is missing, damaged, or not a trained model.
        """
        model = storage.load(path)
        classifier = cls(model.header.rate_hz, model.header.channels, model.header.seed)
        classifier.classes_ = model.classes
        classifier.gravity_ = model.header.gravity
        classifier.window_samples_ = model.windows.shape[1]
        classifier.front_end_ = model.header.front_end
        classifier.support_windows_ = model.windows
        classifier.support_classes_ = model.window_classes
        classifier.header_ = model.header
        classifier.head_ = model.head
        return classifier

    def _checked(self, windows: npt.ArrayLike) -> Float32Array:
        """Return windows as an array, refusing those of another shape than the fitted ones."""
        x = as_windows(windows, len(resolve_channels(self.channels)))
        if x.shape[1] != self.window_samples_:
            raise DataError(
                f"windows have {x.shape[1]} samples, the model was fitted on "
                f"{self.window_samples_}: cut them to that length"
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

    # The benchmarks override the following methods, to measure what each part contributes.

    def _design(self, window_samples: int, channels: tuple[str, ...]) -> FrontEndSpec:
        return design_front_end(self.rate_hz, window_samples, channels)

    def _copies(self, x: Float32Array, channels: tuple[str, ...]) -> Float32Array:
        return nuisance_copies(x, channels)

    def _backbone(self) -> EarlyBlocks:
        return pretrained_backbone()
