"""Load data sets from users' own files: a folder of recordings, a labelled table, an ``.npz``."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, SourceError
from edge_runtime.recordings import Recording, read_recording
from img2imu.data_set import NO_LABEL, ONLY_SUBJECT, Clock, DataSet, LabelledRecording
from img2imu.datasets.raw import check_samples, check_units, common_rate, labelled_pieces, runs

# ---- a folder of recordings

ENDINGS = (".csv", ".npz", ".zip")


@dataclass(frozen=True)
class _RecordingFile:
    """A recorded file. ``name`` is its path inside the folder."""

    path: Path
    name: str
    subject: str
    label: str


def load_folder(directory: str | Path, rate_hz: float | None = None) -> DataSet:
    """Read ``DIR/LABEL/file`` or, to tell people apart, ``DIR/SUBJECT/LABEL/file``.

    Every ``.csv``, ``.npz`` or ``.zip`` file (see :mod:`edge_runtime.recordings`) is one recording
    of class LABEL. Hidden files and other endings are ignored. Without SUBJECT folders all
    recordings are of one person, "me". Each recording is resampled to the rate of the data set, and
    cut at gaps of more than 0.5 s.

    Args:
        directory: DIR.
        rate_hz: of the data set, and of files without timestamps. By default the median of the
            recordings' own rates, rounded to whole Hz (to 0.1 Hz below 20).

    Raises:
        DataError: no recordings, files at different depths, other channels, rate or unit in one
            file than in the others, NaN, time that runs backwards.
        SourceError: a file cannot be read.
    """
    directory = Path(directory)
    files = _find_recordings(directory)
    recordings = _read_recordings(files, rate_hz)
    for recording in recordings:
        check_samples(recording)
    channels = recordings[0].channels
    check_units(((recording.name, recording.samples) for recording in recordings), channels)
    clocks = tuple(Clock(recording.name, recording.timestamps_s) for recording in recordings)
    common_hz = common_rate(clocks)
    rate_hz = common_hz if rate_hz is None else rate_hz
    label_names = tuple(sorted({file.label for file in files}))
    pieces = [
        piece
        for file, recording in zip(files, recordings, strict=True)
        for piece in labelled_pieces(
            recording.name,
            file.subject,
            recording.timestamps_s,
            recording.samples,
            np.full(len(recording.samples), label_names.index(file.label), np.int16),
            rate_hz,
        )
    ]
    return DataSet(
        name=directory.resolve().name,
        licence="",
        citation="",
        rate_hz=rate_hz,
        channels=channels,
        label_names=label_names,
        recordings=tuple(pieces),
        clocks=clocks,
    )


def _find_recordings(directory: Path) -> list[_RecordingFile]:
    files_by_depth: dict[int, list[_RecordingFile]] = {}
    # Depths 2 and 3 are allowed. 1 and 4 are looked at too, so that the message can name them.
    for depth in range(1, 5):
        for path in sorted(directory.glob("/".join("*" * depth))):
            parts = path.relative_to(directory).parts
            hidden = any(part.startswith(".") for part in parts)
            if path.suffix.lower() in ENDINGS and path.is_file() and not hidden:
                file = _RecordingFile(
                    path=path,
                    name="/".join(parts),
                    subject=parts[0] if depth == 3 else ONLY_SUBJECT,
                    label=parts[max(depth - 2, 0)],
                )
                files_by_depth.setdefault(depth, []).append(file)
    if not files_by_depth:
        raise DataError(
            f"{directory} holds no recordings, expected {directory}/LABEL/*.csv, .npz or .zip: "
            "make a folder for each class and put its recordings there"
        )
    if set(files_by_depth) not in ({2}, {3}):
        examples = " and ".join(files[0].name for files in files_by_depth.values())
        raise DataError(
            f"{directory} holds {examples}, expected all recordings in {directory}/LABEL/, or all "
            f"in {directory}/SUBJECT/LABEL/: move them"
        )
    return files_by_depth.popitem()[1]


def _read_recordings(files: Sequence[_RecordingFile], rate_hz: float | None) -> list[Recording]:
    """Read all files, with the same channels in the same order."""
    recordings = [replace(_read_file(file.path, rate_hz), name=file.name) for file in files]
    first = recordings[0]
    for other in recordings[1:]:
        if set(other.channels) != set(first.channels):
            raise DataError(
                f"{first.name} has the channels {', '.join(first.channels)}, {other.name} has "
                f"{', '.join(other.channels)}, expected the same in all files: leave out the "
                "columns that the others lack, or record that sensor too"
            )
    channels = tuple(name for name in CHANNELS if name in first.channels)
    return [recording.select(channels or first.channels) for recording in recordings]


def _read_file(path: Path, rate_hz: float | None) -> Recording:
    try:
        return read_recording(path)
    except SourceError as error:
        if rate_hz is None:
            raise
        try:
            return read_recording(path, rate_hz=rate_hz)  # a file without timestamps
        except SourceError:
            raise error from None


# ---- one table with a column of labels, as spreadsheets and annotation tools write it

LABEL = "label"
SUBJECT = "subject"
RECORDING = "recording"
TEXT_COLUMNS = (LABEL, SUBJECT, RECORDING)

Column = npt.NDArray[np.str_]  # (n,)


@dataclass(frozen=True, eq=False)
class _TablePart:
    """One recording of the table, and the label of each sample; empty where there is none."""

    recording: Recording
    subject: str
    labels: Column


def load_labelled_csv(path: str | Path, rate_hz: float | None = None) -> DataSet:
    """Read ``time_s,acc_x,...,label`` and the optional columns ``subject`` and ``recording``.

    Channels and time are those of :mod:`edge_runtime.recordings.csv_file`. A row without a label
    belongs to no class. A new recording begins where the subject or the recording changes and,
    without a column ``recording``, where time runs backwards. Each recording is resampled to the
    rate of the data set, and cut at gaps of more than 0.5 s.

    Args:
        path: of the file.
        rate_hz: of the data set, and of a file without timestamps. By default the recordings' own
            rate, as for a folder.

    Raises:
        DataError: no column ``label`` or nothing in it, rows of one recording in several places,
            another unit, NaN, time that runs backwards.
        SourceError: the file cannot be read.
    """
    path = Path(path)
    columns = _read_text_columns(path)
    table = read_recording(path, rate_hz=None if "time_s" in columns else rate_hz)
    channels = tuple(name for name in CHANNELS if name in table.channels)
    parts = list(_split_table(path.name, table.select(channels), columns))
    for part in parts:
        check_samples(part.recording)
    check_units(((part.recording.name, part.recording.samples) for part in parts), channels)
    clocks = tuple(Clock(part.recording.name, part.recording.timestamps_s) for part in parts)
    # A single row has no rate.
    common_hz = common_rate([clock for clock in clocks if len(clock.times_s) > 1] or clocks)
    rate_hz = common_hz if rate_hz is None else rate_hz
    label_names = sorted(set(columns[LABEL].tolist()) - {""})
    if not label_names:
        raise DataError(
            f"{path.name} has nothing in its column {LABEL}, expected the name of a class: fill it "
            "in"
        )
    pieces = [
        piece
        for part in parts
        for piece in labelled_pieces(
            part.recording.name,
            part.subject,
            part.recording.timestamps_s,
            part.recording.samples,
            _label_numbers(part.labels, label_names),
            rate_hz,
        )
    ]
    return DataSet(
        name=path.stem,
        licence="",
        citation="",
        rate_hz=rate_hz,
        channels=channels,
        label_names=tuple(label_names),
        recordings=tuple(pieces),
        clocks=clocks,
    )


def _read_text_columns(path: Path) -> dict[str, Column]:
    """Return the columns of :data:`TEXT_COLUMNS`, and an empty array for each other column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            repeated = [name for name in TEXT_COLUMNS if header.count(name) > 1]
            if LABEL not in header or repeated:
                raise DataError(
                    f"{path.name} has the columns {', '.join(header) or 'none'}, expected one that "
                    f"is called {LABEL}: add it, or put the file into DIR/LABEL/ and name DIR"
                )
            positions = {name: header.index(name) for name in TEXT_COLUMNS if name in header}
            rows = [
                [row[i].strip() if i < len(row) else "" for i in positions.values()]
                for row in reader
                if row
            ]
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror or error}): check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"{path.name} is not a table in UTF-8 ({error}), expected comma-separated values: save "
            "it as CSV in UTF-8"
        ) from error
    columns = {name: np.array([], str) for name in header}
    texts = np.array(rows, str).reshape(-1, len(positions)).T
    return columns | dict(zip(positions, texts, strict=True))


