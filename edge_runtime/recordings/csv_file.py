"""The toolkit's own CSV: ``time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.files import atomic_write
from edge_runtime.recordings.recording import Recording
from edge_runtime.recordings.table import read_table

TIME = "time_s"


def read_csv(path: Path, *, rate_hz: float | None = None) -> Recording:
    """Read a table whose header names ``time_s`` and channels, in any order; other columns are passed over.

    Args:
        path: of the file, UTF-8 with or without a byte order mark.
        rate_hz: samples per second, for a file without ``time_s``; sample i is then at i / rate_hz.

    Raises:
        OSError: the file cannot be opened.
        SourceError: the contents cannot be read; the message names the line and the column.
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
    with np.errstate(
        over="ignore"
    ):  # too large for float32: infinite, which the recogniser refuses
        samples = np.stack([table.columns[column] for column in channels], axis=1).astype(
            np.float32
        )
    if TIME in table.columns and rate_hz is not None:
        raise SourceError(
            f"{path.name} has a {TIME} column, but rate_hz={rate_hz:g} was given: leave that out, or "
            "remove the column"
        )
    if TIME not in table.columns and rate_hz is None:
        raise SourceError(
            f"{path.name} has no {TIME} column, only {', '.join(table.header)}: rename the column that "
            "holds the time in seconds, or give rate_hz (samples per second)"
        )
    times = np.arange(len(samples)) / rate_hz if rate_hz is not None else table.columns[TIME]
    return Recording(path.name, times, samples, channels, ignored)


def write_csv(path: str | Path, recording: Recording) -> None:
    """Write what :func:`read_csv` reads back to the last bit; a reader never sees half a file.

    Raises:
        OutputError: the file cannot be written.
    """
    line = "%r" + ",%.9g" * len(recording.channels) + "\n"  # 9 digits tell any two float32 apart
    with atomic_write(path) as file:
        file.write((",".join((TIME, *recording.channels)) + "\n").encode())
        for time_s, sample in zip(recording.timestamps_s, recording.samples, strict=True):
            file.write((line % (float(time_s), *sample.tolist())).encode())
