"""``serial:/dev/ttyACM0``: a board that prints a line of numbers a sample, as Edge Impulse's data forwarder wants.

Fields are split at commas, tabs or spaces. Options: ``baud`` (115200), ``columns`` (what the fields
are, such as ``time_ms,acc_x,acc_y,acc_z``; by default three are the accelerometer's and six the
accelerometer's and gyroscope's), ``rate_hz`` (when there is no time among the columns and the rate
is known; otherwise it is measured for a second). Lines that begin with ERR are the board's own
errors.
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
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.reconnect import reconnecting
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import SourceUri, parse_source_uri

LONGEST_LINE = 512  # bytes; six numbers need 100
TIME_UNITS = {"time_s": 1.0, "time_ms": 1e-3, "time_us": 1e-6}
SKIPPED = "-"  # a column that is no channel
BY_COUNT = {3: CHANNELS[:3], 6: CHANNELS}


class LineSplitter:
    """Cuts bytes into lines however they come; the first, which may have lost its beginning, is dropped.

    Attributes:
        too_long: lines so far that were given up because no end came.
    """

    def __init__(self) -> None:
        self.too_long = 0
        self._rest = b""
        self._skipping = True

    def push(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete, without their ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if len(self._rest) > LONGEST_LINE:
            self.too_long += not self._skipping
            self._rest, self._skipping = b"", True
        whole = [line.strip() for line in lines if len(line) <= LONGEST_LINE]
        self.too_long += len(lines) - len(whole)
        return whole


def parse_line(line: bytes) -> list[float]:
    """The numbers of a line.

    Raises:
        ValueError: something else is in it, or a number that is not finite.
    """
    text = line.decode("ascii")
    numbers = [float(field) for field in (text.split(",") if "," in text else text.split())]
    if "_" in text or not np.isfinite(numbers).all():
        raise ValueError(text)
    return numbers


class Ticks:
    """A 32-bit counter without its overflows: Arduino's micros() starts again every 72 minutes, millis() in 50 days.

    A board that was reset counts from 0 too; that is told apart by how far the counter had come.
    """

    def __init__(self) -> None:
        self._before = 0.0
        self._overflows = 0

    def unwrap(self, count: float) -> float:
        """The count, were the counter wider."""
        if math.isnan(count):
            return count  # of a line that was left out
        self._overflows += self._before - count > 2**31
        self._before = count
        return count + self._overflows * 2.0**32


class SerialSource:
    """Samples from a serial port.

    Args:
        path: of the port.
        channels: names of the columns to give, in order.
        baud: bits per second.
        columns: what the fields of a line are; None goes by their count.
        rate_hz: of the samples where known.

    Raises:
        SourceError: a column that is no channel, or one that is wanted and not there.
        MissingExtraError: pyserial is not installed.
    """

    def __init__(
        self,
        path: str,
        channels: Sequence[str],
        baud: int = 115200,
        columns: Sequence[str] | None = None,
        rate_hz: float | None = None,
    ) -> None:
        self._serial = import_extra("serial", "serial")
        self._path, self._channels, self._baud, self._rate_hz = path, tuple(channels), baud, rate_hz
        self._columns = None if columns is None else self._checked(tuple(columns))
        self.notes = Notes(f"serial {path}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> SerialSource:
        """Open ``PATH[?baud=..&columns=..&rate_hz=..]``; the rate wanted is up to the board's program.

        Raises:
            SourceError: an option makes no sense.
        """
        target = parse_source_uri(rest, ("baud", "columns", "rate_hz"))
        columns = target.options.get("columns")
        return SerialSource(
            target.name,
            channels,
            _baud(target),
            columns.split(",") if columns else None,
            target.rate(),
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        port = self._open()
        try:
            lines, ticks = LineSplitter(), Ticks()
            clock = ArrivalClock(len(self._channels), self.notes, self._rate_hz)
            while True:
                data = self._read(port)
                too_long = lines.too_long
                rows = [self._parse(line) for line in lines.push(data) if line]
                if lines.too_long > too_long:
                    self.notes.skipped(
                        "malformed line",
                        f"no end of line came within {LONGEST_LINE} bytes, expected "
                        "numbers and a line end: check the baud rate",
                        lines.too_long - too_long,
                    )
                yield self._chunk(rows, clock, ticks)
        finally:
            port.close()

    def _open(self) -> Any:
        try:
            return self._serial.Serial(self._path, self._baud, timeout=IDLE_S, exclusive=True)
        except (OSError, ValueError) as error:
            raise SourceError(self._why_closed(error)) from error

    def _why_closed(self, error: Exception) -> str:
        code = getattr(error, "errno", None)
        if code == errno.ENOENT:
            ports = import_extra("serial.tools.list_ports", "serial").comports()
            plugged = ", ".join(port.device for port in ports) or "none"
            return f"there is no {self._path}: plug the board in, or name one of the serial ports here ({plugged})"
        if code == errno.EACCES:
            return (
                f"{self._path} may not be opened by this user: sudo usermod -aG dialout $USER, then log out and in "
                "again"
            )
        if code in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
            return f"{self._path} is in use by another program: close it (the Arduino IDE's serial monitor?)"
        return f"{self._path} cannot be opened as a serial port at {self._baud} baud ({error}): check both"

    def _read(self, port: Any) -> bytes:
        try:
            return bytes(port.read(port.in_waiting or 1))
        except OSError as error:
            raise SourceError(
                f"{self._path} was unplugged or closed ({error}): plug it in again"
            ) from error

    def _parse(self, line: bytes) -> list[float]:
        """The numbers of a line; none for one that is left out, so that its place in time is kept."""
        if line.startswith(b"ERR"):
            self.notes.skipped("error line", f"the board says {_shown(line)}")
            return []
        try:
            numbers = parse_line(line)
        except ValueError:
            self.notes.skipped(
                "malformed line",
                f"a line is {_shown(line)}, expected numbers with commas between "
                "them: check the baud rate and what the board prints",
            )
            return []
        if self._columns is None and len(numbers) in BY_COUNT:
            self._columns = self._checked(BY_COUNT[len(numbers)])
        expected = "3 (acc) or 6 (acc, gyro)" if self._columns is None else str(len(self._columns))
        if self._columns is None or len(numbers) != len(self._columns):
            self.notes.skipped(
                "malformed line",
                f"a line has {len(numbers)} numbers ({_shown(line)}), expected "
                f"{expected}: say what they are with columns=time_ms,acc_x,...",
            )
            return []
        return numbers

    def _chunk(self, rows: list[list[float]], clock: ArrivalClock, ticks: Ticks) -> Chunk:
        if not rows or self._columns is None:
            return Chunk.empty(len(self._channels))
        missing = [float("nan")] * len(self._columns)
        table = np.array([row or missing for row in rows])
        places = [self._columns.index(name) for name in self._channels]
        with np.errstate(
            over="ignore"
        ):  # too large for float32: infinite, which the recogniser refuses
            samples = table[:, places].astype(np.float32)
        unit = next((name for name in self._columns if name in TIME_UNITS), None)
        if unit is None:
            return _without_nan(clock.push(samples, time.monotonic()))
        times = table[:, self._columns.index(unit)]
        if unit != "time_s":
            times = np.array([ticks.unwrap(count) for count in times])
        return _without_nan(Chunk(times * TIME_UNITS[unit], samples))

    def _checked(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in columns if name not in (*CHANNELS, *TIME_UNITS, SKIPPED)]
        named = [name for name in columns if name != SKIPPED]
        if wrong or len(set(named)) < len(named) or sum(name in TIME_UNITS for name in columns) > 1:
            raise SourceError(
                f"{self._path} was given columns={','.join(columns)}, expected names out of "
                f"{', '.join((*CHANNELS, *TIME_UNITS))}, each once and one time at most, and "
                f"{SKIPPED} for a field to pass over: correct them"
            )
        lacking = [name for name in self._channels if name not in columns]
        if lacking:
            raise SourceError(
                f"{self._path} gives {', '.join(columns)}, but {', '.join(lacking)} is wanted too: let "
                "the board print it, or use a model for fewer channels"
            )
        return columns


def _without_nan(chunk: Chunk) -> Chunk:
    whole = np.asarray(~np.isnan(chunk.samples).any(axis=1))
    return chunk if whole.all() else Chunk(chunk.timestamps_s[whole], chunk.samples[whole])


def _baud(target: SourceUri) -> int:
    baud = target.whole_number("baud")
    if baud == 0:
        raise SourceError(
            f"{target.name} was given baud=0, expected bits per second: write for example baud=115200"
        )
    return baud or 115200


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("ascii", "replace"))
