"""Labelled recordings to learn from: data sets known by name, ``.npz`` and ``.csv`` files, and folders of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError
from img2imu.datasets.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.folder import load_folder
from img2imu.datasets.labelled_csv import load_labelled_csv
from img2imu.datasets.npz import load_npz
from img2imu.datasets.registry import DEFAULT_DIRECTORY, REGISTRY, Entry
from img2imu.datasets.units import check_units
from img2imu.datasets.watch import load_watch

__all__ = ["NO_LABEL", "Clock", "DataSet", "LabelledRecording", "load_data_set"]


def load_data_set(spec: str, rate_hz: float | None = None) -> DataSet:
    """Load a data set.

    Args:
        spec: a name in :data:`~img2imu.datasets.registry.REGISTRY`, whose download lies in
            ``data/``, or anywhere with ``NAME:PATH``; the path of an ``.npz`` file, of a ``.csv``
            file with a column of labels (see
            :func:`~img2imu.datasets.labelled_csv.load_labelled_csv`), or of a folder (see
            :func:`~img2imu.datasets.folder.load_folder`). A folder that bears the name of a data
            set is ``./name``.
        rate_hz: samples per second to bring a folder's or a ``.csv`` file's recordings to; the
            others have theirs.

    Raises:
        DataError: no such data set, or it cannot be used.
        SourceError: a recording cannot be read.
        MissingExtraError: the package that carries the data set is not installed.
    """
    path, (name, colon, place) = Path(spec), spec.partition(":")
    known = REGISTRY.get(name)
    if spec and spec not in REGISTRY and path.is_dir():  # Path("") would be the working directory
        return load_folder(path, rate_hz)
    if path.suffix.lower() == ".csv" and path.is_file():
        return load_labelled_csv(path, rate_hz)
    if known is not None and known.original is None and not colon:
        data_set = load_watch()
    elif known is not None and known.original is not None and bool(colon) == bool(place):
        data_set = _load_original(known, Path(place) if place else None)
    elif path.suffix.lower() == ".npz" and path.is_file():
        data_set = load_npz(path)
    else:
        raise DataError(
            f"there is no data set {spec!r}, expected {', '.join(REGISTRY)}, an .npz file, a .csv file "
            "with a column of labels, or a folder with one folder of recordings for each class: check the "
            f"path, it is looked up from {Path.cwd()}"
        )
    if rate_hz is not None and rate_hz != data_set.rate_hz:
        raise DataError(
            f"{spec} has {data_set.rate_hz:g} samples per second, but rate_hz={rate_hz:g} was given, "
            "which is for recordings of your own: leave it out"
        )
    return data_set


def _load_original(entry: Entry, place: Path | None) -> DataSet:
    assert entry.original is not None
    if place is None:
        place = entry.place(DEFAULT_DIRECTORY)
        if not place.exists():
            raise DataError(
                f"{entry.name} is not on this machine, expected {place.absolute()}: img2imu data get "
                f"{entry.name}, or say where it is with {entry.name}:PATH"
            )
    data_set = entry.original.load(place)
    check_units(
        [(entry.name, np.concatenate([recording.samples for recording in data_set.recordings]))],
        data_set.channels,
    )
    return data_set
