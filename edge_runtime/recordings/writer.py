"""A recording written while it is made, so that whatever happens, at most its last second is lost."""

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
from edge_runtime.recordings.csv_file import TIME

SYNC_S = 1.0
# The last column. A line cut short by a power failure ends in it or lacks it, and the readers take
# no channel from it.
NUMBER = "sample"
RESTART_S = 1.0  # time that runs back so far means another clock


class RecordingWriter:
    """Appends samples to a new CSV file, in whole lines, and has the disk keep them every second.

    Time that runs back by a second or more, as after a restart of the sensor, begins another file.

    Args:
        directory: to make the file in; it is made too.
        name: of the file, without ending; a number is added where that exists already.
        channels: columns.
        longest_s: where to stop, on the sensor's clock.

    Attributes:
        full: whether ``longest_s`` is reached.
        paths: of the files so far.
        samples: written.
        duration_s: from the first sample to the last, on the sensor's clock, over all files.
        dropped: samples left out, because they were late or no numbers.

    Raises:
        OutputError: the directory cannot be made.
    """

    def __init__(
        self, directory: Path, name: str, channels: Sequence[str], longest_s: float = math.inf
    ) -> None:
        self._directory, self._name = directory, name
        self._channels, self._longest_s = tuple(channels), longest_s
        self.full = False
        self._line = "%r" + ",%.9g" * len(channels) + ",%d\n"  # 9 digits tell any two float32 apart
        self._file: int | None = None
        self._size = 0  # of what is known to be whole
        self._first_s = self._last_s = self._written_s = 0.0
        self._synced_s = 0.0
        self._earlier_s = 0.0  # duration of the files before this one
        self.paths: list[Path] = []
        self.samples = self.dropped = 0
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(directory, error) from error

    @property
    def duration_s(self) -> float:
        """See above."""
        return self._earlier_s + (
            self._written_s - self._first_s if self._file is not None else 0.0
        )

    def write(self, times_s: Float64Array, samples: Float32Array) -> None:
        """Append samples; those that are late or not finite are left out.

        Args:
            times_s: (n,) seconds on the sensor's clock.
            samples: (n, channels).

        Raises:
            OutputError: the disk is full, or the like; the file holds what was written before, in
            whole lines.
        """
        usable = np.isfinite(times_s) & np.isfinite(samples).all(1)
        self.dropped += int((~usable).sum())
        lines: list[str] = []
        for time_s, sample in zip(times_s[usable].tolist(), samples[usable].tolist(), strict=True):
            if self._file is None or time_s <= self._last_s - RESTART_S:
                self._append(lines)
                lines = []
                self._next_file(time_s)
            elif time_s <= self._last_s:
                self.dropped += 1
                continue
            if self._earlier_s + time_s - self._first_s >= self._longest_s:
                self.full = True
                break
            self._last_s = time_s
            lines.append(self._line % (time_s, *sample, self.samples + len(lines)))
        self._append(lines)

    def sync(self) -> None:
        """Have the disk keep what was written, if that is a second ago.

        Raises:
            OutputError: the disk failed.
        """
        if self._file is not None and time.monotonic() - self._synced_s >= SYNC_S:
            self._sync()

    def close(self) -> None:
        """Have the disk keep everything, and let go of the file; closing twice does no harm.

        Raises:
            OutputError: the disk failed.
        """
        if self._file is None:
            return
        self._earlier_s = self.duration_s
        file, self._file = self._file, None
        try:
            os.fsync(file)
        except OSError as error:
            raise _unwritable(self.paths[-1], error) from error
        finally:
            os.close(file)

    def _next_file(self, time_s: float) -> None:
        self.close()
        number = 1
        while True:
            path = self._directory / (
                f"{self._name}.csv" if number == 1 else f"{self._name}-{number}.csv"
            )
            try:
                self._file = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666
                )
                break
            except FileExistsError:
                number += 1
            except OSError as error:
                raise _unwritable(path, error) from error
        self.paths.append(path)
        self._size = 0
        self._first_s = self._last_s = self._written_s = time_s
        self._write((",".join((TIME, *self._channels, NUMBER)) + "\n").encode())
        self._sync()
        with contextlib.suppress(OSError):  # the file's name, too; not every file system can
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _append(self, lines: list[str]) -> None:
        if not lines:
            return
        data = "".join(lines).encode()
        size = self._size
        try:
            self._write(data)
        finally:  # on a full disk, count what found its place
            kept = data[: self._size - size].splitlines()
            self.samples += len(kept)
            if kept:
                self._written_s = float(kept[-1].partition(b",")[0])

    def _write(self, data: bytes) -> None:
        """Append whole lines."""
        assert self._file is not None
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            self._size += data.rfind(b"\n", 0, written) + 1
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)  # no half a line
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
