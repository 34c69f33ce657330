"""``iio:[NAME]``: a sensor that the Linux kernel drives, through its Industrial I/O interface.

NAME is what the driver calls the device (its beginning is enough, so ``iio:lsm6dso`` is
accelerometer and gyroscope), or ``iio:device0``; without it the first accelerometer is taken, and
the first gyroscope. Options: ``mode`` (``buffer`` reads time-stamped records from /dev, ``poll``
asks sysfs for each value and needs no permission, ``auto`` prefers the buffer), ``rate_hz`` (what
to set; the nearest that the driver offers from there upwards), ``trigger`` (name of the trigger
that starts each record).
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
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.polling import polled
from edge_runtime.sources.reconnect import reconnecting
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

MODES = ("auto", "buffer", "poll")
ANY = "auto"
POLL_HZ = 50.0  # without any wish
READ_RECORDS = 512
BUFFER_S = 2.0  # of records that the kernel keeps for a reader who is late


class IioSource:
    """Samples from one IIO device, or from two that are one chip.

    Args:
        name: beginning of the driver's name, ``iio:deviceN``, or nothing.
        channels: names of the columns to give, in order.
        mode: one of MODES.
        rate_hz: to set, or None to leave it as it is.
        trigger: name of a trigger, or None to find one.
        root: where sys and dev are.
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
        self._name, self._channels, self._mode = name, tuple(channels), mode
        self._rate_hz, self._trigger, self._root = rate_hz, trigger, root
        self.notes = Notes(f"iio {name}".strip())

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> IioSource:
        """Open ``[NAME][?mode=..&rate_hz=..&trigger=..]``.

        Raises:
            SourceError: an option makes no sense.
        """
        target = parse_source_uri(rest, ("mode", "rate_hz", "trigger"), default_name=ANY)
        name = "" if target.name == ANY else target.name
        return IioSource(
            name,
            channels,
            target.choice("mode", MODES),
            target.rate(rate_hz),
            target.options.get("trigger"),
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        merger = SensorMerger(self._channels, self.notes)
        devices = find_devices(self._root, self._name, merger.sensors)
        try:
            if self._mode == "poll":
                yield from self._poll(devices)
            why_not = next(filter(None, (device.why_not_buffered() for device in devices)), None)
            if why_not is None:
                yield from self._buffered(devices, merger)
            elif self._mode == "buffer":
                raise SourceError(why_not)
            else:
                self.notes.tell(f"{why_not}; for now its values are polled, with less steady times")
                yield from self._poll(devices)
        except OSError as error:
            raise SourceError(_lost(devices, error)) from error

    def _poll(self, devices: list[IioDevice]) -> Iterator[Chunk]:
        with contextlib.ExitStack() as stack:
            readers = [stack.enter_context(device.poller()) for device in devices]
            available = [name for device in devices for name in device.channels]
            order = [available.index(name) for name in self._channels]

            def read() -> list[float]:
                values = [value for reader in readers for value in reader()]
                return [values[i] for i in order]

            for device in devices:
                with contextlib.suppress(
                    OSError, SourceError
                ):  # the rate is not ours to set without permission
                    device.set_rate(self._rate_hz)
            yield from polled(read, self._rate_hz or POLL_HZ, self.notes)

    def _buffered(self, devices: list[IioDevice], merger: SensorMerger) -> Iterator[Chunk]:
        with contextlib.ExitStack() as stack:
            readers: dict[int, tuple[IioDevice, bytearray]] = {}
            for device in devices:
                file = os.open(
                    device.node, os.O_RDONLY | os.O_NONBLOCK
                )  # refused while another program has it
                stack.callback(os.close, file)
                stack.callback(device.stop)
                rate_hz = device.start(self._rate_hz, self._trigger, BUFFER_S)
                readers[file] = device, bytearray()
                self.notes.tell(
                    f"{device.name} gives {', '.join(device.channels)} at {rate_hz:g} Hz"
                )
            while True:
                ready, _, _ = select.select(list(readers), [], [], IDLE_S)
                for file in ready or readers:  # of a device that is gone only reading says so
                    self._receive(file, *readers[file], merger)
                yield merger.pull()

    def _receive(self, file: int, device: IioDevice, rest: bytearray, merger: SensorMerger) -> None:
        try:
            data = os.read(file, READ_RECORDS * device.layout.size)
        except BlockingIOError:
            return
        if not data:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        rest += data
        whole = len(rest) - len(rest) % device.layout.size
        times_s, values = device.decode(bytes(rest[:whole]))
        del rest[:whole]
        for sensor in device.sensors:
            merger.push(
                sensor, times_s, np.stack([values[f"{sensor}_{axis}"] for axis in "xyz"], axis=1)
            )


def _lost(devices: list[IioDevice], error: OSError) -> str:
    names = ", ".join(device.name for device in devices)
    if error.errno == errno.EBUSY:
        return f"{names} is in use by another program ({error.filename or error}): stop it (iiod, iio-sensor-proxy?)"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return devices[0].no_permission(str(error.filename))
    return (
        f"{names} does not answer any more ({error}): check the wiring and the kernel's messages (dmesg), or load "
        "its driver again"
    )
