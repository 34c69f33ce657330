"""``phyphox:PHONE[:PORT]``: asks the phyphox phone app for its new measurements at short intervals.

Switch on "Allow remote access" in the app's experiment. The port is 8080 on Android, 80 on an
iPhone. Options: ``poll_s`` (0.1), ``gravity`` (``included`` takes the experiment's accelerometer,
``removed`` its linear acceleration).

The interface is documented at phyphox.org/wiki under "Remote-interface communication": ``/config``
names the buffers, ``/get?acc_time=T&accX=T|acc_time`` returns what is newer than T,
``/control?cmd=start`` starts the measurement.
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
from edge_runtime.sources.live import reconnecting
from edge_runtime.sources.merge import SENSOR_NAMES, SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import GRAVITY_OPTIONS, IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

PORT = 8080
DEFAULT_POLL_S = 0.1
TIMEOUT_S = 5.0
SILENCE_S = 2.0
LARGEST_ANSWER = 8 << 20  # bytes; the app's buffers hold at most about 10,000 numbers each
ACCELEROMETERS = {"included": "accelerometer", "removed": "linear_acceleration"}
GYROSCOPE = "gyroscope"


@dataclass
class _Sensor:
    """A sensor's buffers, and how far they were read.

    Attributes:
        buffers: names of the buffers of x, y, z and time.
        read_s: the newest time that was read.
        received_s: when that was, on this machine's clock.
    """

    buffers: tuple[str, str, str, str]
    read_s: float = -math.inf
    received_s: float = -math.inf

    def query(self) -> list[tuple[str, str]]:
        """Return the parameters that request newer values.

        At first, and after a silence, everything is requested: a user who clears the app's data
        sets its time to 0.
        """
        *axes, times = self.buffers
        if time.monotonic() - self.received_s > SILENCE_S:
            return [(name, "full") for name in (times, *axes)]
        newer = repr(self.read_s)
        return [(times, newer), *((name, f"{newer}|{times}") for name in axes)]


class PhyphoxSource:
    """Polls a phone.

    Args:
        host: address of the phone.
        port: port of the app's remote interface.
        channels: names of the columns to return, in order.
        poll_s: seconds between two requests.
        gravity: ``included`` or ``removed``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        channels: Sequence[str],
        poll_s: float = DEFAULT_POLL_S,
        gravity: str = "included",
    ) -> None:
        self._host = host
        self._port = port
        self._channels = tuple(channels)
        self._poll_s = poll_s
        self._app_names = {"acc": ACCELEROMETERS[gravity], "gyro": GYROSCOPE}
        self.notes = Notes(f"phyphox {host}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> PhyphoxSource:
        """Open ``PHONE[:PORT][?poll_s=..&gravity=..]``.

        The argument ``rate_hz`` has no effect: the phone measures as fast as it can.

        Raises:
            SourceError: the address or an option is invalid.
        """
        target = parse_source_uri(rest, ("poll_s", "gravity"))
        poll_s = target.number("poll_s")
        if poll_s is not None and not 0.01 <= poll_s <= IDLE_S:
            raise SourceError(
                f"{target.name} was given poll_s={poll_s:g}, expected 0.01 to {IDLE_S:g} seconds"
            )
        host, port = target.host_and_port(PORT)
        return PhyphoxSource(
            host,
            port,
            channels,
            poll_s=DEFAULT_POLL_S if poll_s is None else poll_s,
            gravity=target.choice("gravity", GRAVITY_OPTIONS),
        )

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            merger = SensorMerger(self._channels, self.notes)
            sensors = self._find_sensors(self._get(connection, "/config"), merger.sensors)
            session: object = None
            while True:
                due_s = time.monotonic() + self._poll_s
                parameters = [pair for sensor in sensors.values() for pair in sensor.query()]
                query = urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)
                answer = self._get(connection, f"/get?{query}")
                status = answer.get("status")
                status = status if isinstance(status, dict) else {}
                if session not in (None, status.get("session")):
                    raise SourceError(f"{self._host} opened another experiment")
                session = status.get("session")
                if not status.get("measuring"):
                    self.notes.tell("the measurement is paused, starting it")
                    self._get(connection, "/control?cmd=start")
                for sensor in sensors:
                    self._add(answer, sensor, sensors, merger)
                yield merger.pull()
                time.sleep(max(0.0, due_s - time.monotonic()))
        finally:
            connection.close()

    def _get(self, connection: http.client.HTTPConnection, path: str) -> dict[str, Any]:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read(LARGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise SourceError(
                f"phyphox does not answer at {self._host}:{self._port} ({why}): switch on remote "
                "access in its menu, keep the app in front, and check the address that it shows"
            ) from error
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if response.status != 200 or not isinstance(answer, dict):
            raise SourceError(
                f"{self._host}:{self._port} answered {response.status} and {len(body)} bytes that "
                "are no phyphox answer, expected JSON of at most "
                f"{LARGEST_ANSWER >> 20} MB: check the address that the app shows"
            )
        return answer

    def _find_sensors(
        self, config: dict[str, Any], sensor_names: Sequence[str]
    ) -> dict[str, _Sensor]:
        """Return the experiment's sensors that are needed, by ``acc`` and ``gyro``."""
        buffers_by_name: dict[str, tuple[str, str, str, str]] = {}
        inputs = config.get("inputs")
        for entry in inputs if isinstance(inputs, list) else []:
            try:
                buffers = {
                    axis: str(name) for output in entry["outputs"] for axis, name in output.items()
                }
                buffers_by_name[str(entry["source"])] = (
                    buffers["x"],
                    buffers["y"],
                    buffers["z"],
                    buffers["t"],
                )
            except (KeyError, TypeError, AttributeError):
                continue  # another kind of input, such as the microphone
        sensors = {}
        for sensor in sensor_names:
            app_name = self._app_names[sensor]
            if app_name not in buffers_by_name:
                raise SourceError(
                    "the experiment open in phyphox has the sensors "
                    f"{', '.join(buffers_by_name) or 'none'}, expected {app_name} too: open one "
                    "with it (the menu's + makes your own, with accelerometer and gyroscope)"
                )
            sensors[sensor] = _Sensor(buffers_by_name[app_name])
        return sensors

    def _add(
        self, answer: dict[str, Any], name: str, sensors: dict[str, _Sensor], merger: SensorMerger
    ) -> None:
        """Add the new values of the sensor ``name`` to the merger."""
        sensor = sensors[name]
        try:
            # null becomes NaN
            columns = [
                np.array(answer["buffer"][buffer]["buffer"], np.float64)
                for buffer in sensor.buffers
            ]
        except (KeyError, TypeError, ValueError):
            self.notes.skipped(
                "malformed answer",
                f"it lacks the {SENSOR_NAMES[name]}'s buffers "
                f"{', '.join(sensor.buffers)} as lists of numbers: update the app",
            )
            return
        if any(column.ndim != 1 for column in columns):
            return
        # The app may be writing just now. The rest of a longer buffer comes with the next answer.
        n = min(map(len, columns))
        values = np.stack([column[:n] for column in columns[:3]], axis=1)
        times_s = columns[3][:n]
        newest_s = float(np.max(times_s, initial=-math.inf, where=np.isfinite(times_s)))
        if newest_s == -math.inf or newest_s == sensor.read_s:
            return
        if newest_s < sensor.read_s:
            self.notes.tell("the app's data were cleared, its time starts again")
            merger.clear()
            for other in sensors.values():
                other.read_s = -math.inf
        fresh = ~(times_s <= sensor.read_s)  # keeps NaN, which the merger counts
        merger.add(name, times_s[fresh], values[fresh])
        sensor.read_s = newest_s
        sensor.received_s = time.monotonic()
