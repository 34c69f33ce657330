"""``mqtt:BROKER[:PORT][/TOPIC]``: decisions for home automation, announced to Home Assistant.

TOPIC is ``img2imu/`` and the model's name unless another is named. Under it, ``decision`` carries
every decision as the JSON that ``jsonl:`` writes; ``motion`` the newest label, or state, whenever
it changes, retained; ``status`` ``online`` or, by the broker's own word when this program is gone,
``offline``. Options: ``user`` (with the password in the environment variable
IMG2IMU_MQTT_PASSWORD), ``tls`` (``no`` or ``yes``), ``discovery`` (the prefix under which Home
Assistant looks for devices, ``homeassistant``; ``no`` announces nothing).
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
from edge_runtime.sinks.jsonl import document
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.notes import Notes

ONLINE, OFFLINE = "online", "offline"
NO_DISCOVERY = "no"
GOODBYE_S = 2.0


class MqttSink(Sink):
    """Publishes; while the broker is away, decisions are dropped and counted, and recognition goes on.

    Args:
        broker: where.
        topic: under which to publish.
        contract: of the model.
        discovery: Home Assistant's prefix, or ``no``.

    Raises:
        OutputError: the broker cannot be reached or refuses.
        MissingExtraError: paho-mqtt is not installed.
    """

    def __init__(
        self, broker: Broker, topic: str, contract: Contract, discovery: str = "homeassistant"
    ) -> None:
        self._broker, self._topic, self._contract, self._discovery = (
            broker,
            topic,
            contract,
            discovery,
        )
        self.notes = Notes(f"mqtt {broker.host}")
        self._motion: str | None = None  # the newest, as it was published
        self._answered = threading.Event()
        self._refusal = ""
        self._client: Any = None
        try:
            self._client = broker.open(
                ready=self._ready, lost=self._lost, prepare=self._leave_a_will
            )
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
            OutputError: no address, an option that makes no sense, or no broker.
        """
        try:
            broker, topic, options = parse_broker(rest, ("discovery",))
        except SourceError as error:
            raise OutputError(str(error)) from error
        discovery = options.get("discovery", "homeassistant")
        if any(character in topic + discovery for character in "#+\x00"):
            raise OutputError(
                f"{topic or discovery} is no topic to publish under, expected one without + and #: write "
                f"for example mqtt:{broker.host}/home/motion"
            )
        return MqttSink(
            broker, topic.strip("/") or f"img2imu/{_slug(contract.name)}", contract, discovery
        )

    def write(self, decision: Decision) -> None:
        """Publish one decision."""
        text = json.dumps(document(decision, self._contract.labels), allow_nan=False)
        if self._client.publish(f"{self._topic}/decision", text).rc:
            self.notes.skipped("decision", f"the broker {self._broker} is away: check that it runs")
        motion = decision.label or decision.state
        if motion != self._motion:
            self._motion = motion
            self._client.publish(f"{self._topic}/motion", motion, retain=True)

    def close(self) -> None:
        """Say that no more comes, and disconnect."""
        if self._client is None:
            return
        if self._client.is_connected():
            self._client.publish(f"{self._topic}/status", OFFLINE, retain=True).wait_for_publish(
                GOODBYE_S
            )
        close(self._client)
        self._client = None

    def _leave_a_will(self, client: Any) -> None:
        client.will_set(f"{self._topic}/status", OFFLINE, retain=True)

    def _ready(self, client: Any) -> None:
        """Each time the broker has let us in: it may have forgotten everything."""
        if self._answered.is_set():
            self.notes.tell(f"connected to {self._broker} again")
        for topic, text in self._announcements().items():
            client.publish(topic, text, retain=True)
        self._answered.set()

    def _lost(self, why: str) -> None:
        if self._answered.is_set():
            self.notes.tell(f"{why}; trying again")
        else:
            self._refusal = why
            self._answered.set()

    def _announcements(self) -> dict[str, str]:
        """Topic to text of what is to be retained."""
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


def _slug(text: str) -> str:
    """What may stand in a topic and in an identifier of Home Assistant."""
    return re.sub(r"[^a-zA-Z0-9]+", "_", text).strip("_").lower() or "motion"