def _split_table(name: str, table: Recording, columns: dict[str, Column]) -> Iterator[_TablePart]:
    n = len(table.samples)
    if len(columns[LABEL]) != n:
        raise SourceError(
            f"{name} has {n} rows of numbers but {len(columns[LABEL])} of labels, expected the "
            "same number: remove empty rows"
        )
    subjects = columns.get(SUBJECT, np.full(n, ONLY_SUBJECT))
    if (subjects == "").any():
        raise DataError(
            f"{name} has no {SUBJECT} in row {int(np.argmax(subjects == '')) + 1}, expected one in "
            "each or in none: fill it in, or remove the column"
        )
    if RECORDING in columns:
        numbers = columns[RECORDING]
    else:
        numbers = np.concatenate([[0], np.cumsum(np.diff(table.timestamps_s) < 0)]).astype(str)
    seen: set[tuple[str, str]] = set()
    for begin, end in runs(subjects, numbers):
        subject = str(subjects[begin])
        number = str(numbers[begin])
        rows = f"rows {begin + 1} to {end}"
        if RECORDING not in columns:
            part_name = f"{name} {rows}"
        elif (subject, number) in seen:
            raise DataError(
                f"{name} has rows of the recording {number!r} in several places, the second from "
                f"row {begin + 1}, expected them together: sort by {RECORDING}, then by time"
            )
        else:
            part_name = f"{name} {number or 'rows'} ({rows})"
        seen.add((subject, number))
        recording = Recording(
            part_name, table.timestamps_s[begin:end], table.samples[begin:end], table.channels
        )
        yield _TablePart(recording, subject, columns[LABEL][begin:end])


