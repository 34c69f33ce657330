"""``phyphox:PHONE[:PORT]``: asks the phyphox phone app for what it has measured since the last time.

Switch on "Allow remote access" in the app's experiment; the port is 8080 on Android, 80 on an
iPhone. Options: ``poll_s`` (0.1), ``gravity`` (``included`` takes the experiment's accelerometer,
``removed`` its linear acceleration). The interface is documented at phyphox.org/wiki under
"Remote-interface communication": ``/config`` names the buffers, ``/get?acc_time=T&accX=T|acc_time``
gives what is newer than T, ``/control?cmd=start`` starts.
"""

from __future__ import annotations

import http.client
import json
import math
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime.errors import SourceError
from edge_runtime.sources.merge import NAMES, SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.reconnect import reconnecting
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

PORT = 8080
TIMEOUT_S = 5.0
SILENCE_S = 2.0
LARGEST_ANSWER = 8 << 20  # bytes; the app's buffers hold at most some 10,000 numbers each
INPUTS = {("acc", "included"): "accelerometer", ("acc", "removed"): "linear_acceleration"}
GYROSCOPE = "gyroscope"


@dataclass
class _Sensor:
    """Where a sensor's values lie, and how far they were read.

    Attributes:
        name: of the sensor in the app.
        buffers: names of x, y, z and time.
        read_s: the newest time that was read.
        heard_s: when that was, on this machine's clock.
    """

    name: str
    buffers: tuple[str, str, str, str]
    read_s: float = -math.inf
    heard_s: float = -math.inf

    def query(self) -> list[str]:
        """What is newer; everything at first, and after a silence: whoever clears the app's data sets time to 0."""
        x, y, z, t = (urllib.parse.quote(name) for name in self.buffers)
        if time.monotonic() - self.heard_s > SILENCE_S:
            return [f"{name}=full" for name in (t, x, y, z)]
        return [f"{t}={self.read_s!r}", *(f"{name}={self.read_s!r}%7C{t}" for name in (x, y, z))]


class PhyphoxSource:
    """Polls a phone.

    Args:
        host: address of the phone.
        port: of the app's remote interface.
        channels: names of the columns to give, in order.
        poll_s: time between two questions, seconds.
        gravity: ``included`` or ``removed``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        channels: Sequence[str],
        poll_s: float = 0.1,
        gravity: str = "included",
    ) -> None:
        self._host, self._port, self._channels, self._poll_s = host, port, tuple(channels), poll_s
        self._inputs = {"acc": INPUTS["acc", gravity], "gyro": GYROSCOPE}
        self.notes = Notes(f"phyphox {host}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> PhyphoxSource:
        """Open ``PHONE[:PORT][?poll_s=..&gravity=..]``; the phone measures as fast as it can.

        Raises:
            SourceError: no address, or an option that makes no sense.
        """
        target = parse_source_uri(rest, ("poll_s", "gravity"))
        poll_s = target.number("poll_s")
        if poll_s is not None and not 0.01 <= poll_s <= IDLE_S:
            raise SourceError(
                f"{target.name} was given poll_s={poll_s:g}, expected 0.01 to {IDLE_S:g} seconds"
            )
        return PhyphoxSource(
            *target.host_and_port(PORT),
            channels,
            0.1 if poll_s is None else poll_s,
            target.choice("gravity", ("included", "removed")),
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            merger = SensorMerger(self._channels, self.notes)
            sensors = self._sensors(self._ask(connection, "/config"), merger.sensors)
            session: object = None
            while True:
                due_s = time.monotonic() + self._poll_s
                query = "&".join(part for sensor in sensors.values() for part in sensor.query())
                answer = self._ask(connection, f"/get?{query}")
                status = answer.get("status")
                status = status if isinstance(status, dict) else {}
                if session not in (None, status.get("session")):
                    raise SourceError(f"{self._host} opened another experiment")
                session = status.get("session")
                if not status.get("measuring"):
                    self.notes.tell("the measurement is paused, starting it")
                    self._ask(connection, "/control?cmd=start")
                for sensor in sensors:
                    self._take(answer, sensor, sensors, merger)
                yield merger.pull()
                time.sleep(max(0.0, due_s - time.monotonic()))
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, path: str) -> dict[str, Any]:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read(LARGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise SourceError(
                f"phyphox does not answer at {self._host}:{self._port} ({why}): switch on "
                "remote access in its menu, keep the app in front, and check the address that it shows"
            ) from error
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if response.status != 200 or not isinstance(answer, dict):
            raise SourceError(
                f"{self._host}:{self._port} answered {response.status} and {len(body)} bytes that are no "
                "phyphox answer, expected JSON of at most "
                f"{LARGEST_ANSWER >> 20} MB: check the address that the app shows"
            )
        return answer

    def _sensors(self, config: dict[str, Any], wanted: Sequence[str]) -> dict[str, _Sensor]:
        """Buffers of the sensors that are wanted."""
        found = {}
        inputs = config.get("inputs")
        for entry in inputs if isinstance(inputs, list) else []:
            try:
                outputs = {
                    axis: str(name) for output in entry["outputs"] for axis, name in output.items()
                }
                found[str(entry["source"])] = tuple(outputs[axis] for axis in "xyzt")
            except (KeyError, TypeError, AttributeError):
                continue  # the microphone, say
        sensors = {}
        for sensor in wanted:
            name = self._inputs[sensor]
            if name not in found:
                raise SourceError(
                    f"the experiment open in phyphox has the sensors {', '.join(found) or 'none'}, "
                    f"expected {name} too: open one with it (the menu's + makes your own, with "
                    "accelerometer and gyroscope)"
                )
            x, y, z, t = found[name]
            sensors[sensor] = _Sensor(name, (x, y, z, t))
        return sensors

    def _take(
        self, answer: dict[str, Any], sensor: str, sensors: dict[str, _Sensor], merger: SensorMerger
    ) -> None:
        where = sensors[sensor]
        try:
            columns = [
                np.array(answer["buffer"][name]["buffer"], np.float64) for name in where.buffers
            ]  # null: NaN
        except (KeyError, TypeError, ValueError):
            self.notes.skipped(
                "malformed answer",
                f"it lacks the {NAMES[sensor]}'s buffers "
                f"{', '.join(where.buffers)} as lists of numbers: update the app",
            )
            return
        if any(column.ndim != 1 for column in columns):
            return
        n = min(map(len, columns))  # the app may be just writing: the rest comes next time
        values, t = np.stack([column[:n] for column in columns[:3]], axis=1), columns[3][:n]
        newest_s = float(np.max(t, initial=-math.inf, where=np.isfinite(t)))
        if newest_s == -math.inf or newest_s == where.read_s:
            return
        if newest_s < where.read_s:
            self.notes.tell("the app's data were cleared, its time begins again")
            merger.clear()
            for other in sensors.values():
                other.read_s = -math.inf
        fresh = ~(t <= where.read_s)  # what has no time is for the merger to count
        merger.push(sensor, t[fresh], values[fresh])
        where.read_s, where.heard_s = newest_s, time.monotonic()
