import json
import queue
import time

import pytest

pytest.importorskip("paho.mqtt.client")

import paho.mqtt.client as mqtt

from edge_runtime.decision import RECOGNISED, UNKNOWN, Decision
from edge_runtime.errors import OutputError
from edge_runtime.mqtt import PASSWORD
from edge_runtime.sinks import open_sink


def decision(label, time_s=0.0):
    state = UNKNOWN if label is None else RECOGNISED
    return Decision(time_s, state, label, 0.5, (0.5, 0.25, 0.25), (0.5, 0.25, 0.25))


class Listener:
    """Receives all messages as (topic, text, retained), as Home Assistant would."""

    def __init__(self, port):
        self.heard = queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        subscribed = queue.Queue()
        self._client.on_subscribe = lambda *_: subscribed.put(True)
        self._client.on_message = lambda _client, _data, m: self.heard.put(
            (m.topic, m.payload.decode(), m.retain)
        )
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#")
        self._client.loop_start()
        subscribed.get(timeout=10)

    def next(self, count):
        return [self.heard.get(timeout=10) for _ in range(count)]

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listen(mosquitto):
    """A function that starts a listener."""
    listeners = []

    def start():
        listeners.append(Listener(mosquitto.port))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.stop()


@pytest.mark.broker
def test_decisions_motions_and_status(mosquitto, listen, make_contract):
    listener = listen()
    with open_sink(f"mqtt:127.0.0.1:{mosquitto.port}/home/gym", make_contract()) as sink:
        for label in ("walk", "walk", None, "jump"):
            sink.write(decision(label))
        sink.write(Decision.gap(3.0))
    heard = listener.next(2 + 5 + 4 + 1)
    assert [text for topic, text, _ in heard if topic == "home/gym/motion"] == [
        "walk",
        "unknown",
        "jump",
        "gap",
    ]
    decisions = [json.loads(text) for topic, text, _ in heard if topic == "home/gym/decision"]
    assert [d["label"] for d in decisions] == ["walk", "walk", None, "jump", None]
    assert decisions[0]["probabilities"] == {"rest": 0.5, "walk": 0.25, "jump": 0.25}
    assert [text for topic, text, _ in heard if topic == "home/gym/status"] == ["online", "offline"]


@pytest.mark.broker
def test_home_assistant_can_discover_the_device_later(mosquitto, listen, make_contract):
    with open_sink(f"mqtt:127.0.0.1:{mosquitto.port}", make_contract()) as sink:
        sink.write(decision("walk"))
        time.sleep(0.2)
        heard = {topic: text for topic, text, retained in listen().next(3) if retained}
    assert heard["img2imu/a_test/status"] == "online" and heard["img2imu/a_test/motion"] == "walk"
    config = json.loads(heard["homeassistant/sensor/img2imu_a_test/motion/config"])
    assert config["state_topic"] == "img2imu/a_test/motion"
    assert config["availability_topic"] == "img2imu/a_test/status"
    assert (
        config["unique_id"]
        and config["device"]["identifiers"]
        and config["device"]["name"] == "a test"
    )


@pytest.mark.broker
def test_discovery_can_be_switched_off(mosquitto, listen, make_contract):
    listener = listen()
    open_sink(f"mqtt:127.0.0.1:{mosquitto.port}?discovery=no", make_contract()).close()
    assert [topic for topic, _, _ in listener.next(2)] == ["img2imu/a_test/status"] * 2


@pytest.mark.broker
def test_a_restarted_broker_receives_everything_again(mosquitto, listen, make_contract):
    sink = open_sink(f"mqtt:127.0.0.1:{mosquitto.port}", make_contract())
    said = []
    sink.notes.say = said.append
    with sink:
        sink.write(decision("walk"))
        mosquitto.stop()
        for _ in range(200):
            sink.write(decision("walk"))  # recognition goes on
            if sink.notes.counts:
                break
            time.sleep(0.05)
        assert sink.notes.counts["decision"] >= 1
        mosquitto.start()
        heard = {topic: text for topic, text, _ in listen().next(3)}
        assert (
            heard["img2imu/a_test/motion"] == "walk" and heard["img2imu/a_test/status"] == "online"
        )
    assert any("closed the connection" in text for text in said) and any(
        "again" in text for text in said
    )


@pytest.mark.broker
def test_a_program_that_died_is_offline(mosquitto, listen, make_contract):
    listener = listen()
    sink = open_sink(f"mqtt:127.0.0.1:{mosquitto.port}?discovery=no", make_contract())
    assert listener.next(1)[0][1] == "online"
    sink._client.loop_stop()
    sink._client.socket().close()  # without a goodbye, as after kill -9
    assert listener.next(1)[0][:2] == ("img2imu/a_test/status", "offline")


@pytest.mark.broker
def test_a_refused_password(mosquitto, make_contract):
    mosquitto.stop()
    mosquitto.demand_a_password()
    mosquitto.start()
    with pytest.raises(OutputError, match=f"refused the connection .*set {PASSWORD}"):
        open_sink(f"mqtt:127.0.0.1:{mosquitto.port}?user=me", make_contract())


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("127.0.0.1:1", "no MQTT broker at 127.0.0.1:1"),
        ("", "names nothing"),
        ("a/b/#", "expected one without"),
        ("a?retain=no", "out of user, tls, discovery"),
        ("a:b", "is no address"),
    ],
)
def test_invalid_uris_are_refused(rest, message, make_contract):
    with pytest.raises(OutputError, match=message):
        open_sink(f"mqtt:{rest}", make_contract())
