"""Comma-separated files: the toolkit's own format, and tables with a header, read by column name.

The toolkit's format is ``time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z``.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.files import atomic_write
from edge_runtime.recordings.recording import Recording, as_float32

TIME = "time_s"


def read_csv(path: Path, *, rate_hz: float | None = None) -> Recording:
    """Read a table whose header names ``time_s`` and channels, in any order.

    Other columns are ignored.

    Args:
        path: UTF-8 file, with or without a byte order mark.
        rate_hz: samples per second, for a file without ``time_s``. Sample i is then at i / rate_hz.

    Raises:
        OSError: the file cannot be opened.
        SourceError: the contents cannot be read. The message names the line and the column.
    """
    with path.open(encoding="utf-8-sig") as file:
        table = read_table(file, path.name, (TIME, *CHANNELS))
    channels = tuple(column for column in table.header if column in CHANNELS)
    ignored = tuple(column for column in table.header if column != TIME and column not in CHANNELS)
    if not channels:
        raise SourceError(
            f"{path.name} has the columns {', '.join(table.header)}, expected some of "
            f"{', '.join(CHANNELS)}: rename the columns in the header"
        )
    samples = as_float32(np.stack([table.columns[column] for column in channels], axis=1))
    if TIME in table.columns and rate_hz is not None:
        raise SourceError(
            f"{path.name} has a {TIME} column, but rate_hz={rate_hz:g} was given: remove that "
            "option, or remove the column"
        )
    if TIME not in table.columns and rate_hz is None:
        raise SourceError(
            f"{path.name} has no {TIME} column, only {', '.join(table.header)}: rename the column "
            "that holds the time in seconds, or give rate_hz (samples per second)"
        )
    times_s = np.arange(len(samples)) / rate_hz if rate_hz is not None else table.columns[TIME]
    return Recording(path.name, times_s, samples, channels, ignored)


def write_csv(path: str | Path, recording: Recording) -> None:
    """Write a file that :func:`read_csv` reads back exactly. Readers never see a partial file.

    Raises:
        OutputError: the file cannot be written.
    """
    line = line_format(len(recording.channels)) + "\n"
    with atomic_write(path) as file:
        file.write((",".join((TIME, *recording.channels)) + "\n").encode())
        for time_s, sample in zip(recording.timestamps_s, recording.samples, strict=True):
            file.write((line % (float(time_s), *sample.tolist())).encode())


def line_format(channels: int) -> str:
    """Return the ``%`` format of one sample: a float64 time and ``channels`` float32 values.

    Both are read back exactly: 9 significant digits distinguish any two float32 numbers.
    """
    return "%r" + ",%.9g" * channels


@dataclass(frozen=True)
class Table:
    """A table's header and its numeric columns.

    Attributes:
        header: every column name, in the file's order.
        columns: name to (n,) float64, for the requested columns that the table has.
    """

    header: tuple[str, ...]
    columns: dict[str, Float64Array]


def read_table(file: TextIO, name: str, numeric: Collection[str]) -> Table:
    """Read the columns named in ``numeric``. The contents of other columns do not matter.

    A last line that has no line end and too few fields was cut off while it was written. It is
    ignored.

    Args:
        file: seekable text, opened at its start with encoding ``utf-8-sig``, which drops a byte
            order mark.
        name: name of the file, for messages.
        numeric: names of the columns to read.

    Raises:
        SourceError: the file is not text, has no header or no line of numbers, repeats a column
            name, has a line with the wrong number of fields, or a requested field that is not a
            number.
    """
    try:
        header = tuple(field.strip() for field in next(csv.reader(file), []))
        _check_header(header, name, numeric)
        lines = _complete_lines(file, len(header))
        first = next((line for line in lines if line.strip("\r\n")), None)
        if first is None:
            raise SourceError(
                f"{name} has a header but no samples, expected a line of numbers for each sample: "
                "record it again"
            )
        columns = _load(itertools.chain([first], lines), header, numeric)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name} is not text in UTF-8 ({error.reason} at byte {error.start}), expected "
            "comma-separated values: save it as CSV in UTF-8"
        ) from error
    except (ValueError, csv.Error) as error:
        _raise_with_line_number(file, name, header, numeric, error)
    return Table(header, columns)


def _check_header(header: tuple[str, ...], name: str, numeric: Collection[str]) -> None:
    if not any(header):
        raise SourceError(
            f"{name} is empty or starts with an empty line, expected a header such as "
            "time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z: record it again or add the header"
        )
    if not all(column.isprintable() for column in header):
        raise SourceError(
            f"{name} starts with {','.join(header)[:40]!r}, expected a header of column names: "
            "save it as CSV in UTF-8"
        )
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise SourceError(
            f"{name} has the header {header[0]!r}, expected names separated by commas: save it as "
            "comma-separated values, with a point in the numbers"
        )
    repeated = sorted(
        {column for column in header if column in numeric and header.count(column) > 1}
    )
    if repeated:
        raise SourceError(
            f"{name} has the column {repeated[0]} twice, expected each once: rename or remove one "
            "of them"
        )


def _complete_lines(lines: Iterable[str], fields: int) -> Iterator[str]:
    """Yield the lines, without a last one that a power failure cut off."""
    for line in lines:
        if line.endswith("\n") or len(next(csv.reader([line]), [])) >= fields:
            yield line


def _load(
    lines: Iterator[str], header: tuple[str, ...], numeric: Collection[str]
) -> dict[str, Float64Array]:
    # A structured type makes numpy check the number of fields. One character of each text column is
    # kept and not used.
    dtype = np.dtype(
        [
            (f"column{i}", np.float64 if column in numeric else "U1")
            for i, column in enumerate(header)
        ]
    )
    rows = np.loadtxt(lines, dtype, delimiter=",", comments=None, quotechar='"', ndmin=1)
    return {
        column: np.ascontiguousarray(rows[f"column{i}"])
        for i, column in enumerate(header)
        if column in numeric
    }


def _raise_with_line_number(
    file: TextIO, name: str, header: tuple[str, ...], numeric: Collection[str], error: Exception
) -> NoReturn:
    """Read the lines again, slowly, to say which one is wrong."""
    file.seek(0)
    reader = csv.reader(file)
    try:
        for fields in itertools.islice(reader, 1, None):
            where = f"line {reader.line_num} of {name}"
            if fields and len(fields) != len(header):
                raise SourceError(
                    f"{where} has {len(fields)} fields, expected {len(header)} as in the header: "
                    "fix or remove the line"
                ) from error
            for column, field in zip(header, fields, strict=False):
                if column in numeric and not _is_number(field):
                    raise SourceError(
                        f"{where} has {field[:40]!r} in column {column}, expected a number: fix or "
                        "remove the line"
                    ) from error
    except (csv.Error, ValueError) as later_error:
        error = later_error
    raise SourceError(
        f"{name} cannot be read as comma-separated values (at line {reader.line_num}: {error}): "
        "save it again as CSV"
    ) from error


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return field.isascii() and "_" not in field  # Python's float accepts more than CSV does
