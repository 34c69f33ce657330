"""A folder of one's own recordings, one class folder beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, SourceError
from edge_runtime.recordings import Recording, read_recording
from img2imu.datasets.data_set import ONLY_SUBJECT, Clock, DataSet
from img2imu.datasets.raw_time import check_samples, common_rate, labelled_pieces
from img2imu.datasets.units import check_units

ENDINGS = (".csv", ".npz", ".zip")


@dataclass(frozen=True)
class _File:
    """A recorded file; ``name`` is its path inside the folder."""

    path: Path
    name: str
    subject: str
    label: str


def load_folder(directory: str | Path, rate_hz: float | None = None) -> DataSet:
    """Read ``DIR/LABEL/file`` or, to tell people apart, ``DIR/SUBJECT/LABEL/file``.

    Every ``.csv``, ``.npz`` or ``.zip`` file (see :mod:`edge_runtime.recordings`) is one recording
    of class LABEL; hidden files and other endings are passed over. Without SUBJECT folders all
    recordings are of one person, "me". Each recording is resampled to the rate of the data set, and
    cut into several where no sample came for more than 0.5 s.

    Args:
        directory: DIR.
        rate_hz: of the data set, and of files without timestamps; without it, the median of the
            recordings' own rates, rounded to whole Hz (to 0.1 Hz below 20).

    Raises:
        DataError: no recordings, files at different depths, other channels, rate or unit in one
            file than in the others, NaN, time that runs back.
        SourceError: a file that cannot be read.
    """
    directory = Path(directory)
    files = _find(directory)
    recordings = _read_all(files, rate_hz)
    for recording in recordings:
        check_samples(recording)
    channels = recordings[0].channels
    check_units(((recording.name, recording.samples) for recording in recordings), channels)
    clocks = tuple(Clock(recording.name, recording.timestamps_s) for recording in recordings)
    common_hz = common_rate(clocks)
    rate_hz = common_hz if rate_hz is None else rate_hz
    labels = tuple(sorted({file.label for file in files}))
    pieces = [
        piece
        for file, recording in zip(files, recordings, strict=True)
        for piece in labelled_pieces(
            recording.name,
            file.subject,
            recording.timestamps_s,
            recording.samples,
            np.full(len(recording.samples), labels.index(file.label), np.int16),
            rate_hz,
        )
    ]
    return DataSet(
        directory.resolve().name, "", "", rate_hz, channels, labels, tuple(pieces), clocks
    )


def _find(directory: Path) -> list[_File]:
    found: dict[int, list[_File]] = {}
    for depth in range(1, 5):  # one more than there should be on either side, to say so
        for path in sorted(directory.glob("/".join("*" * depth))):
            parts = path.relative_to(directory).parts
            if (
                path.suffix.lower() in ENDINGS
                and path.is_file()
                and not any(part.startswith(".") for part in parts)
            ):
                subject = parts[0] if depth == 3 else ONLY_SUBJECT
                found.setdefault(depth, []).append(
                    _File(path, "/".join(parts), subject, parts[max(depth - 2, 0)])
                )
    if not found:
        raise DataError(
            f"{directory} holds no recordings, expected {directory}/LABEL/*.csv, .npz or .zip: make a "
            "folder for each class and put its recordings there"
        )
    examples = " and ".join(files[0].name for files in found.values())
    if set(found) not in ({2}, {3}):
        raise DataError(
            f"{directory} holds {examples}, expected all recordings in {directory}/LABEL/, or all in "
            f"{directory}/SUBJECT/LABEL/: move them"
        )
    return found.popitem()[1]


def _read_all(files: Sequence[_File], rate_hz: float | None) -> list[Recording]:
    """All files, with the same channels in the same order."""
    recordings = [replace(_read(file.path, rate_hz), name=file.name) for file in files]
    first = recordings[0]
    for other in recordings[1:]:
        if set(other.channels) != set(first.channels):
            raise DataError(
                f"{first.name} has the channels {', '.join(first.channels)}, {other.name} has "
                f"{', '.join(other.channels)}, expected the same in all files: leave out the columns that "
                "the others lack, or record that sensor too"
            )
    channels = tuple(name for name in CHANNELS if name in first.channels)
    return [recording.select(channels or first.channels) for recording in recordings]


def _read(path: Path, rate_hz: float | None) -> Recording:
    try:
        return read_recording(path)
    except SourceError as error:
        if rate_hz is None:
            raise
        try:
            return read_recording(path, rate_hz=rate_hz)  # a file without timestamps
        except SourceError:
            raise error from None
