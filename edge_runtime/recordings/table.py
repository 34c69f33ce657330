"""Comma-separated tables with a header, read column by name."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn, TextIO

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.errors import SourceError


@dataclass(frozen=True)
class Table:
    """A table's header and its columns of numbers.

    Attributes:
        header: every column name, in the file's order.
        columns: name to (n,) float64, for the columns that were asked for and are there.
    """

    header: tuple[str, ...]
    columns: dict[str, Float64Array]


def read_table(file: TextIO, name: str, numeric: Collection[str]) -> Table:
    """Read the columns named in ``numeric``; what the other columns hold does not matter.

    A last line without a line end and with too few fields is passed over: it was cut off while it
    was written.

    Args:
        file: seekable text, opened at its start with encoding ``utf-8-sig``, so that a byte order
            mark is dropped.
        name: of the file, for messages.
        numeric: names of the columns wanted.

    Raises:
        SourceError: not text, no header, no line of numbers, a column name that comes twice, a line
            with the wrong number of fields, or a wanted field that is no number.
    """
    try:
        header = tuple(field.strip() for field in next(csv.reader(file), []))
        _check_header(header, name, numeric)
        lines = _whole(file, len(header))
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
        _name_culprit(file, name, header, numeric, error)
    return Table(header, columns)


def _whole(lines: Iterable[str], fields: int) -> Iterator[str]:
    """The lines, less a last one that ends early: the power failed while it was written."""
    for line in lines:
        if line.endswith("\n") or len(next(csv.reader([line]), [])) >= fields:
            yield line


def _check_header(header: tuple[str, ...], name: str, numeric: Collection[str]) -> None:
    if not any(header):
        raise SourceError(
            f"{name} is empty or starts with an empty line, expected a header such as "
            "time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z: record it again or add the header"
        )
    if not all(column.isprintable() for column in header):
        raise SourceError(
            f"{name} starts with {','.join(header)[:40]!r}, expected a header of column names: save it "
            "as CSV in UTF-8"
        )
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise SourceError(
            f"{name} has the header {header[0]!r}, expected names with commas between them: save it as "
            "comma-separated values, with a point in the numbers"
        )
    twice = sorted({column for column in header if column in numeric and header.count(column) > 1})
    if twice:
        raise SourceError(
            f"{name} has the column {twice[0]} twice, expected each once: rename or remove one of them"
        )


def _load(
    lines: Iterator[str], header: tuple[str, ...], numeric: Collection[str]
) -> dict[str, Float64Array]:
    # A structured type makes numpy insist on the number of fields; one character of a text column
    # is kept, unread.
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


def _name_culprit(
    file: TextIO, name: str, header: tuple[str, ...], numeric: Collection[str], error: Exception
) -> NoReturn:
    """Walk the lines slowly to say where the table is wrong."""
    file.seek(0)
    reader = csv.reader(file)
    try:
        for fields in itertools.islice(reader, 1, None):
            where = f"line {reader.line_num} of {name}"
            if fields and len(fields) != len(header):
                raise SourceError(
                    f"{where} has {len(fields)} fields, expected {len(header)} as in the header: mend "
                    "or remove the line"
                ) from error
            for column, field in zip(header, fields, strict=False):
                if column in numeric and not _is_number(field):
                    raise SourceError(
                        f"{where} has {field[:40]!r} in column {column}, expected a number: mend or "
                        "remove the line"
                    ) from error
    except (csv.Error, ValueError) as later_error:
        error = later_error
    raise SourceError(
        f"{name} cannot be read as comma-separated values (at line {reader.line_num}: {error}): save it "
        "again as CSV"
    ) from error


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return field.isascii() and "_" not in field  # Python's float takes more than CSV does
