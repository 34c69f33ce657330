"""Load labelled recordings: data sets known by name, and users' own files and folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError
from img2imu.data_set import NO_LABEL, Clock, DataSet, LabelledRecording
from img2imu.datasets.raw import check_units
from img2imu.datasets.registry import DEFAULT_DIRECTORY, REGISTRY, Original
from img2imu.datasets.user_files import load_folder, load_labelled_csv, load_npz
from img2imu.datasets.watch import load_watch

__all__ = ["NO_LABEL", "Clock", "DataSet", "LabelledRecording", "load_data_set"]


def load_data_set(spec: str, rate_hz: float | None = None) -> DataSet:
    """Load a data set.

    Args:
        spec: one of these:

            - a name in :data:`~img2imu.datasets.registry.REGISTRY`. Its download is expected in
              ``data/``, or at PATH with ``NAME:PATH``.
            - the path of an ``.npz`` file (see :func:`~img2imu.datasets.user_files.load_npz`).
            - the path of a ``.csv`` file with a column of labels (see
              :func:`~img2imu.datasets.user_files.load_labelled_csv`).
            - the path of a folder (see :func:`~img2imu.datasets.user_files.load_folder`). If the
              folder has the name of a data set, write ``./name``.
        rate_hz: samples per second to resample the recordings of a folder or a ``.csv`` file to.
            Other data sets have a fixed rate.

    Raises:
        DataError: there is no such data set, or it cannot be used.
        SourceError: a recording cannot be read.
        MissingExtraError: the package that carries the data set is not installed.
    """
    path = Path(spec)
    # An empty path would be the working directory.
    if spec and spec not in REGISTRY and path.is_dir():
        return load_folder(path, rate_hz)
    if path.suffix.lower() == ".csv" and path.is_file():
        return load_labelled_csv(path, rate_hz)
    data_set = _load_published(spec)
    if data_set is None:
        if path.suffix.lower() != ".npz" or not path.is_file():
            raise DataError(
                f"there is no data set {spec!r}, expected {', '.join(REGISTRY)}, an .npz file, a "
                ".csv file with a column of labels, or a folder with one folder of recordings for "
                f"each class: check the path, it is looked up from {Path.cwd()}"
            )
        data_set = load_npz(path)
    if rate_hz is not None and rate_hz != data_set.rate_hz:
        raise DataError(
            f"{spec} has {data_set.rate_hz:g} samples per second, but rate_hz={rate_hz:g} was "
            "given, which is for recordings of your own: leave it out"
        )
    return data_set


def _load_published(spec: str) -> DataSet | None:
    """Load ``NAME`` or ``NAME:PATH``; None if it is not a name in the registry."""
    name, colon, place = spec.partition(":")
    entry = REGISTRY.get(name)
    if entry is None:
        return None
    if entry.original is None:
        return None if colon else load_watch()
    if colon:
        return _load_original(name, entry.original, Path(place)) if place else None
    default_place = entry.place(DEFAULT_DIRECTORY)
    if not default_place.exists():
        raise DataError(
            f"{name} is not on this machine, expected {default_place.absolute()}: img2imu data get "
            f"{name}, or say where it is with {name}:PATH"
        )
    return _load_original(name, entry.original, default_place)


def _load_original(name: str, original: Original, place: Path) -> DataSet:
    data_set = original.load(place)
    samples = np.concatenate([recording.samples for recording in data_set.recordings])
    check_units([(name, samples)], data_set.channels)
    return data_set
