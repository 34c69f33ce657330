"""``mqtt:BROKER[:PORT][/TOPIC]``: decisions for home automation, announced to Home Assistant.

The default topic is ``img2imu/`` and the model's name. It has three subtopics:

- ``decision``: every decision, as the JSON that ``jsonl:`` writes;
- ``motion``: the current label or state, published when it changes, retained;
- ``status``: ``online`` or ``offline``, retained. The broker itself publishes ``offline`` when this
  program is gone.

Options: ``user`` (its password is taken from the environment variable IMG2IMU_MQTT_PASSWORD),
``tls`` (``no`` or ``yes``), ``discovery`` (the prefix under which Home Assistant looks for devices,
``homeassistant``; ``no`` announces nothing).
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from edge_runtime.contract.spec import Contract
from edge_runtime.decision import Decision
from edge_runtime.errors import OutputError, SourceError
from edge_runtime.mqtt import CONNECT_TIMEOUT_S, Broker, close, parse_broker
from edge_runtime.sinks.line_files import decision_document
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.notes import Notes

ONLINE = "online"
OFFLINE = "offline"
NO_DISCOVERY = "no"
GOODBYE_S = 2.0


class MqttSink(Sink):
    """Publishes decisions. While the broker is away they are dropped and counted.

    Args:
        broker: the broker to connect to.
        topic: topic to publish under.
        contract: contract of the model.
        discovery: Home Assistant's prefix, or ``no``.

    Raises:
        OutputError: the broker cannot be reached or refuses the connection.
        MissingExtraError: paho-mqtt is not installed.
    """

    def __init__(
        self, broker: Broker, topic: str, contract: Contract, discovery: str = "homeassistant"
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._contract = contract
        self._discovery = discovery
        self._notes = Notes(f"mqtt {broker.host}")
        self._motion: str | None = None  # last published
        self._answered = threading.Event()
        self._refusal = ""
        self._client: Any = None
        try:
            self._client = broker.open(ready=self._ready, lost=self._lost, prepare=self._set_will)
        except ConnectionError as error:
            raise OutputError(str(error)) from error
        if not self._answered.wait(CONNECT_TIMEOUT_S) or self._refusal:
            self.close()
            raise OutputError(
                self._refusal or f"{broker} does not answer as an MQTT broker: check the address"
            )

    @staticmethod
    def from_uri(rest: str, contract: Contract) -> MqttSink:
        """Open ``BROKER[:PORT][/TOPIC][?user=..&tls=..&discovery=..]``.

        Raises:
            OutputError: the address or an option is invalid, or there is no broker.
        """
        try:
            broker, topic, options = parse_broker(rest, ("discovery",))
        except SourceError as error:
            raise OutputError(str(error)) from error
        discovery = options.get("discovery", "homeassistant")
        if any(character in topic + discovery for character in "#+\x00"):
            raise OutputError(
                f"{topic or discovery} is no topic to publish under, expected one without + and #: "
                f"write for example mqtt:{broker.host}/home/motion"
            )
        topic = topic.strip("/") or f"img2imu/{_slug(contract.name)}"
        return MqttSink(broker, topic, contract, discovery)

    @property
    def notes(self) -> Notes:
        """Lost connections and dropped decisions."""
        return self._notes

    def write(self, decision: Decision) -> None:
        """Publish one decision."""
        document = decision_document(decision, self._contract.labels)
        text = json.dumps(document, allow_nan=False)
        if self._client.publish(f"{self._topic}/decision", text).rc:
            self._notes.skipped(
                "decision", f"the broker {self._broker} is away: check that it runs"
            )
        motion = decision.label or decision.state
        if motion != self._motion:
            self._motion = motion
            self._client.publish(f"{self._topic}/motion", motion, retain=True)

    def close(self) -> None:
        """Publish the status ``offline`` and disconnect."""
        if self._client is None:
            return
        if self._client.is_connected():
            goodbye = self._client.publish(f"{self._topic}/status", OFFLINE, retain=True)
            goodbye.wait_for_publish(GOODBYE_S)
        close(self._client)
        self._client = None

    def _set_will(self, client: Any) -> None:
        client.will_set(f"{self._topic}/status", OFFLINE, retain=True)

    def _ready(self, client: Any) -> None:
        """Publish the retained messages on every connection: a restarted broker may lack them."""
        if self._answered.is_set():
            self._notes.tell(f"connected to {self._broker} again")
        for topic, text in self._retained_messages().items():
            client.publish(topic, text, retain=True)
        self._answered.set()

    def _retained_messages(self) -> dict[str, str]:
        """Return topic to text."""
        texts = {f"{self._topic}/status": ONLINE}
        if self._motion is not None:
            texts[f"{self._topic}/motion"] = self._motion
        if self._discovery != NO_DISCOVERY:
            identity = _slug(self._topic)
            texts[f"{self._discovery}/sensor/{identity}/motion/config"] = json.dumps(
                {
                    "name": "Motion",
                    "unique_id": f"{identity}_motion",
                    "icon": "mdi:motion-sensor",
                    "state_topic": f"{self._topic}/motion",
                    "availability_topic": f"{self._topic}/status",
                    "device": {
                        "identifiers": [identity],
                        "name": self._contract.name,
                        "manufacturer": "img2imu",
                        "model": ", ".join(self._contract.labels)[:200],
                    },
                }
            )
        return texts

    def _lost(self, why: str) -> None:
        if self._answered.is_set():
            self._notes.tell(f"{why}; trying again")
        else:
            self._refusal = why
            self._answered.set()


def _slug(text: str) -> str:
    """Return text that is valid in a topic and as an identifier in Home Assistant."""
    return re.sub(r"[^a-zA-Z0-9]+", "_", text).strip("_").lower() or "motion"