def _label_numbers(labels: Column, names: list[str]) -> npt.NDArray[np.int16]:
    numbers = np.searchsorted(names, labels)
    return np.where(labels != "", numbers, NO_LABEL).astype(np.int16)


# ---- a whole data set in one .npz

StoredArray = npt.NDArray[Any]  # of any type, until it is checked against LAYOUT


@dataclass(frozen=True)
class _ArrayLayout:
    """The kinds of types, as numpy calls them, and the axes that an array must have."""

    kinds: str
    axes: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.what}, shape ({', '.join(self.axes)})"


LAYOUT = {
    "signal": _ArrayLayout("fiu", ("samples", "channels"), "numbers in SI units"),
    "label": _ArrayLayout("iu", ("samples",), "whole numbers, -1 for none"),
    "recording": _ArrayLayout("iu", ("samples",), "whole numbers from 0"),
    "recording_subject": _ArrayLayout("iuU", ("recordings",), "numbers or names of people"),
    "label_names": _ArrayLayout("U", ("labels",), "text"),
    "channels": _ArrayLayout("U", ("channels",), "text"),
    "rate_hz": _ArrayLayout("fiu", (), "one number"),
}


def load_npz(path: str | Path) -> DataSet:
    """Read the arrays of :data:`LAYOUT`. Other arrays are ignored.

    ``signal`` (samples, channels) holds all recordings, one after the other. ``label`` (samples,)
    indexes ``label_names``. ``recording`` (samples,) numbers the recordings and indexes
    ``recording_subject``.

    Raises:
        DataError: the file cannot be read, lacks an array, or its arrays do not fit together; NaN;
            another unit.
    """
    path = Path(path)
    arrays = _read_arrays(path)
    _check_arrays(path.name, arrays)
    with np.errstate(over="ignore"):  # too large for float32: infinite, and refused below
        signal = arrays["signal"].astype(np.float32)
    _check_finite(path.name, signal)
    channels = tuple(map(str, arrays["channels"]))
    # Checked as a whole, because a collected data set has one unit throughout.
    check_units([(path.name, signal)], channels)
    numbers = arrays["recording"]
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    recordings = []
    for begin, end in itertools.pairwise(bounds):
        number = int(numbers[begin])
        recording = LabelledRecording(
            name=f"{path.name} recording {number}",
            subject=str(arrays["recording_subject"][number]),
            samples=signal[begin:end],
            labels=arrays["label"][begin:end].astype(np.int16),
        )
        recordings.append(recording)
    return DataSet(
        name=path.stem,
        licence="",
        citation="",
        rate_hz=float(arrays["rate_hz"]),
        channels=channels,
        label_names=tuple(map(str, arrays["label_names"])),
        recordings=tuple(recordings),
    )


