"""``serial:/dev/ttyACM0``: a board that prints a line of numbers per sample.

This is the format of Edge Impulse's data forwarder. Fields are separated by commas, tabs or spaces.
Lines that begin with ERR are the board's own error messages.

Options: ``baud`` (115200), ``columns`` (the names of the fields, such as
``time_ms,acc_x,acc_y,acc_z``; by default three fields are the accelerometer, six the accelerometer
and gyroscope), ``rate_hz`` (if known, and if there is no time among the columns; otherwise the rate
is measured for a second).
"""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.sources.arrival import ArrivalClock
from edge_runtime.sources.live import reconnecting
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

DEFAULT_BAUD = 115200
LONGEST_LINE = 512  # bytes; six numbers need 100
TIME_UNITS_S = {"time_s": 1.0, "time_ms": 1e-3, "time_us": 1e-6}
SKIPPED = "-"  # a column that is ignored
COLUMNS_BY_COUNT = {3: CHANNELS[:3], 6: CHANNELS}


class SerialSource:
    """Samples from a serial port.

    Args:
        path: the port.
        channels: names of the columns to return, in order.
        baud: bits per second.
        columns: names of the fields of a line. None decides by their number.
        rate_hz: samples per second if known.

    Raises:
        SourceError: a column has no valid name, or a requested one is missing.
        MissingExtraError: pyserial is not installed.
    """

    def __init__(
        self,
        path: str,
        channels: Sequence[str],
        baud: int = DEFAULT_BAUD,
        columns: Sequence[str] | None = None,
        rate_hz: float | None = None,
    ) -> None:
        self._serial = import_extra("serial", "serial")
        self._path = path
        self._channels = tuple(channels)
        self._baud = baud
        self._rate_hz = rate_hz
        self._columns = None if columns is None else self._checked(tuple(columns))
        self.notes = Notes(f"serial {path}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> SerialSource:
        """Open ``PATH[?baud=..&columns=..&rate_hz=..]``.

        The argument ``rate_hz`` has no effect: the board's program sets the rate.

        Raises:
            SourceError: an option is invalid.
        """
        target = parse_source_uri(rest, ("baud", "columns", "rate_hz"))
        columns = target.options.get("columns")
        baud = target.whole_number("baud")
        if baud == 0:
            raise SourceError(
                f"{target.name} was given baud=0, expected bits per second: write for example "
                "baud=115200"
            )
        return SerialSource(
            target.name,
            channels,
            baud=baud or DEFAULT_BAUD,
            columns=columns.split(",") if columns else None,
            rate_hz=target.rate(),
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        port = self._open()
        try:
            splitter = LineSplitter()
            ticks = TickCounter()
            clock = ArrivalClock(len(self._channels), self.notes, self._rate_hz)
            while True:
                data = self._read(port)
                too_long_before = splitter.too_long
                rows = [self._parse(line) for line in splitter.split(data) if line]
                if splitter.too_long > too_long_before:
                    self.notes.skipped(
                        "malformed line",
                        f"no end of line came within {LONGEST_LINE} bytes, expected "
                        "numbers and a line end: check the baud rate",
                        splitter.too_long - too_long_before,
                    )
                yield self._chunk(rows, clock, ticks)
        finally:
            port.close()

    def _open(self) -> Any:
        try:
            return self._serial.Serial(self._path, self._baud, timeout=IDLE_S, exclusive=True)
        except (OSError, ValueError) as error:
            raise SourceError(self._why_not_open(error)) from error

    def _why_not_open(self, error: Exception) -> str:
        code = getattr(error, "errno", None)
        if code == errno.ENOENT:
            ports = import_extra("serial.tools.list_ports", "serial").comports()
            names = ", ".join(port.device for port in ports) or "none"
            return (
                f"there is no {self._path}: plug the board in, or name one of the serial ports "
                f"here ({names})"
            )
        if code == errno.EACCES:
            return (
                f"{self._path} may not be opened by this user: sudo usermod -aG dialout $USER, "
                "then log out and in again"
            )
        if code in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
            return (
                f"{self._path} is in use by another program: close it (the Arduino IDE's serial "
                "monitor?)"
            )
        return (
            f"{self._path} cannot be opened as a serial port at {self._baud} baud ({error}): check "
            "both"
        )

    def _read(self, port: Any) -> bytes:
        try:
            return bytes(port.read(port.in_waiting or 1))
        except OSError as error:
            raise SourceError(
                f"{self._path} was unplugged or closed ({error}): plug it in again"
            ) from error

    def _parse(self, line: bytes) -> list[float]:
        """Return the numbers of a line, or none if the line is left out.

        A line that is left out still takes its place in time.
        """
        if line.startswith(b"ERR"):
            self.notes.skipped("error line", f"the board says {_quoted(line)}")
            return []
        try:
            numbers = parse_line(line)
        except ValueError:
            self.notes.skipped(
                "malformed line",
                f"a line is {_quoted(line)}, expected numbers with commas between "
                "them: check the baud rate and what the board prints",
            )
            return []
        if self._columns is None and len(numbers) in COLUMNS_BY_COUNT:
            self._columns = self._checked(COLUMNS_BY_COUNT[len(numbers)])
        if self._columns is None or len(numbers) != len(self._columns):
            expected = "3 (acc) or 6 (acc, gyro)"
            if self._columns is not None:
                expected = str(len(self._columns))
            self.notes.skipped(
                "malformed line",
                f"a line has {len(numbers)} numbers ({_quoted(line)}), expected "
                f"{expected}: name them with columns=time_ms,acc_x,...",
            )
            return []
        return numbers

    def _chunk(self, rows: list[list[float]], clock: ArrivalClock, ticks: TickCounter) -> Chunk:
        if not rows or self._columns is None:
            return Chunk.empty(len(self._channels))
        left_out = [float("nan")] * len(self._columns)
        table = np.array([row or left_out for row in rows])
        indices = [self._columns.index(name) for name in self._channels]
        # A number too large for float32 becomes infinite, which the recogniser refuses.
        with np.errstate(over="ignore"):
            samples = table[:, indices].astype(np.float32)
        time_column = next((name for name in self._columns if name in TIME_UNITS_S), None)
        if time_column is None:
            return _without_nan(clock.stamp(samples, time.monotonic()))
        times = table[:, self._columns.index(time_column)]
        if time_column != "time_s":
            times = np.array([ticks.unwrap(count) for count in times])
        return _without_nan(Chunk(times * TIME_UNITS_S[time_column], samples))

    def _checked(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns if their names are valid and all requested channels are there."""
        valid_names = (*CHANNELS, *TIME_UNITS_S, SKIPPED)
        used = [name for name in columns if name != SKIPPED]
        n_times = sum(name in TIME_UNITS_S for name in columns)
        if (
            any(name not in valid_names for name in columns)
            or len(set(used)) < len(used)
            or n_times > 1
        ):
            raise SourceError(
                f"{self._path} was given columns={','.join(columns)}, expected names out of "
                f"{', '.join((*CHANNELS, *TIME_UNITS_S))}, each once and at most one time, and "
                f"{SKIPPED} for a field to ignore: correct them"
            )
        missing = [name for name in self._channels if name not in columns]
        if missing:
            raise SourceError(
                f"{self._path} gives {', '.join(columns)}, but {', '.join(missing)} is needed too: "
                "let the board print it, or use a model for fewer channels"
            )
        return columns


class LineSplitter:
    """Splits bytes into lines. The first line, whose beginning may be missing, is dropped.

    Attributes:
        too_long: number of lines dropped so far because no end came.
    """

    def __init__(self) -> None:
        self.too_long = 0
        self._rest = b""
        self._skipping = True

    def split(self, data: bytes) -> list[bytes]:
        """Return the lines that these bytes complete, without their ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if len(self._rest) > LONGEST_LINE:
            if not self._skipping:
                self.too_long += 1
            self._rest = b""
            self._skipping = True
        complete = [line.strip() for line in lines if len(line) <= LONGEST_LINE]
        self.too_long += len(lines) - len(complete)
        return complete


def parse_line(line: bytes) -> list[float]:
    """Return the numbers of a line.

    Raises:
        ValueError: a field is not a finite number.
    """
    text = line.decode("ascii")
    fields = text.split(",") if "," in text else text.split()
    numbers = [float(field) for field in fields]
    if "_" in text or not np.isfinite(numbers).all():
        raise ValueError(text)
    return numbers


class TickCounter:
    """A 32-bit counter without its overflows.

    Arduino's micros() starts again every 72 minutes, millis() every 50 days. A board that was reset
    counts from 0 too. How far the counter had come tells the two apart.
    """

    def __init__(self) -> None:
        self._previous = 0.0
        self._overflows = 0

    def unwrap(self, count: float) -> float:
        """Return what a wider counter would show."""
        if math.isnan(count):
            return count  # of a line that was left out
        if self._previous - count > 2**31:
            self._overflows += 1
        self._previous = count
        return count + self._overflows * 2.0**32


def _without_nan(chunk: Chunk) -> Chunk:
    complete = np.asarray(~np.isnan(chunk.samples).any(axis=1))
    if complete.all():
        return chunk
    return Chunk(chunk.timestamps_s[complete], chunk.samples[complete])


def _quoted(line: bytes) -> str:
    return repr(line[:40].decode("ascii", "replace"))
