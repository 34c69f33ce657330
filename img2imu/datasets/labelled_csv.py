"""One table with a column of labels, as spreadsheets and annotation tools write it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, SourceError
from edge_runtime.recordings import Recording, read_recording
from img2imu.datasets.data_set import NO_LABEL, ONLY_SUBJECT, Clock, DataSet
from img2imu.datasets.raw_time import check_samples, common_rate, labelled_pieces, runs
from img2imu.datasets.units import check_units

LABEL, SUBJECT, RECORDING = "label", "subject", "recording"
TEXT_COLUMNS = (LABEL, SUBJECT, RECORDING)

Column = npt.NDArray[np.str_]  # (n,)


@dataclass(frozen=True, eq=False)
class _Part:
    """One recording out of the table, and the label of each sample; empty where there is none."""

    recording: Recording
    subject: str
    labels: Column


def load_labelled_csv(path: str | Path, rate_hz: float | None = None) -> DataSet:
    """Read ``time_s,acc_x,...,label`` and, if they are there, the columns ``subject`` and ``recording``.

    Channels and time are those of :mod:`edge_runtime.recordings.csv_file`. A row without a label
    belongs to no class. A new recording begins where subject or recording changes and, without a
    column ``recording``, where time runs back. Each recording is resampled to the rate of the data
    set, and cut where no sample came for more than 0.5 s.

    Args:
        path: of the file.
        rate_hz: of the data set, and of a file without timestamps; without it, the recordings' own,
            as for a folder.

    Raises:
        DataError: no column ``label`` or nothing in it, rows of one recording in several places,
            another unit, NaN, time that runs back.
        SourceError: the file cannot be read.
    """
    path = Path(path)
    columns = _read_text_columns(path)
    table = read_recording(path, rate_hz=None if "time_s" in columns else rate_hz)
    channels = tuple(name for name in CHANNELS if name in table.channels)
    parts = list(_parts(path.name, table.select(channels), columns))
    for part in parts:
        check_samples(part.recording)
    check_units(((part.recording.name, part.recording.samples) for part in parts), channels)
    clocks = tuple(Clock(part.recording.name, part.recording.timestamps_s) for part in parts)
    common_hz = common_rate(
        [clock for clock in clocks if len(clock.times_s) > 1] or clocks
    )  # a lone row has no rate
    rate_hz = common_hz if rate_hz is None else rate_hz
    names = sorted(set(columns[LABEL].tolist()) - {""})
    if not names:
        raise DataError(
            f"{path.name} has nothing in its column {LABEL}, expected the name of a class: fill it in"
        )
    pieces = [
        piece
        for part in parts
        for piece in labelled_pieces(
            part.recording.name,
            part.subject,
            part.recording.timestamps_s,
            part.recording.samples,
            _numbers(part.labels, names),
            rate_hz,
        )
    ]
    return DataSet(path.stem, "", "", rate_hz, channels, tuple(names), tuple(pieces), clocks)


def _read_text_columns(path: Path) -> dict[str, Column]:
    """The columns of :data:`TEXT_COLUMNS` that are there, and an empty one for each other column's name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            twice = [name for name in TEXT_COLUMNS if header.count(name) > 1]
            if LABEL not in header or twice:
                raise DataError(
                    f"{path.name} has the columns {', '.join(header) or 'none'}, expected one that is "
                    f"called {LABEL}: add it, or put the file into DIR/LABEL/ and name DIR"
                )
            wanted = {name: header.index(name) for name in TEXT_COLUMNS if name in header}
            rows = [
                [row[i].strip() if i < len(row) else "" for i in wanted.values()]
                for row in reader
                if row
            ]
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror or error}): check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"{path.name} is not a table in UTF-8 ({error}), expected comma-separated values: save it as "
            "CSV in UTF-8"
        ) from error
    columns = {name: np.array([], str) for name in header}
    return columns | dict(zip(wanted, np.array(rows, str).reshape(-1, len(wanted)).T, strict=True))


def _parts(name: str, table: Recording, columns: dict[str, Column]) -> Iterator[_Part]:
    n = len(table.samples)
    if len(columns[LABEL]) != n:
        raise SourceError(
            f"{name} has {n} rows of numbers but {len(columns[LABEL])} of labels, expected as many: "
            "remove empty rows"
        )
    subjects = columns.get(SUBJECT, np.full(n, ONLY_SUBJECT))
    if (subjects == "").any():
        raise DataError(
            f"{name} has no {SUBJECT} in row {int(np.argmax(subjects == '')) + 1}, expected one in each or "
            "in none: fill it in, or remove the column"
        )
    if RECORDING in columns:
        numbers = columns[RECORDING]
    else:
        numbers = np.concatenate([[0], np.cumsum(np.diff(table.timestamps_s) < 0)]).astype(str)
    seen: set[tuple[str, str]] = set()
    for begin, end in runs(subjects, numbers):
        subject, number = str(subjects[begin]), str(numbers[begin])
        if (subject, number) in seen and RECORDING in columns:
            raise DataError(
                f"{name} has rows of the recording {number!r} in several places, the second from row "
                f"{begin + 1}, expected them together: sort by {RECORDING}, then by time"
            )
        seen.add((subject, number))
        place = (
            f"{name} {number or 'rows'} (rows {begin + 1} to {end})"
            if RECORDING in columns
            else (f"{name} rows {begin + 1} to {end}")
        )
        yield _Part(
            Recording(
                place, table.timestamps_s[begin:end], table.samples[begin:end], table.channels
            ),
            subject,
            columns[LABEL][begin:end],
        )


def _numbers(labels: Column, names: list[str]) -> npt.NDArray[np.int16]:
    places, given = np.searchsorted(names, labels), labels != ""
    return np.where(given, places, NO_LABEL).astype(np.int16)
