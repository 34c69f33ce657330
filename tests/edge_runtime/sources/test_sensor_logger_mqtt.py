import contextlib
import threading

import numpy as np
import pytest

pytest.importorskip("paho.mqtt.client")

import paho.mqtt.client as mqtt

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.mqtt import PASSWORD, Broker, parse_broker
from edge_runtime.sources import open_source

from .test_sensor_logger_push import batch

NAMES = {"totalacceleration": 1.0, "gyroscope": -1.0}


@pytest.fixture
def publish(mosquitto):
    """A function that publishes messages as the app does, with QoS 0."""
    clients = []

    def call(bodies, topic="sensor-logger"):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        clients.append(client)
        client.connect("127.0.0.1", mosquitto.port)
        client.loop_start()
        for body in bodies:
            client.publish(topic, body).wait_for_publish(10)

    yield call
    for client in clients:
        client.disconnect()
        client.loop_stop()


def once_subscribed(source, action):
    """Return an ``until`` that acts once the source is connected, repeatedly until samples come."""
    numbers = iter(range(10_000))

    def until(chunk, n):
        if any("waiting for messages" in said for said in source.notes.said) and not len(
            chunk.samples
        ):
            action(next(numbers))
        return len(chunk.samples) >= n

    return until


@pytest.mark.broker
def test_a_phone_that_publishes(mosquitto, publish, heard, receive):
    source = heard(open_source(f"mqtt:127.0.0.1:{mosquitto.port}", CHANNELS))
    until = once_subscribed(
        source, lambda i: publish([batch(j, NAMES) for j in range(20 * i, 20 * i + 20)])
    )
    chunk = receive(source, lambda c: until(c, 100))
    assert (np.diff(chunk.samples[:, 0]) == 1).all()
    np.testing.assert_array_equal(chunk.samples[:, 3], -chunk.samples[:, 0])


@pytest.mark.broker
def test_another_topic_and_malformed_messages(mosquitto, publish, heard, receive):
    source = heard(open_source(f"mqtt:127.0.0.1:{mosquitto.port}/home/+/imu", CHANNELS))
    until = once_subscribed(source, lambda i: publish([b"what?", batch(i, NAMES)], "home/anna/imu"))
    receive(source, lambda c: until(c, 10))
    assert source.notes.counts["malformed message"] >= 1


@pytest.mark.broker
def test_a_message_of_100_mb_stays_with_the_broker(mosquitto, publish, heard, receive):
    source = heard(open_source(f"mqtt:127.0.0.1:{mosquitto.port}", CHANNELS))
    until = once_subscribed(source, lambda i: publish([b"x" * 100_000_000, batch(i, NAMES)]))
    receive(source, lambda c: until(c, 10))
    assert not source.notes.counts


@pytest.mark.broker
def test_a_broker_that_restarts(mosquitto, publish, heard, receive):
    source = heard(open_source(f"mqtt:127.0.0.1:{mosquitto.port}", CHANNELS))
    state = "first"

    def until(chunk):
        nonlocal state
        waiting = [said for said in source.notes.said if "waiting for messages" in said]
        if state == "first" and len(chunk.samples):
            mosquitto.stop()
            state = "down"
        elif state == "down" and source.notes.counts["lost connection"] >= 2:
            mosquitto.start()
            state = "again"
        elif waiting and len(waiting) == {"first": 1, "down": 0, "again": 2}[state]:
            publish([batch(i + 50 * (state == "again"), NAMES) for i in range(3)])
        return chunk.samples[-1, 0] >= 500 if len(chunk.samples) else False

    receive(source, until)
    assert any("closed the connection" in said for said in source.notes.said)
    assert any(
        "there is no MQTT broker at" in said and "again in" in said for said in source.notes.said
    )


@pytest.mark.broker
def test_a_password(mosquitto, heard, receive, monkeypatch):
    mosquitto.stop()
    mosquitto.demand_a_password()
    mosquitto.start()
    uri = f"mqtt:127.0.0.1:{mosquitto.port}"
    with pytest.raises(SourceError, match=f"refused the connection .*set {PASSWORD}"):
        receive(open_source(uri, CHANNELS), lambda c: False)
    monkeypatch.setenv(PASSWORD, "secret")
    source = heard(open_source(f"{uri}?user=somebody", CHANNELS))
    receive(source, lambda c: any("waiting for messages" in said for said in source.notes.said))


@pytest.mark.broker
def test_threads_end_with_the_iteration(mosquitto):
    before = threading.active_count()
    with contextlib.closing(
        iter(open_source(f"mqtt:127.0.0.1:{mosquitto.port}", CHANNELS))
    ) as stream:
        next(stream)
    assert threading.active_count() == before


def test_no_broker_at_the_address():
    with pytest.raises(SourceError, match=r"no MQTT broker at 127.0.0.1:1 \(.*refused"):
        next(iter(open_source("mqtt:127.0.0.1:1", CHANNELS)))


def test_broker_addresses():
    assert parse_broker("pi/a/b?user=me", ()) == (Broker("pi", 1883, "me", False), "a/b", {})
    assert parse_broker("[::1]:99?tls=yes&x=%31", ("x",)) == (
        Broker("::1", 99, None, True),
        "",
        {"x": "1"},
    )
    assert parse_broker("pi?tls=yes", ())[0].port == 8883


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "names nothing"),
        ("a:b", "is no address, expected HOST or HOST:PORT"),
        ("a?tls=maybe", "one of no, yes"),
        ("a:99999", "is no address"),
        ("a?gravity=x", "included, removed"),
        ("a?password=x", "out of user, tls, gravity"),
    ],
)
def test_invalid_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"mqtt:{rest}", CHANNELS)