def _read_arrays(path: Path) -> dict[str, StoredArray]:
    try:
        archive = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}): check the path"
        ) from error
    # On a damaged file the parsers of numpy and zipfile raise almost any exception.
    except Exception as error:
        raise DataError(
            f"{path} is not an .npz file or is damaged ({_first_line(error)}): write it again with "
            "numpy.savez"
        ) from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(
            f"{path} holds one bare array, expected an .npz archive: write it with numpy.savez"
        )
    with archive:
        missing = [key for key in LAYOUT if key not in archive]
        if missing:
            raise DataError(
                f"{path} lacks the arrays {', '.join(missing)}, it holds "
                f"{', '.join(archive.files) or 'none'}: add them, or put single recordings into a "
                "folder DIR/LABEL/ and name DIR"
            )
        return {key: _read_array(path, archive, key) for key in LAYOUT}


def _read_array(path: Path, archive: Mapping[str, StoredArray], key: str) -> StoredArray:
    try:
        array = np.asarray(archive[key])
    except Exception as error:
        raise DataError(
            f"{path} has an array {key} that cannot be read ({_first_line(error)}): write it again "
            "with numpy.savez, without Python objects"
        ) from error
    layout = LAYOUT[key]
    if array.dtype.kind not in layout.kinds or array.ndim != len(layout.axes):
        raise DataError(
            f"{path} has {key} of type {array.dtype} and shape {array.shape}, expected {layout}: "
            "write it again"
        )
    return array


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:120]


def _check_arrays(name: str, arrays: Mapping[str, StoredArray]) -> None:
    """Refuse arrays that do not fit together."""
    sizes: dict[str, tuple[str, int]] = {}  # axis to the first array that has it, and its size
    for key, layout in LAYOUT.items():
        for axis, size in zip(layout.axes, arrays[key].shape, strict=True):
            first, expected = sizes.setdefault(axis, (key, size))
            if size != expected:
                raise DataError(
                    f"{name} has {size} {axis} in {key} but {expected} in {first}, expected the "
                    "same number: write it again"
                )
    numbers = arrays["recording"]
    if not len(numbers):
        raise DataError(f"{name} holds no samples, expected some for each label: write it again")
    for key, lowest, end in (
        ("label", NO_LABEL, len(arrays["label_names"])),
        ("recording", 0, len(arrays["recording_subject"])),
    ):
        values = arrays[key]
        wrong = (values < lowest) | (values >= end)
        if wrong.any():
            raise DataError(
                f"{name} has {key} {values[np.argmax(wrong)]} at sample {np.argmax(wrong)}, "
                f"expected {lowest} to {end - 1}: number them from 0, in the order of their names"
            )
    if np.count_nonzero(np.diff(numbers)) + 1 != len(np.unique(numbers)):
        raise DataError(
            f"{name} has samples of other recordings in between those of one recording, expected "
            "each recording in one piece: sort by recording"
        )


def _check_finite(name: str, signal: Float32Array) -> None:
    finite = np.isfinite(signal)
    if not finite.all():
        sample, column = np.argwhere(~finite)[0]
        raise DataError(
            f"{name} has {signal[sample, column]} at sample {sample}, column {column} of signal, "
            "expected finite numbers: interpolate it, or begin a new recording there"
        )
