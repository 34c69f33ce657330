"""``ws:PHONE[:PORT]``: the Android app SensorServer, which serves its sensors over a WebSocket.

Set the sampling rate in the app's settings: its default gives five samples a second. Option:
``gravity`` (``included``, or ``removed`` for a model trained without gravity).

A message is ``{"type": "android.sensor.accelerometer", "values": [x, y, z], "accuracy": 2,
"timestamp": 3925657519043709}``: nanoseconds since the phone started, m/s^2 and rad/s
(github.com/umer0586/SensorServer).
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.sources.live import reconnecting
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import GRAVITY_OPTIONS, IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

PORT = 8080
TIMEOUT_S = 5.0
LARGEST_MESSAGE = 64 << 10  # bytes; one reading has 150
MOST_AT_ONCE = 256  # messages received before the recogniser gets a chunk
ACCELEROMETER = "android.sensor.accelerometer"
LINEAR = "android.sensor.linear_acceleration"
GYROSCOPE = "android.sensor.gyroscope"


class SensorServerSource:
    """Samples that a phone serves.

    Args:
        host: address of the phone.
        port: port that the app shows.
        channels: names of the columns to return, in order.
        gravity: ``included`` or ``removed``.

    Raises:
        MissingExtraError: websockets is not installed.
    """

    def __init__(
        self, host: str, port: int, channels: Sequence[str], gravity: str = "included"
    ) -> None:
        self._connect = import_extra("websockets.sync.client", "ws").connect
        self._exceptions = import_extra("websockets.exceptions", "ws")
        self._host = host
        self._port = port
        self._channels = tuple(channels)
        self._types = {"acc": ACCELEROMETER if gravity == "included" else LINEAR, "gyro": GYROSCOPE}
        self.notes = Notes(f"ws {host}")

    @staticmethod
    def from_uri(
        rest: str, channels: Sequence[str], rate_hz: float | None = None
    ) -> SensorServerSource:
        """Open ``PHONE[:PORT][?gravity=..]``.

        The argument ``rate_hz`` has no effect: the app's settings set the rate.

        Raises:
            SourceError: the address or an option is invalid.
            MissingExtraError: websockets is not installed.
        """
        target = parse_source_uri(rest.removeprefix("//"), ("gravity",))
        host, port = target.host_and_port(PORT)
        return SensorServerSource(host, port, channels, target.choice("gravity", GRAVITY_OPTIONS))

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        merger = SensorMerger(self._channels, self.notes)
        with ExitStack() as stack:
            connection = self._open(stack, [self._types[sensor] for sensor in merger.sensors])
            while True:
                self._receive(connection, merger)
                yield merger.pull()

    def _open(self, stack: ExitStack, types: list[str]) -> Any:
        host = f"[{self._host}]" if ":" in self._host else self._host
        query = f"types={urllib.parse.quote(json.dumps(types))}"
        try:
            return stack.enter_context(
                self._connect(
                    f"ws://{host}:{self._port}/sensors/connect?{query}",
                    open_timeout=TIMEOUT_S,
                    close_timeout=1.0,
                    max_size=LARGEST_MESSAGE,
                    proxy=None,
                )
            )
        except (OSError, self._exceptions.WebSocketException) as error:
            raise SourceError(
                f"SensorServer does not answer at {self._host}:{self._port} ({error}): start it in "
                "the app, and check the address that it shows"
            ) from error

    def _receive(self, connection: Any, merger: SensorMerger) -> None:
        """Wait for a message, then add all that are there."""
        wait_s = IDLE_S
        for _ in range(MOST_AT_ONCE):
            try:
                message = connection.recv(wait_s)
            except TimeoutError:
                return
            except self._exceptions.ConnectionClosed as error:
                if wait_s == 0:
                    return  # pass on the earlier messages first; the next call fails again
                raise SourceError(
                    f"the connection to the phone broke ({error}): keep the app running and the "
                    "phone on the network; it closes a connection whose sensor it lacks"
                ) from error
            self._add(message, merger)
            wait_s = 0.0

    def _add(self, message: str | bytes, merger: SensorMerger) -> None:
        try:
            reading = json.loads(message)
            message_type = reading["type"]
            time_s = int(reading["timestamp"]) / 1e9
            x, y, z = map(float, reading["values"][:3])
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
            shown = message[:60] if isinstance(message, str) else f"{len(message)} bytes"
            self.notes.skipped(
                "malformed message",
                f"a message is {shown!r}, expected JSON with type, timestamp and "
                "three values: check that SensorServer runs at this address",
            )
            return
        for sensor, sensor_type in self._types.items():
            if message_type == sensor_type:
                merger.add(sensor, np.array([time_s]), np.array([[x, y, z]]))
