"""A connection to an MQTT broker, for the source that listens there and the sink that tells it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.uri import parse_target

PORT, PORT_TLS = 1883, 8883
PASSWORD = "IMG2IMU_MQTT_PASSWORD"  # environment variable
OPTIONS = ("user", "tls")
CONNECT_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 10  # a broker that vanished without a word is noticed after one and a half of these
RECONNECT_S = (1, 30)


@dataclass(frozen=True)
class Broker:
    """Where a broker is and how to get in.

    Attributes:
        host: name or address.
        port: TCP port.
        user: name to give, with the password from the environment, or None.
        tls: whether the connection is encrypted.
    """

    host: str
    port: int = PORT
    user: str | None = None
    tls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def open(
        self,
        *,
        ready: Callable[[Any], None],
        lost: Callable[[str], None],
        prepare: Callable[[Any], None] = lambda _: None,
        largest_bytes: int | None = None,
    ) -> Any:
        """Connect and keep the connection alive from a thread; the client reconnects by itself until it is closed.

        Args:
            ready: called with the client whenever the broker has let it in.
            lost: called with a sentence when the broker refuses or the connection breaks.
            prepare: sets what must be set before connecting, such as a last will.
            largest_bytes: of a message; the broker keeps larger ones to itself.

        Raises:
            ConnectionError: there is nobody at the address; the message is a sentence.
            MissingExtraError: paho-mqtt is not installed.
        """
        mqtt = import_extra("paho.mqtt.client", "mqtt")
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.reconnect_delay_set(*RECONNECT_S)
        if self.user is not None:
            client.username_pw_set(self.user, os.environ.get(PASSWORD))
        if self.tls:
            client.tls_set()

        def connected(
            client: Any, _userdata: object, _flags: object, reason: Any, _properties: object
        ) -> None:
            if reason.is_failure:
                lost(
                    f"the broker {self} refused the connection ({reason}): give user= and set {PASSWORD}"
                )
            else:
                ready(client)

        def disconnected(
            _client: object, _userdata: object, _flags: object, reason: Any, _properties: object
        ) -> None:
            if reason.is_failure:
                lost(f"the broker {self} closed the connection ({reason}): check that it runs")

        client.on_connect, client.on_disconnect = connected, disconnected
        prepare(client)
        try:
            client.connect(self.host, self.port, KEEP_ALIVE_S, properties=_limits(largest_bytes))
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"there is no MQTT broker at {self} ({error}): check the address and that it runs, "
                "with a listener for other machines"
            ) from error
        client.loop_start()
        return client


def close(client: Any) -> None:
    """Say goodbye and end the thread."""
    client.disconnect()
    client.loop_stop()


def parse_broker(rest: str, options: tuple[str, ...]) -> tuple[Broker, str, dict[str, str]]:
    """Split ``HOST[:PORT][/TOPIC][?user=..&tls=yes]`` into the broker, the topic and the other ``options`` given.

    Raises:
        SourceError: no address, or an option that makes no sense.
    """
    target = parse_target(rest, (*OPTIONS, *options))
    address, _, topic = target.name.partition("/")
    tls = target.choice("tls", ("no", "yes")) == "yes"
    host, port = parse_target(address, ()).host_and_port(PORT_TLS if tls else PORT)
    if "\x00" in topic or len(topic.encode()) > 65535:
        raise SourceError(
            f"{topic[:40]!r} is no MQTT topic: write for example {host}/sensor-logger"
        )
    others = {key: value for key, value in target.options.items() if key in options}
    return Broker(host, port, target.options.get("user"), tls), topic, others


def _limits(largest_bytes: int | None) -> Any:
    if largest_bytes is None:
        return None
    properties = import_extra("paho.mqtt.properties", "mqtt")
    limits = properties.Properties(
        import_extra("paho.mqtt.packettypes", "mqtt").PacketTypes.CONNECT
    )
    limits.MaximumPacketSize = largest_bytes
    return limits
