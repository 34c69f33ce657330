import http.client
import json
import socket
import threading
import time

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.sensor_logger_push import LARGEST_MESSAGE

from .test_sensor_logger_push import batch


@pytest.fixture
def source(port, heard):
    return heard(open_source(f"http:127.0.0.1:{port}", CHANNELS))


def post(port, bodies, path="/data"):
    """What the app does: one connection, a POST for each message; gives the answers' codes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    codes = []
    for body in bodies:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        codes.append(response.status)
    connection.close()
    return codes


def test_a_phone_that_pushes(source, port, receive):
    bodies = [batch(i, {"totalacceleration": 1.0, "gyroscope": -1.0}) for i in range(20)]
    codes = []
    phone = threading.Thread(target=lambda: codes.extend(post(port, bodies)))
    chunk = receive(source, lambda c: len(c.samples) == 200, phone.start)
    phone.join()
    assert codes == [200] * 20
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(200))
    assert f"push to http://127.0.0.1:{port}/" in source.notes.said[0]


def test_what_is_no_message_is_counted_and_the_next_one_taken(source, port, receive):
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


def test_a_phone_that_breaks_off_is_no_harm(source, port, receive):
    def phone():
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        post(port, [batch(0, {"totalacceleration": 1.0, "gyroscope": 1.0})])

    thread = threading.Thread(target=phone)
    receive(source, lambda c: len(c.samples) == 10 and bool(source.notes.counts), thread.start)
    thread.join()
    assert source.notes.counts == {"cut message": 1}


def test_a_browser_sees_that_the_address_is_right(source, port, receive):
    pages = []

    def browser():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        pages.append(connection.getresponse().read())

    thread = threading.Thread(target=browser)
    receive(source, lambda c: bool(pages), thread.start)
    assert b"img2imu is listening" in pages[0]


def test_it_waits_without_samples_and_leaves_the_port_behind(source, port):
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
def test_refusals(rest, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"http:{rest}", CHANNELS)


def test_json_is_what_the_app_documents():
    document = json.loads(batch(0, {"gyroscope": 1.0}, n=1))
    assert set(document) == {"messageId", "sessionId", "deviceId", "payload"}
    assert set(document["payload"][0]) == {"name", "time", "values", "accuracy"}
