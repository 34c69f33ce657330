"""Messages that the Sensor Logger phone app pushes while it records, over HTTP or MQTT.

``{"messageId": 0, "sessionId": "..", "deviceId": "..", "payload": [{"name": "gyroscope", "time":
1698501144401773000, "values": {"x": .., "y": .., "z": ..}}, ..]}``, time in nanoseconds since 1970.
Messages may come out of order. The app's ``accelerometer`` is without gravity;
``totalacceleration``, or the sum with ``gravity``, is with it
(github.com/tszheichoi/awesome-sensor-logger, PUSHING.md and UNITS.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk

LARGEST_MESSAGE = 4 << 20  # bytes; a second of every sensor at 200 Hz is 200 kB
LONGEST_WAIT = 4  # messages that may overtake one another
TOTAL, LINEAR, GRAVITY, UNCALIBRATED = (
    "totalacceleration",
    "accelerometer",
    "gravity",
    "accelerometeruncalibrated",
)
GYROSCOPE = "gyroscope"
GRAVITY_OPTIONS = ("included", "removed")


class MessageOrder:
    """Puts messages in the order of their numbers; one that is missing is waited for until four others came."""

    def __init__(self) -> None:
        self._session: object = None
        self._next = 0
        self._waiting: dict[int, Any] = {}

    def push(self, session: object, number: int, message: Any) -> list[Any]:
        """Take one message; give those whose turn it is."""
        if session != self._session or (number == 0 and self._next > LONGEST_WAIT):
            left = [self._waiting[i] for i in sorted(self._waiting)]
            self._session, self._next, self._waiting = session, number, {}
            return [*left, *self.push(session, number, message)]
        if number < self._next:
            return [message]  # its turn is over: whoever puts samples in order decides
        self._waiting[number] = message
        if len(self._waiting) > LONGEST_WAIT:
            self._next = min(self._waiting)
        return list(self._ready())

    def _ready(self) -> Iterator[Any]:
        while self._next in self._waiting:
            yield self._waiting.pop(self._next)
            self._next += 1


class PushDecoder:
    """From the bodies of messages to chunks.

    Args:
        channels: columns to give, in order.
        notes: told what is left out.
        gravity: ``included``, or ``removed`` for a model that learnt without.
    """

    def __init__(self, channels: Sequence[str], notes: Notes, gravity: str = "included") -> None:
        self._notes = notes
        self._gravity = gravity
        self._order = MessageOrder()
        self._merger = SensorMerger(channels, notes)
        self._sum = self._new_sum()
        self._device: object = None
        self._acceleration = (
            LINEAR if gravity == "removed" else ""
        )  # which of the app's sensors is used

    def push(self, body: bytes) -> Chunk:
        """Take the body of one message; give the samples that are complete.

        A body that is no such message, and readings in it that are none, are counted and left out.
        """
        message = self._parse(body)
        if message is not None:
            session, number = message.get("sessionId"), message.get("messageId")
            in_turn = [message]
            if isinstance(number, int) and isinstance(session, (str, type(None))):
                in_turn = self._order.push(session, number, message)
            for ready in in_turn:
                self._take(ready["payload"])
        return self._merger.pull()

    def _parse(self, body: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._malformed(f"it is no JSON ({str(error)[:80]})")
            return None
        if not isinstance(message, dict) or not isinstance(message.get("payload"), list):
            self._malformed("it has no list called payload")
            return None
        device = message.get("deviceId")
        if self._device is None:
            self._device = device
        if device != self._device:
            self._notes.skipped(
                "message of another device",
                "two phones push to this address, "
                f"{str(self._device)[:40]} and {str(device)[:40]}, expected one: stop one of them",
            )
            return None
        return message

    def _malformed(self, why: str) -> None:
        self._notes.skipped(
            "malformed message",
            f"{why}, expected what the Sensor Logger app pushes: check what sends to this address",
        )

    def _take(self, payload: list[Any]) -> None:
        readings: dict[str, list[tuple[float, float, float, float]]] = {}
        broken = 0
        for entry in payload:
            try:
                name, values = entry["name"].lower(), entry["values"]
                if name not in (TOTAL, LINEAR, GRAVITY, UNCALIBRATED, GYROSCOPE):
                    continue
                reading = (
                    int(entry["time"]) / 1e9,
                    float(values["x"]),
                    float(values["y"]),
                    float(values["z"]),
                )
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                broken += 1
                continue
            readings.setdefault(name, []).append(reading)
        if broken:
            self._notes.skipped(
                "malformed reading",
                "an entry of the payload lacks name, time or x, y, z, expected "
                "all of them as numbers: check what sends to this address",
                broken,
            )
        self._pass_on({name: np.array(rows) for name, rows in readings.items()})

    def _pass_on(self, tables: dict[str, Float64Array]) -> None:
        """Readings (n, 4) of time, x, y, z to the merger; acceleration from the best sensor that was met."""
        if GYROSCOPE in tables:
            self._merger.push("gyro", tables[GYROSCOPE][:, 0], tables[GYROSCOPE][:, 1:])
        if self._gravity == "included":
            best = next(
                (
                    name
                    for name in (TOTAL, GRAVITY, UNCALIBRATED)
                    if name in (*tables, self._acceleration)
                ),
                "",
            )
            if best != self._acceleration:
                self._acceleration, self._sum = best, self._new_sum()
        if self._acceleration in (TOTAL, LINEAR, UNCALIBRATED):
            acceleration = tables.get(self._acceleration, np.empty((0, 4)))
            self._merger.push("acc", acceleration[:, 0], acceleration[:, 1:])
            return
        for name, lane in ((LINEAR, "acc"), (GRAVITY, "gyro")):
            if name in tables:
                self._sum.push(lane, tables[name][:, 0], tables[name][:, 1:])
        both = self._sum.pull()
        values = both.samples.astype(np.float64)
        self._merger.push("acc", both.timestamps_s, values[:, :3] + values[:, 3:])

    def _new_sum(self) -> SensorMerger:
        return SensorMerger(
            CHANNELS, self._notes, {"acc": "accelerometer", "gyro": "gravity sensor"}
        )
