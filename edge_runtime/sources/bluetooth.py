"""``ble:nicla`` and ``ble:nano33``: Arduino boards that notify over Bluetooth Low Energy.

The board runs one of Arduino's sketches: on the Nicla Sense ME the one of its web dashboard, on the
Nano 33 BLE Sense the one of the TinyML gesture trainer. Each notifies x, y and z as three float32
without a time, so times are recovered from their arrival.

Options: ``address`` or ``name`` (to pick one board of several), ``acc_scale`` and ``gyro_scale``
(the value of one unit in m/s^2 and rad/s; the Nicla notifies raw counts, whose range the sketch
sets).
"""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.sources.arrival import ArrivalClock
from edge_runtime.sources.live import Inbox, reconnecting
from edge_runtime.sources.mapping import RADIANS_PER_DEGREE
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.checks import STANDARD_GRAVITY
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

SEARCH_S = 10.0


@dataclass(frozen=True)
class Board:
    """What a board serves.

    Attributes:
        service: UUID that it advertises.
        characteristics: sensor to the UUID that notifies its values.
        scales: sensor to the value of one unit, in the contract's unit.
    """

    service: str
    characteristics: dict[str, str]
    scales: dict[str, float]


BOARDS = {
    # Arduino's web dashboard for the Nicla Sense ME. Its BHI260AP at 8 g and 2000 degrees per
    # second gives 4096 counts per g and 16.4 counts per degree per second.
    "nicla": Board(
        service="19b10000-0000-537e-4f6c-d104768a1214",
        characteristics={
            "acc": "19b10000-5001-537e-4f6c-d104768a1214",
            "gyro": "19b10000-6001-537e-4f6c-d104768a1214",
        },
        scales={"acc": STANDARD_GRAVITY / 4096, "gyro": RADIANS_PER_DEGREE / 16.4},
    ),
    # The sketch of Arduino's TinyML experiments. Its libraries for both revisions of the board give
    # g and degrees per second.
    "nano33": Board(
        service="6fbe1da7-0000-44de-92c4-bb6e04fb0212",
        characteristics={
            "acc": "6fbe1da7-3001-44de-92c4-bb6e04fb0212",
            "gyro": "6fbe1da7-3002-44de-92c4-bb6e04fb0212",
        },
        scales={"acc": STANDARD_GRAVITY, "gyro": RADIANS_PER_DEGREE},
    ),
}


