import http.client
import json
import random
import socket
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.sensor_logger_push import (
    LARGEST_MESSAGE,
    MOST_WAITING,
    MessageOrder,
    SensorLoggerDecoder,
)

START_NS = 1_698_501_144_401_773_000


def reading(name, time_s, values):
    return {
        "name": name,
        "time": START_NS + round(time_s * 1e9),
        "accuracy": 3,
        "values": dict(zip("xyz", values, strict=True)),
    }


def message(payload, number=0, session="one", device="phone"):
    return json.dumps(
        {"messageId": number, "sessionId": session, "deviceId": device, "payload": payload}
    ).encode()


def batch(number, names, n=10, rate_hz=50.0):
    """Return a message with n readings of each sensor. x, y, z are 1, 2, 3 times the index."""
    payload = [
        reading(name, i / rate_hz, [scale * i, 2 * scale * i, 3 * scale * i])
        for name, scale in names.items()
        for i in range(number * n, number * n + n)
    ]
    random.Random(number).shuffle(payload)
    return message(payload, number)


def decode(decoder, bodies):
    chunks = [decoder.decode(body) for body in bodies]
    return np.concatenate([c.timestamps_s for c in chunks]), np.concatenate(
        [c.samples for c in chunks]
    )


@pytest.mark.parametrize(
    "names",
    [
        {"totalacceleration": 1.0, "gyroscope": -1.0},
        {"accelerometer": 0.75, "gravity": 0.25, "gyroscope": -1.0},
        {"accelerometeruncalibrated": 1.0, "gyroscope": -1.0, "microphone": 5.0},
        {"accelerometer": 7.0, "gravity": 9.0, "totalacceleration": 1.0, "gyroscope": -1.0},
    ],
)
def test_acceleration_with_gravity_from_any_of_the_sensors(names, notes):
    times, samples = decode(
        SensorLoggerDecoder(CHANNELS, notes), [batch(i, names) for i in range(5)]
    )
    i = np.arange(50)
    np.testing.assert_allclose(times - START_NS / 1e9, i / 50, atol=1e-6)
    np.testing.assert_allclose(
        samples, np.stack([i, 2 * i, 3 * i, -i, -2 * i, -3 * i], axis=1), rtol=1e-6
    )
    assert not notes.counts


def test_acceleration_without_gravity_if_requested(notes):
    names = {"accelerometer": 1.0, "gravity": 9.0, "totalacceleration": 10.0}
    _, samples = decode(
        SensorLoggerDecoder(CHANNELS[:3], notes, "removed"), [batch(i, names) for i in range(3)]
    )
    np.testing.assert_array_equal(samples[:, 0], np.arange(30))


def test_the_accelerometer_alone_yields_nothing_and_is_reported(notes):
    times, _ = decode(
        SensorLoggerDecoder(CHANNELS[:3], notes),
        [batch(i, {"accelerometer": 1.0}) for i in range(30)],
    )
    assert len(times) == 0
    assert "gravity sensor was silent" in notes.said[0]


@given(st.permutations(range(12)))
def test_messages_out_of_order(order):
    """Any order in which no message waits for more than a few."""
    notes = Notes("x")
    said = []
    notes.say = said.append
    decoder = SensorLoggerDecoder(CHANNELS[:3], notes)
    bodies = [batch(i, {"totalacceleration": 1.0}) for i in range(12)]
    decoder.decode(bodies[0])
    near = sorted(range(12), key=lambda i: i + 0.3 * order[i] / 12 * MOST_WAITING)
    _, samples = decode(decoder, [bodies[i] for i in near if i])
    np.testing.assert_array_equal(samples[:, 0], np.arange(10, 120))
    assert not notes.counts


@given(st.lists(st.integers(0, 30), max_size=60))
def test_every_message_is_returned_once_and_few_wait(numbers):
    order = MessageOrder()
    returned = [m for i, number in enumerate(numbers) for m in order.add("s", number, i)]
    assert len(order._waiting) <= MOST_WAITING
    twice = len(numbers) - len(set(numbers))
    assert len(numbers) - len(order._waiting) - twice <= len(returned) <= len(numbers)
    assert len(set(returned)) == len(returned)


def test_a_lost_message_does_not_hold_the_others_forever(notes):
    decoder = SensorLoggerDecoder(CHANNELS[:3], notes)
    bodies = [batch(i, {"totalacceleration": 1.0}) for i in range(10) if i != 3]
    _, samples = decode(decoder, bodies)
    np.testing.assert_array_equal(samples[:, 0], [i for i in range(100) if i // 10 != 3])


def test_a_new_session_starts_over(notes):
    decoder = SensorLoggerDecoder(CHANNELS[:3], notes)
    for session in ("one", "two"):
        for number in range(3):
            payload = [
                reading("totalacceleration", number + 10 * (session == "two"), (number, 0, 9))
            ]
            assert len(decoder.decode(message(payload, number, session)).samples) == 1


def test_a_second_phone_is_ignored_and_reported(notes):
    decoder = SensorLoggerDecoder(CHANNELS[:3], notes)
    assert len(decoder.decode(message([reading("totalacceleration", 0, (1, 2, 3))])).samples) == 1
    other = message([reading("totalacceleration", 0, (1, 2, 3))], 1, "one", "tablet")
    assert len(decoder.decode(other).samples) == 0
    assert "two phones push to this address, phone and tablet" in notes.said[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"payload": 1}',
        b'{"payload": {}}',
        b"[" * 100_000,
        b'{"payload": [}',
    ],
)
def test_malformed_messages_are_counted(body, notes):
    assert not len(SensorLoggerDecoder(CHANNELS, notes).decode(body).samples)
    assert notes.counts == {"malformed message": 1}


