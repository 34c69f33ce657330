"""Labelled recordings to learn from: data sets known by name, ``.npz`` files, and folders of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge_runtime.errors import DataError
from img2imu.datasets.data_set import NO_LABEL, DataSet, LabelledRecording
from img2imu.datasets.folder import load_folder
from img2imu.datasets.npz import load_npz
from img2imu.datasets.watch import load_watch

__all__ = ["NO_LABEL", "DataSet", "LabelledRecording", "load_data_set"]

BY_NAME: dict[str, Callable[[], DataSet]] = {
    "watch": load_watch,
}


def load_data_set(spec: str, rate_hz: float | None = None) -> DataSet:
    """Load a data set.

    Args:
        spec: a name in :data:`BY_NAME`, the path of an ``.npz`` file, or that of a folder (see
            :func:`~img2imu.datasets.folder.load_folder`). A folder that bears the name of a data set is ``./name``.
        rate_hz: samples per second to bring a folder's recordings to; the others have theirs.

    Raises:
        DataError: no such data set, or it cannot be used.
        SourceError: a file in the folder cannot be read.
        MissingExtraError: the package that carries the data set is not installed.
    """
    path = Path(spec)
    if spec and spec not in BY_NAME and path.is_dir():  # Path("") would be the working directory
        return load_folder(path, rate_hz)
    if spec in BY_NAME:
        data_set = BY_NAME[spec]()
    elif path.suffix.lower() == ".npz" and path.is_file():
        data_set = load_npz(path)
    else:
        raise DataError(f"there is no data set {spec!r}, expected {', '.join(BY_NAME)}, an .npz file, or a folder with "
                        f"one folder of recordings for each class: check the path, it is looked up from {Path.cwd()}")
    if rate_hz is not None and rate_hz != data_set.rate_hz:
        raise DataError(f"{spec} has {data_set.rate_hz:g} samples per second, but rate_hz={rate_hz:g} was given, "
                        "which is for folders of recordings: leave it out")
    return data_set