class BluetoothSource:
    """Samples from one board.

    Args:
        kind: key of BOARDS.
        channels: names of the columns to return, in order.
        address: address of the board, or None for the first one found.
        name: name that the board advertises, or None.
        scales: sensor to the value of one unit, where it differs from the board's default.
        search_s: how long to search for the board.

    Raises:
        SourceError: the kind of board is unknown.
        MissingExtraError: bleak is not installed.
    """

    def __init__(
        self,
        kind: str,
        channels: Sequence[str],
        address: str | None = None,
        name: str | None = None,
        scales: dict[str, float] | None = None,
        search_s: float = SEARCH_S,
    ) -> None:
        if kind not in BOARDS:
            raise SourceError(
                f"there is no board called {kind!r}, expected one of {', '.join(BOARDS)}: write "
                "for example ble:nano33"
            )
        self._bleak = import_extra("bleak", "ble")
        board = BOARDS[kind]
        self._board = replace(board, scales={**board.scales, **(scales or {})})
        self._kind = kind
        self._channels = tuple(channels)
        self._address = address
        self._board_name = name
        self._search_s = search_s
        self.notes = Notes(f"ble {kind}")

    @staticmethod
    def from_uri(
        rest: str, channels: Sequence[str], rate_hz: float | None = None
    ) -> BluetoothSource:
        """Open ``BOARD[?address=..&name=..&acc_scale=..&gyro_scale=..]``.

        The argument ``rate_hz`` has no effect: the board's sketch sets the rate.

        Raises:
            SourceError: the board is unknown, or an option is invalid.
            MissingExtraError: bleak is not installed.
        """
        target = parse_source_uri(rest, ("address", "name", "acc_scale", "gyro_scale"))
        scales = {}
        for sensor in ("acc", "gyro"):
            scale = target.number(f"{sensor}_scale")
            if scale is not None:
                scales[sensor] = scale
        return BluetoothSource(
            target.name.lower(),
            channels,
            address=target.options.get("address"),
            name=target.options.get("name"),
            scales=scales,
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        decoder = NotificationDecoder(self._board, self._channels, self.notes)
        inbox: Inbox[tuple[str, bytes, float]] = Inbox(self.notes, "notification")
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._listen(decoder.sensors, inbox))
        thread = threading.Thread(target=self._run, args=(loop, task, inbox), daemon=True)
        thread.start()
        try:
            yield from inbox.chunks(
                lambda notification: decoder.decode(*notification), len(self._channels)
            )
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
            loop.close()

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        task: asyncio.Task[None],
        inbox: Inbox[tuple[str, bytes, float]],
    ) -> None:
        """Run the asynchronous part, in its own thread."""
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        except SourceError as error:
            inbox.fail(error)
        except (self._bleak.exc.BleakError, OSError, TimeoutError, EOFError) as error:
            why = str(error) or type(error).__name__
            inbox.fail(
                SourceError(
                    f"Bluetooth does not work here ({why}): sudo rfkill unblock bluetooth, sudo "
                    "systemctl start bluetooth, and add the user to the group bluetooth"
                )
            )

    async def _listen(self, sensors: Sequence[str], inbox: Inbox[tuple[str, bytes, float]]) -> None:
        """Find the board, connect, and queue its notifications until cancelled."""
        device = await self._bleak.BleakScanner.find_device_by_filter(self._fits, self._search_s)
        if device is None:
            raise SourceError(
                f"no {self._kind} answered within {self._search_s:g} s: switch the board on, bring "
                "it near, load Arduino's sketch, and close other programs that use it"
            )

        def disconnected(_client: object) -> None:
            inbox.fail(
                SourceError(
                    f"the {self._kind} at {device.address} is gone: bring it near, or charge it"
                )
            )

        async with self._bleak.BleakClient(device, disconnected_callback=disconnected) as client:
            for sensor in sensors:

                def notified(
                    _characteristic: object, data: bytearray, sensor: str = sensor
                ) -> None:
                    inbox.put((sensor, bytes(data), time.monotonic()))

                await client.start_notify(self._board.characteristics[sensor], notified)
            self.notes.tell(f"connected to {device.name or self._kind} at {device.address}")
            await asyncio.Event().wait()

    def _fits(self, device: Any, advertisement: Any) -> bool:
        """Return whether a device that advertises is the requested board."""
        if self._address is not None:
            return bool(device.address.lower() == self._address.lower())
        if self._board_name is not None:
            return bool(self._board_name == (advertisement.local_name or device.name))
        return self._board.service in advertisement.service_uuids


class NotificationDecoder:
    """Turns notifications into chunks.

    Args:
        board: gives the scales.
        channels: columns to return, in order.
        notes: reports what is left out.

    Attributes:
        sensors: the sensors that the channels need, of acc and gyro.
    """

    def __init__(self, board: Board, channels: Sequence[str], notes: Notes) -> None:
        self._board = board
        self._notes = notes
        self._merger = SensorMerger(channels, notes)
        self.sensors = self._merger.sensors
        self._clocks = {sensor: ArrivalClock(3, notes) for sensor in self.sensors}

    def decode(self, sensor: str, data: bytes, arrival_s: float) -> Chunk:
        """Add a notification, and return the samples that are complete.

        Args:
            sensor: acc or gyro.
            data: contents of the notification.
            arrival_s: when it arrived, on a monotonic clock.
        """
        try:
            counts = np.array([struct.unpack("<3f", data)], np.float32)
        except struct.error:
            self._notes.skipped(
                "malformed notification",
                f"it has {len(data)} bytes ({data[:16].hex()}), expected 12, "
                "three float32: load Arduino's sketch for this board",
            )
            return self._merger.pull()
        values = counts * np.float32(self._board.scales[sensor])
        chunk = self._clocks[sensor].stamp(values, arrival_s)
        self._merger.add(sensor, chunk.timestamps_s, chunk.samples.astype(np.float64))
        return self._merger.pull()
