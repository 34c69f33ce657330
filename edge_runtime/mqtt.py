"""Connections to an MQTT broker, for the source that subscribes and the sink that publishes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import SourceError
from edge_runtime.extras import import_extra
from edge_runtime.uri import SourceUri, parse_source_uri

PORT = 1883
PORT_TLS = 8883
PASSWORD = "IMG2IMU_MQTT_PASSWORD"  # environment variable
OPTIONS = ("user", "tls")
CONNECT_TIMEOUT_S = 5.0
# A broker that vanished without closing the connection is noticed after 1.5 times this.
KEEP_ALIVE_S = 10
RECONNECT_S = (1, 30)  # shortest and longest wait
LONGEST_TOPIC_BYTES = 65535  # MQTT 5, section 1.5.4: a string's length is two bytes


@dataclass(frozen=True)
class Broker:
    """Address of a broker and how to log in.

    Attributes:
        host: name or address.
        port: TCP port.
        user: name to log in with; the password is in the environment. None logs in without.
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
        """Connect. A thread keeps the connection alive and reconnects until :func:`close`.

        Args:
            ready: called with the client each time the broker has accepted the connection.
            lost: called with a sentence when the broker refuses or the connection breaks.
            prepare: called with the client before it connects, for example to set a last will.
            largest_bytes: largest message; the broker does not send larger ones.

        Returns:
            The paho-mqtt client.

        Raises:
            ConnectionError: nobody answers at the address; the message is a sentence.
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

        def on_connect(
            client: Any, _userdata: object, _flags: object, reason: Any, _properties: object
        ) -> None:
            if reason.is_failure:
                lost(
                    f"the broker {self} refused the connection ({reason}): give user= and set "
                    f"{PASSWORD}"
                )
            else:
                ready(client)

        def on_disconnect(
            _client: object, _userdata: object, _flags: object, reason: Any, _properties: object
        ) -> None:
            if reason.is_failure:
                lost(f"the broker {self} closed the connection ({reason}): check that it runs")

        client.on_connect = on_connect
        client.on_disconnect = on_disconnect
        prepare(client)
        try:
            client.connect(
                self.host, self.port, KEEP_ALIVE_S, properties=_connect_properties(largest_bytes)
            )
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"there is no MQTT broker at {self} ({error}): check the address and that it runs, "
                "with a listener for other machines"
            ) from error
        client.loop_start()
        return client


def close(client: Any) -> None:
    """Disconnect a client and end its thread."""
    client.disconnect()
    client.loop_stop()


def parse_broker(rest: str, known_keys: tuple[str, ...]) -> tuple[Broker, str, dict[str, str]]:
    """Split ``HOST[:PORT][/TOPIC][?user=..&tls=yes&..]``.

    Args:
        rest: the URI after the scheme.
        known_keys: options that the source or sink understands, in addition to those of the broker.

    Returns:
        The broker, the topic (empty if none is named), and those of ``known_keys`` that were given.

    Raises:
        SourceError: no address, or an option that makes no sense.
    """
    uri = parse_source_uri(rest, (*OPTIONS, *known_keys))
    address, _, topic = uri.name.partition("/")
    tls = uri.choice("tls", ("no", "yes")) == "yes"
    host, port = SourceUri(address, {}).host_and_port(PORT_TLS if tls else PORT)
    if "\x00" in topic or len(topic.encode()) > LONGEST_TOPIC_BYTES:
        raise SourceError(
            f"{topic[:40]!r} is no MQTT topic: write for example {host}/sensor-logger"
        )
    options = {key: value for key, value in uri.options.items() if key in known_keys}
    return Broker(host, port, uri.options.get("user"), tls), topic, options


def _connect_properties(largest_bytes: int | None) -> Any:
    if largest_bytes is None:
        return None
    packet_types = import_extra("paho.mqtt.packettypes", "mqtt").PacketTypes
    properties = import_extra("paho.mqtt.properties", "mqtt").Properties(packet_types.CONNECT)
    properties.MaximumPacketSize = largest_bytes
    return properties
