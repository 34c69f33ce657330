"""``mqtt:BROKER[:PORT][/TOPIC]``: the Sensor Logger phone app publishes to a broker, as can whoever sends the same.

The topic is ``sensor-logger`` unless another is named. Options: ``user`` (its password comes from
the environment variable IMG2IMU_MQTT_PASSWORD, where no list of processes shows it), ``tls``
(``no`` or ``yes``), ``gravity`` (``included``, or ``removed`` for a model that learnt without). The
messages are in :mod:`edge_runtime.sources.sensor_logger_push`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.mqtt import Broker, close, parse_broker
from edge_runtime.sources.inbox import Inbox
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.reconnect import reconnecting
from edge_runtime.sources.sensor_logger_push import GRAVITY_OPTIONS, LARGEST_MESSAGE, PushDecoder
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import SourceUri

DEFAULT_TOPIC = "sensor-logger"


class MqttSource:
    """Samples published to a broker.

    Args:
        broker: where.
        topic: what to subscribe to; MQTT's wildcards are allowed.
        channels: names of the columns to give, in order.
        gravity: see :class:`PushDecoder`.
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
        """Open ``BROKER[:PORT][/TOPIC][?user=..&tls=..&gravity=..]``; the phone's app sets the rate.

        Raises:
            SourceError: no address, or an option that makes no sense.
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
        decoder = PushDecoder(self._channels, self.notes, self._gravity)

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
                    f"the broker {self._broker} does not let this user read {self._topic!r} ({reasons[0]}): allow it "
                    "there, or give user="
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
            while True:
                body = inbox.get(IDLE_S)
                yield Chunk.empty(len(self._channels)) if body is None else decoder.push(body)
        finally:
            close(client)
