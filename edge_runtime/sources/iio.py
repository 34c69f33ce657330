"""``iio:[NAME]``: a sensor with a driver in the Linux kernel, through its Industrial I/O interface.

NAME is the beginning of the driver's name for the device, so ``iio:lsm6dso`` is both accelerometer
and gyroscope, or ``iio:device0``. Without it the first accelerometer and the first gyroscope are
taken.

Options: ``mode`` (``buffer`` reads records with timestamps from /dev, ``poll`` reads each value
from sysfs and needs no permission, ``auto`` prefers the buffer), ``rate_hz`` (the driver's lowest
rate from there upwards is set), ``trigger`` (name of the trigger that starts each record).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.sources.iio_device import IioDevice, find_devices
from edge_runtime.sources.live import polled, reconnecting
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

MODES = ("auto", "buffer", "poll")
ANY = "auto"
DEFAULT_POLL_HZ = 50.0
READ_RECORDS = 512
BUFFER_S = 2.0  # of records that the kernel keeps for a reader that is late


class IioSource:
    """Samples from one IIO device, or from two that are one chip.

    Args:
        name: beginning of the driver's name, ``iio:deviceN``, or empty.
        channels: names of the columns to return, in order.
        mode: one of MODES.
        rate_hz: rate to set, or None to leave it unchanged.
        trigger: name of a trigger, or None to find one.
        root: the directory that contains sys and dev.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        mode: str = "auto",
        rate_hz: float | None = None,
        trigger: str | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._name = name
        self._channels = tuple(channels)
        self._mode = mode
        self._rate_hz = rate_hz
        self._trigger = trigger
        self._root = root
        self.notes = Notes(f"iio {name}".strip())

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> IioSource:
        """Open ``[NAME][?mode=..&rate_hz=..&trigger=..]``.

        Raises:
            SourceError: an option is invalid.
        """
        target = parse_source_uri(rest, ("mode", "rate_hz", "trigger"), default_name=ANY)
        return IioSource(
            "" if target.name == ANY else target.name,
            channels,
            mode=target.choice("mode", MODES),
            rate_hz=target.rate(rate_hz),
            trigger=target.options.get("trigger"),
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        merger = SensorMerger(self._channels, self.notes)
        devices = find_devices(self._root, self._name, merger.sensors)
        try:
            if self._mode == "poll":
                yield from self._poll(devices)
            obstacles = (device.why_not_buffered() for device in devices)
            obstacle = next(filter(None, obstacles), None)
            if obstacle is None:
                yield from self._read_buffers(devices, merger)
            elif self._mode == "buffer":
                raise SourceError(obstacle)
            else:
                self.notes.tell(
                    f"{obstacle}; for now its values are polled, with less steady times"
                )
                yield from self._poll(devices)
        except OSError as error:
            raise SourceError(_why_lost(devices, error)) from error

    def _poll(self, devices: list[IioDevice]) -> Iterator[Chunk]:
        with contextlib.ExitStack() as stack:
            readers = [stack.enter_context(device.poller()) for device in devices]
            available = [name for device in devices for name in device.channels]
            order = [available.index(name) for name in self._channels]

            def read() -> list[float]:
                values = [value for reader in readers for value in reader()]
                return [values[i] for i in order]

            for device in devices:
                # Without permission the rate cannot be set.
                with contextlib.suppress(OSError, SourceError):
                    device.set_rate(self._rate_hz)
            yield from polled(read, self._rate_hz or DEFAULT_POLL_HZ, self.notes)

    def _read_buffers(self, devices: list[IioDevice], merger: SensorMerger) -> Iterator[Chunk]:
        with contextlib.ExitStack() as stack:
            pending: dict[int, tuple[IioDevice, bytearray]] = {}
            for device in devices:
                # Opening fails while another program has the device.
                file = os.open(device.node, os.O_RDONLY | os.O_NONBLOCK)
                stack.callback(os.close, file)
                stack.callback(device.stop)
                rate_hz = device.start(self._rate_hz, self._trigger, BUFFER_S)
                pending[file] = (device, bytearray())
                self.notes.tell(
                    f"{device.name} gives {', '.join(device.channels)} at {rate_hz:g} Hz"
                )
            while True:
                ready, _, _ = select.select(list(pending), [], [], IDLE_S)
                # If nothing is ready, read anyway: only that shows that a device is gone.
                for file in ready or pending:
                    device, data = pending[file]
                    _read_records(file, device, data, merger)
                yield merger.pull()


def _read_records(file: int, device: IioDevice, pending: bytearray, merger: SensorMerger) -> None:
    """Read what the kernel has, and pass all whole records to the merger.

    Args:
        file: descriptor of the device's buffer.
        device: decodes its records.
        pending: the beginning of a record, from an earlier call. Updated.
        merger: takes the samples.
    """
    try:
        data = os.read(file, READ_RECORDS * device.layout.size)
    except BlockingIOError:
        return
    if not data:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    pending += data
    whole_bytes = len(pending) - len(pending) % device.layout.size
    times_s, values = device.decode(bytes(pending[:whole_bytes]))
    del pending[:whole_bytes]
    for sensor in device.sensors:
        axes = [values[f"{sensor}_{axis}"] for axis in "xyz"]
        merger.add(sensor, times_s, np.stack(axes, axis=1))


def _why_lost(devices: list[IioDevice], error: OSError) -> str:
    names = ", ".join(device.name for device in devices)
    if error.errno == errno.EBUSY:
        return (
            f"{names} is in use by another program ({error.filename or error}): stop it (iiod, "
            "iio-sensor-proxy?)"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return devices[0].no_permission(str(error.filename))
    return (
        f"{names} does not answer any more ({error}): check the wiring and the kernel's messages "
        "(dmesg), or load its driver again"
    )
