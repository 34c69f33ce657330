"""Write a recording while it is made. Whatever happens, at most its last second is lost."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.errors import OutputError
from edge_runtime.recordings.csv_file import TIME, line_format

SYNC_S = 1.0
# The last column. A line that a power failure cut off ends in it or lacks it, and the readers take
# no channel from it.
NUMBER = "sample"
RESTART_S = 1.0  # a clock that runs back by this much or more has been restarted


class RecordingWriter:
    """Append samples to a new CSV file in whole lines, and flush it to the disk every second.

    When time runs back by a second or more, as after a restart of the sensor, a new file is begun.

    Args:
        directory: where to make the file. Created if it is missing.
        name: file name without ending. A number is added if a file of that name exists.
        channels: names of the columns.
        longest_s: where to stop, on the sensor's clock.

    Attributes:
        full: whether ``longest_s`` is reached.
        paths: the files so far.
        samples: number of samples written.
        duration_s: from the first sample to the last, on the sensor's clock, over all files.
        dropped: number of samples left out because they were late or not finite.

    Raises:
        OutputError: the directory cannot be made.
    """

    def __init__(
        self, directory: Path, name: str, channels: Sequence[str], longest_s: float = math.inf
    ) -> None:
        self._directory = directory
        self._name = name
        self._channels = tuple(channels)
        self._longest_s = longest_s
        self.full = False
        self.paths: list[Path] = []
        self.samples = 0
        self.dropped = 0
        self._line = line_format(len(channels)) + ",%d\n"
        self._file: int | None = None
        self._size = 0  # bytes of whole lines in the file
        self._first_s = 0.0
        self._last_s = 0.0
        self._written_s = 0.0
        self._synced_s = 0.0
        self._earlier_files_s = 0.0
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(directory, error) from error

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the last, over all files, in seconds."""
        if self._file is None:
            return self._earlier_files_s
        return self._earlier_files_s + (self._written_s - self._first_s)

    def write(self, times_s: Float64Array, samples: Float32Array) -> None:
        """Append samples. Samples that are late or not finite are left out and counted.

        Args:
            times_s: (n,) seconds on the sensor's clock.
            samples: (n, channels).

        Raises:
            OutputError: for example, the disk is full. The file then holds everything written
                before, in whole lines.
        """
        usable = np.isfinite(times_s) & np.isfinite(samples).all(1)
        self.dropped += int((~usable).sum())
        lines: list[str] = []
        for time_s, sample in zip(times_s[usable].tolist(), samples[usable].tolist(), strict=True):
            if self._file is None or time_s <= self._last_s - RESTART_S:
                self._append(lines)
                lines = []
                self._begin_file(time_s)
            elif time_s <= self._last_s:
                self.dropped += 1
                continue
            if self._earlier_files_s + time_s - self._first_s >= self._longest_s:
                self.full = True
                break
            self._last_s = time_s
            lines.append(self._line % (time_s, *sample, self.samples + len(lines)))
        self._append(lines)

    def sync(self) -> None:
        """Flush to the disk, if the last flush was a second ago or more.

        Raises:
            OutputError: the disk failed.
        """
        if self._file is not None and time.monotonic() - self._synced_s >= SYNC_S:
            self._sync()

    def close(self) -> None:
        """Flush everything to the disk and close the file. Closing twice is harmless.

        Raises:
            OutputError: the disk failed.
        """
        if self._file is None:
            return
        self._earlier_files_s = self.duration_s
        file = self._file
        self._file = None
        try:
            os.fsync(file)
        except OSError as error:
            raise _unwritable(self.paths[-1], error) from error
        finally:
            os.close(file)

    def _begin_file(self, time_s: float) -> None:
        self.close()
        path = self._directory / f"{self._name}.csv"
        number = 1
        while True:
            try:
                self._file = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666
                )
                break
            except FileExistsError:
                number += 1
                path = self._directory / f"{self._name}-{number}.csv"
            except OSError as error:
                raise _unwritable(path, error) from error
        self.paths.append(path)
        self._size = 0
        self._first_s = time_s
        self._last_s = time_s
        self._written_s = time_s
        self._write((",".join((TIME, *self._channels, NUMBER)) + "\n").encode())
        self._sync()
        # The directory keeps the file's name. Not every file system can flush a directory.
        with contextlib.suppress(OSError):
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _append(self, lines: list[str]) -> None:
        if not lines:
            return
        data = "".join(lines).encode()
        size_before = self._size
        try:
            self._write(data)
        finally:  # on a full disk, count the lines that fitted
            kept = data[: self._size - size_before].splitlines()
            self.samples += len(kept)
            if kept:
                self._written_s = float(kept[-1].partition(b",")[0])

    def _write(self, data: bytes) -> None:
        """Append whole lines. A line that only fits partly is removed."""
        assert self._file is not None
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            self._size += data.rfind(b"\n", 0, written) + 1
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise _unwritable(self.paths[-1], error) from error
        self._size += len(data)

    def _sync(self) -> None:
        if self._file is None:
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _unwritable(self.paths[-1], error) from error
        self._synced_s = time.monotonic()


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}): choose another place, or free some "
        "space"
    )