@pytest.mark.parametrize(
    "entry",
    [
        1,
        None,
        {},
        {"name": "totalacceleration"},
        {"name": 3, "values": {}, "time": 1},
        {"name": "totalacceleration", "time": "soon", "values": {"x": 1, "y": 2, "z": 3}},
        {"name": "totalacceleration", "time": 1, "values": {"x": 1, "y": 2}},
        {"name": "totalacceleration", "time": 1, "values": {"x": 1, "y": 2, "z": None}},
        {"name": "totalacceleration", "time": 1, "values": [1, 2, 3]},
        {"name": "totalacceleration", "time": float("inf"), "values": {"x": 1, "y": 2, "z": 3}},
    ],
)
def test_a_malformed_reading_costs_only_itself(entry, notes):
    body = message([entry, reading("totalacceleration", 0, (1, 2, 3))])
    assert SensorLoggerDecoder(CHANNELS[:3], notes).decode(body).samples.tolist() == [[1, 2, 3]]
    assert notes.counts == {"malformed reading": 1}


def test_nan_is_left_out(notes):
    body = message(
        [
            reading("totalacceleration", 0, (1, float("nan"), 3)),
            reading("totalacceleration", 1, (1, 2, 3)),
        ]
    )
    assert SensorLoggerDecoder(CHANNELS[:3], notes).decode(body).samples.tolist() == [[1, 2, 3]]
    assert notes.counts == {"sample with NaN": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["payload", "name", "time", "values", "x", "messageId", "sessionId"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(
    st.binary(max_size=100)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(JSON, max_size=3).map(message)
)
def test_any_body_is_decoded_or_counted(body):
    notes = Notes("x")
    notes.say = lambda _: None
    decoder = SensorLoggerDecoder(CHANNELS, notes)
    decoder.decode(body)
    assert len(decoder.decode(body).samples) == 0


@pytest.fixture
def source(port, heard):
    return heard(open_source(f"http:127.0.0.1:{port}", CHANNELS))


def post(port, bodies, path="/data"):
    """Do what the app does: a POST per message over one connection. Returns the status codes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    codes = []
    for body in bodies:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        codes.append(response.status)
    connection.close()
    return codes


def test_a_phone_that_pushes_over_http(source, port, receive):
    bodies = [batch(i, {"totalacceleration": 1.0, "gyroscope": -1.0}) for i in range(20)]
    codes = []
    phone = threading.Thread(target=lambda: codes.extend(post(port, bodies)))
    chunk = receive(source, lambda c: len(c.samples) == 200, phone.start)
    phone.join()
    assert codes == [200] * 20
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(200))
    assert f"push to http://127.0.0.1:{port}/" in source.notes.said[0]


def test_messages_after_malformed_ones_are_received(source, port, receive):
    def phone():
        assert (
            post(port, [b"not json", b"{}", batch(0, {"totalacceleration": 1.0, "gyroscope": 1.0})])
            == [200] * 3
        )

    thread = threading.Thread(target=phone)
    receive(source, lambda c: len(c.samples) == 10, thread.start)
    thread.join()
    assert source.notes.counts == {"malformed message": 2}


def test_a_message_of_100_mb_is_refused_unread(source, port, receive):
    answers = []

    def phone():
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            answers.append(connection.recv(100))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
            )
            answers.append(connection.recv(100))
        post(port, [batch(0, {"totalacceleration": 1.0, "gyroscope": 1.0})])

    thread = threading.Thread(target=phone)
    receive(source, lambda c: len(c.samples) == 10, thread.start)
    thread.join()
    assert [answer.split()[1] for answer in answers] == [b"413", b"411"]
    assert source.notes.counts == {"refused message": 2}
    assert f"it has 100000000 bytes, expected at most {LARGEST_MESSAGE}" in " ".join(
        source.notes.said
    )


def test_a_cut_message_is_counted(source, port, receive):
    def phone():
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        post(port, [batch(0, {"totalacceleration": 1.0, "gyroscope": 1.0})])

    thread = threading.Thread(target=phone)
    receive(source, lambda c: len(c.samples) == 10 and bool(source.notes.counts), thread.start)
    thread.join()
    assert source.notes.counts == {"cut message": 1}


def test_a_browser_shows_that_the_address_is_right(source, port, receive):
    pages = []

    def browser():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        pages.append(connection.getresponse().read())

    thread = threading.Thread(target=browser)
    receive(source, lambda c: bool(pages), thread.start)
    assert b"img2imu is listening" in pages[0]


def test_it_waits_without_samples_and_frees_the_port(source, port):
    stream = iter(source)
    started_s = time.monotonic()
    assert len(next(stream).samples) == 0
    assert time.monotonic() - started_s < 5
    stream.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    next(iter(source))  # and can listen again


def test_a_port_in_use(source, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(
            SourceError,
            match=f"127.0.0.1:{port} cannot be listened on; another program listens there",
        ):
            next(iter(source))


def test_an_address_of_another_machine():
    with pytest.raises(SourceError, match="this machine has no such address"):
        next(iter(open_source("http:192.0.2.7:8000", CHANNELS)))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("0", "0 is no port"),
        ("70000", "no port to listen on"),
        ("a b", "is no address"),
        ("8000?gravity=no", "gravity='no', expected one of included, removed"),
        ("8000?rate_hz=5", "out of gravity"),
    ],
)
def test_invalid_http_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"http:{rest}", CHANNELS)


def test_the_test_messages_have_the_documented_fields():
    document = json.loads(batch(0, {"gyroscope": 1.0}, n=1))
    assert set(document) == {"messageId", "sessionId", "deviceId", "payload"}
    assert set(document["payload"][0]) == {"name", "time", "values", "accuracy"}
