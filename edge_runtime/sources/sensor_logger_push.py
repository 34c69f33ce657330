"""``http:8000`` and ``mqtt:BROKER``: the phone app Sensor Logger pushes to this machine.

``http:PORT`` listens on the local network, ``http:HOST:PORT`` on one address only.

``mqtt:BROKER[:PORT][/TOPIC]`` subscribes at a broker to which the app publishes. The default topic
is ``sensor-logger``. Options of ``mqtt:`` only: ``user`` (its password is taken from the
environment variable IMG2IMU_MQTT_PASSWORD, so that it is not visible in the list of processes),
``tls`` (``no`` or ``yes``).

Option of both: ``gravity`` (``included``, or ``removed`` for a model trained without gravity).

The app sends the same messages over both, while it records::

    {"messageId": 0, "sessionId": "..", "deviceId": "..", "payload": [
        {"name": "gyroscope", "time": 1698501144401773000, "values": {"x": .., "y": .., "z": ..}},
        ..]}

``time`` is in nanoseconds since 1970. Messages may come out of order. The app's ``accelerometer``
is without gravity; ``totalacceleration``, or the sum with ``gravity``, includes it
(github.com/tszheichoi/awesome-sensor-logger, PUSHING.md and UNITS.md).
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.mqtt import Broker, close, parse_broker
from edge_runtime.pages.address import cannot_listen, lan_address
from edge_runtime.sources.live import Inbox, reconnecting
from edge_runtime.sources.merge import SensorMerger
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import GRAVITY_OPTIONS
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import SourceUri, parse_source_uri

DEFAULT_PORT = 8000
EVERYWHERE = "0.0.0.0"
CLIENT_TIMEOUT_S = 10.0  # a client that stops in the middle of a message loses its thread
DEFAULT_TOPIC = "sensor-logger"
LARGEST_MESSAGE = 4 << 20  # bytes; a second of every sensor at 200 Hz is 200 kB

# The app's sensors.
TOTAL = "totalacceleration"
LINEAR = "accelerometer"
GRAVITY = "gravity"
UNCALIBRATED = "accelerometeruncalibrated"
GYROSCOPE = "gyroscope"
MOST_WAITING = 4  # messages that wait for a missing one


class HttpSource:
    """Samples that the app posts. Listens while it is iterated over.

    Args:
        channels: names of the columns to return, in order.
        host: address to listen on. 0.0.0.0 stands for all addresses of this machine.
        port: port to listen on.
        gravity: see :class:`SensorLoggerDecoder`.
    """

    def __init__(
        self,
        channels: Sequence[str],
        host: str = EVERYWHERE,
        port: int = DEFAULT_PORT,
        gravity: str = "included",
    ) -> None:
        self._channels = tuple(channels)
        self._host = host
        self._port = port
        self._gravity = gravity
        self.notes = Notes(f"http {port}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> HttpSource:
        """Open ``[HOST:]PORT[?gravity=..]``.

        The argument ``rate_hz`` has no effect: the app sets the rate.

        Raises:
            SourceError: the address or an option is invalid.
        """
        target = parse_source_uri(rest, ("gravity",), default_name=str(DEFAULT_PORT))
        host, port = target.listening_address(EVERYWHERE, DEFAULT_PORT)
        return HttpSource(channels, host, port, target.choice("gravity", GRAVITY_OPTIONS))

    def __iter__(self) -> Iterator[Chunk]:
        inbox: Inbox[bytes] = Inbox(self.notes, "message")
        decoder = SensorLoggerDecoder(self._channels, self.notes, self._gravity)
        server = self._listen(inbox)
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            shown_host = lan_address() if self._host == EVERYWHERE else self._host
            self.notes.tell(
                "waiting for the phone: in Sensor Logger, push to "
                f"http://{shown_host}:{self._port}/"
            )
            yield from inbox.chunks(decoder.decode, len(self._channels))
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _listen(self, inbox: Inbox[bytes]) -> http.server.ThreadingHTTPServer:
        try:
            return _Server((self._host, self._port), inbox, self.notes)
        except OSError as error:
            raise SourceError(cannot_listen(self._host, self._port, error)) from error


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], inbox: Inbox[bytes], notes: Notes) -> None:
        self.inbox = inbox
        self.notes = notes
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a phone that left the network before it had our answer."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection stays open between messages
    timeout = CLIENT_TIMEOUT_S
    server: _Server

    def do_POST(self) -> None:
        """Queue a message."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "it has no Content-Length")
        elif int(length) > LARGEST_MESSAGE:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"it has {int(length)} bytes, expected at most "
                f"{LARGEST_MESSAGE}: let the app push more often",
            )
        else:
            self._receive(int(length))

    def do_GET(self) -> None:
        """Show in a browser that the address is right."""
        self._answer(
            HTTPStatus.OK, b"img2imu is listening: let Sensor Logger push to this address.\n"
        )

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: a line for every message would hide the decisions."""

    def _receive(self, length: int) -> None:
        body = b""
        with contextlib.suppress(OSError):
            body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            self.server.notes.skipped(
                "cut message", "the phone broke off in the middle of it: look for a weak network"
            )
        elif self.server.inbox.put(body):
            self._answer(HTTPStatus.OK)
        else:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.server.notes.skipped("refused message", why)
        self.close_connection = True  # its body was not read
        self._answer(status)

    def _answer(self, status: HTTPStatus, text: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if text:
            self.wfile.write(text)


class MqttSource:
    """Samples that the app, or another program with the same messages, publishes to a broker.

    Args:
        broker: the broker to connect to.
        topic: topic to subscribe to. MQTT's wildcards are allowed.
        channels: names of the columns to return, in order.
        gravity: see :class:`SensorLoggerDecoder`.
    """

    def __init__(
        self, broker: Broker, topic: str, channels: Sequence[str], gravity: str = "included"
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._channels = tuple(channels)
        self._gravity = gravity
        self.notes = Notes(f"mqtt {broker.host}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> MqttSource:
        """Open ``BROKER[:PORT][/TOPIC][?user=..&tls=..&gravity=..]``.

        The argument ``rate_hz`` has no effect: the app sets the rate.

        Raises:
            SourceError: the address or an option is invalid.
            MissingExtraError: paho-mqtt is not installed.
        """
        import_extra("paho.mqtt.client", "mqtt")
        broker, topic, options = parse_broker(rest, ("gravity",))
        gravity = SourceUri(rest, options).choice("gravity", GRAVITY_OPTIONS)
        return MqttSource(broker, topic or DEFAULT_TOPIC, channels, gravity)

    def __iter__(self) -> Iterator[Chunk]:
        return reconnecting(self._session, self.notes, len(self._channels))

    def _session(self) -> Iterator[Chunk]:
        inbox: Inbox[bytes] = Inbox(self.notes, "message")
        decoder = SensorLoggerDecoder(self._channels, self.notes, self._gravity)

        def fail(why: str) -> None:
            inbox.fail(SourceError(why))

        def prepare(client: Any) -> None:
            client.on_message = lambda _client, _userdata, message: inbox.put(message.payload)
            client.on_subscribe = subscribed

        def subscribed(
            _client: object, _userdata: object, _id: int, reasons: list[Any], _properties: object
        ) -> None:
            if any(reason.is_failure for reason in reasons):
                fail(
                    f"the broker {self._broker} does not let this user read {self._topic!r} "
                    f"({reasons[0]}): allow it there, or give user="
                )

        def ready(client: Any) -> None:
            self.notes.tell(f"connected to {self._broker}, waiting for messages on {self._topic}")
            client.subscribe(self._topic)

        try:
            client = self._broker.open(
                ready=ready, lost=fail, prepare=prepare, largest_bytes=LARGEST_MESSAGE
            )
        except ConnectionError as error:
            raise SourceError(str(error)) from error
        try:
            yield from inbox.chunks(decoder.decode, len(self._channels))
        finally:
            close(client)


class SensorLoggerDecoder:
    """Turns the app's messages into chunks.

    Args:
        channels: columns to return, in order.
        notes: reports what is left out.
        gravity: ``included``, or ``removed`` for a model trained without gravity.
    """

    def __init__(self, channels: Sequence[str], notes: Notes, gravity: str = "included") -> None:
        self._notes = notes
        self._gravity = gravity
        self._order = MessageOrder()
        self._merger = SensorMerger(channels, notes)
        self._gravity_merger = self._new_gravity_merger()
        self._device: object = None
        # The app's sensor from which acceleration is taken, empty until one was received.
        self._acceleration = LINEAR if gravity == "removed" else ""

    def decode(self, body: bytes) -> Chunk:
        """Add a message, and return the samples that are complete.

        A malformed message is counted and left out, and so are malformed readings in it.
        """
        message = self._parse(body)
        if message is not None:
            session = message.get("sessionId")
            number = message.get("messageId")
            ready = [message]
            if isinstance(number, int) and isinstance(session, (str, type(None))):
                ready = self._order.add(session, number, message)
            for ready_message in ready:
                self._add_readings(ready_message["payload"])
        return self._merger.pull()

    def _parse(self, body: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._report_malformed(f"it is no JSON ({str(error)[:80]})")
            return None
        if not isinstance(message, dict) or not isinstance(message.get("payload"), list):
            self._report_malformed("it has no list called payload")
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

    def _report_malformed(self, why: str) -> None:
        self._notes.skipped(
            "malformed message",
            f"{why}, expected what the Sensor Logger app pushes: check what sends to this address",
        )

    def _add_readings(self, payload: list[Any]) -> None:
        rows: dict[str, list[tuple[float, float, float, float]]] = {}
        malformed = 0
        for entry in payload:
            try:
                name = entry["name"].lower()
                values = entry["values"]
                if name not in (TOTAL, LINEAR, GRAVITY, UNCALIBRATED, GYROSCOPE):
                    continue
                reading = (
                    int(entry["time"]) / 1e9,
                    float(values["x"]),
                    float(values["y"]),
                    float(values["z"]),
                )
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                malformed += 1
                continue
            rows.setdefault(name, []).append(reading)
        if malformed:
            self._notes.skipped(
                "malformed reading",
                "an entry of the payload lacks name, time or x, y, z, expected "
                "all of them as numbers: check what sends to this address",
                malformed,
            )
        self._add_tables({name: np.array(readings) for name, readings in rows.items()})

    def _add_tables(self, tables: dict[str, Float64Array]) -> None:
        """Pass readings (n, 4) of time, x, y, z to the merger.

        Acceleration is taken from the best of the sensors received so far.
        """
        if GYROSCOPE in tables:
            _add_table(self._merger, "gyro", tables[GYROSCOPE])
        if self._gravity == "included":
            received = (*tables, self._acceleration)
            by_preference = (TOTAL, GRAVITY, UNCALIBRATED)
            best = next((name for name in by_preference if name in received), "")
            if best != self._acceleration:
                self._acceleration = best
                self._gravity_merger = self._new_gravity_merger()
        if self._acceleration in (TOTAL, LINEAR, UNCALIBRATED):
            if self._acceleration in tables:
                _add_table(self._merger, "acc", tables[self._acceleration])
            return
        # Gravity is added to the acceleration without it. It takes the gyroscope's place here.
        for name, sensor in ((LINEAR, "acc"), (GRAVITY, "gyro")):
            if name in tables:
                _add_table(self._gravity_merger, sensor, tables[name])
        both = self._gravity_merger.pull()
        values = both.samples.astype(np.float64)
        self._merger.add("acc", both.timestamps_s, values[:, :3] + values[:, 3:])

    def _new_gravity_merger(self) -> SensorMerger:
        names = {"acc": "accelerometer", "gyro": "gravity sensor"}
        return SensorMerger(CHANNELS, self._notes, names)


def _add_table(merger: SensorMerger, sensor: str, table: Float64Array) -> None:
    merger.add(sensor, table[:, 0], table[:, 1:])


class MessageOrder:
    """Puts messages in the order of their numbers.

    Later messages wait for a missing one until more than four of them wait.
    """

    def __init__(self) -> None:
        self._session: object = None
        self._next = 0
        self._waiting: dict[int, Any] = {}

    def add(self, session: object, number: int, message: Any) -> list[Any]:
        """Add a message, and return those whose turn it is."""
        if session != self._session or (number == 0 and self._next > MOST_WAITING):
            previous_session = [self._waiting[i] for i in sorted(self._waiting)]
            self._session = session
            self._next = number
            self._waiting = {}
            return [*previous_session, *self.add(session, number, message)]
        if number < self._next:
            return [message]  # too late for its turn; the merger sorts its samples if it can
        self._waiting[number] = message
        if len(self._waiting) > MOST_WAITING:
            self._next = min(self._waiting)
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next += 1
        return ready
