import contextlib
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
from edge_runtime.sources.phone import LARGEST_BATCH

from .test_phone_decoder import batch, rows

client = pytest.importorskip("websockets.sync.client", reason='needs pip install "img2imu[web]"')


@pytest.fixture
def source(port, heard):
    return heard(open_source(f"phone:{port}", CHANNELS, 50.0))


@contextlib.contextmanager
def connect(port, session="one", **options):
    with client.connect(
        f"ws://127.0.0.1:{port}/phone", proxy=None, open_timeout=10, **options
    ) as connection:
        connection.send(json.dumps({"session": session}))
        yield connection


def send_one_sample(port):
    with connect(port) as connection:
        connection.recv(10)
        connection.send(batch(0, [0.0], rows(1)))
        connection.recv(10)


def in_thread(act):
    thread = threading.Thread(target=act)
    return thread.start


def test_a_phone_that_sends(source, port, receive):
    said = []

    def phone():
        with connect(port) as connection:
            said.append(json.loads(connection.recv(10)))
            for i in range(10):
                connection.send(
                    batch(10 * i, 20.0 * np.arange(10 * i, 10 * i + 10), rows(10, 60 * i))
                )
                said.append(json.loads(connection.recv(10)))

    chunk = receive(source, lambda c: len(c.samples) == 100, in_thread(phone))
    np.testing.assert_array_equal(chunk.samples, rows(100))
    assert said[0] == {"channels": list(CHANNELS), "rate_hz": 50.0, "received": 0}
    assert [message["received"] for message in said[1:9]] == list(range(10, 90, 10))
    assert (
        "adb reverse" in source.notes.said[0]
        and f"http://localhost:{port}/" in source.notes.said[0]
    )


def test_a_session_continues_after_a_lost_connection(source, port, receive):
    def phone():
        with connect(port) as connection:
            connection.recv(10)
            connection.send(batch(0, 20.0 * np.arange(10), rows(10)))
            connection.recv(10)
        with connect(port) as connection:
            begin = json.loads(connection.recv(10))["received"]
            connection.send(batch(begin, 20.0 * np.arange(begin, 30), rows(30)[begin:]))
            connection.recv(10)

    chunk = receive(source, lambda c: len(c.samples) == 30, in_thread(phone))
    np.testing.assert_array_equal(chunk.samples, rows(30))
    assert any("has gone" in text for text in source.notes.said)


def test_a_second_phone_is_refused(source, port, receive):
    codes = []

    def phones():
        with connect(port) as first:
            first.recv(10)
            with connect(port, "two") as second:
                try:
                    second.recv(10)
                except Exception:
                    codes.append(second.close_code)
            first.send(batch(0, [0.0], rows(1)))
            first.recv(10)

    receive(source, lambda c: len(c.samples) == 1, in_thread(phones))
    assert codes == [4409]


@pytest.mark.parametrize(
    "greeting",
    [
        "",
        "{}",
        '{"session": ""}',
        '{"session": 7}',
        "[" * 5000,
        b"bytes",
        json.dumps({"session": "x" * 100}),
    ],
)
def test_a_client_without_a_greeting_is_refused(source, port, receive, greeting):
    def stranger():
        with client.connect(f"ws://127.0.0.1:{port}/phone", proxy=None) as connection:
            connection.send(greeting)
            with pytest.raises(Exception, match="1008"):
                connection.recv(10)
        send_one_sample(port)

    receive(source, lambda c: len(c.samples) == 1, in_thread(stranger))
    assert source.notes.counts["malformed greeting"] == 1


def test_malformed_and_too_large_batches(source, port, receive):
    def phone():
        with connect(port) as connection:
            connection.recv(10)
            for garbage in ("text", b"", b"x" * 100):
                connection.send(garbage)
            connection.recv(10)
            with pytest.raises(Exception, match="1009"):
                connection.send(b"x" * (LARGEST_BATCH + 1))
                for _ in range(5):
                    connection.recv(10)
        send_one_sample(port)

    receive(source, lambda c: len(c.samples) == 1, in_thread(phone))
    assert source.notes.counts["malformed batch"] == 3


def test_another_origin_and_a_wrong_token_are_refused(port, heard, receive):
    source = heard(open_source(f"phone:127.0.0.1:{port}?token=s3cret-token", CHANNELS))
    refused = []

    def browsers():
        own = f"http://127.0.0.1:{port}"
        for query, origin in (
            ("", own),
            ("?token=wrong-token", own),
            ("?token=s3cret-token", "http://evil.example"),
        ):
            try:
                client.connect(
                    f"ws://127.0.0.1:{port}/phone{query}", origin=origin, proxy=None
                ).__enter__()
            except Exception as error:
                refused.append(error.response.status_code)
        with client.connect(
            f"ws://127.0.0.1:{port}/phone?token=s3cret-token", origin=own, proxy=None
        ) as connection:
            connection.send(json.dumps({"session": "one"}))
            connection.recv(10)
            connection.send(batch(0, [0.0], rows(1)))
            connection.recv(10)

    receive(source, lambda c: len(c.samples) == 1, in_thread(browsers))
    assert refused == [401, 401, 403]


def test_the_phone_waits_while_recognition_does_not_keep_up_and_nothing_is_lost(source, port):
    n = 200
    sent = threading.Event()

    def phone():
        with connect(port, max_queue=None) as connection:
            for i in range(n):
                connection.send(batch(i, [20.0 * i], rows(1, 6 * i)))
            while json.loads(connection.recv(20))["received"] < n:
                pass
        sent.set()

    stream = iter(source)
    next(stream)
    threading.Thread(target=phone).start()
    time.sleep(1.0)
    assert not sent.is_set()  # there is no room for all of them
    got = 0
    while got < n:
        got += len(next(stream).samples)
    assert sent.wait(20)
    stream.close()
    assert not source.notes.counts


def test_the_page_and_the_model_are_served(port, heard, receive, tmp_path):
    model = tmp_path / "m.tflite"
    model.write_bytes(b"a model")
    source = heard(open_source(f"phone:{port}?model={model}", CHANNELS))
    got = {}

    def browser():
        for path in ("/", "/model.tflite"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            got[path] = connection.getresponse().read()

    receive(source, lambda c: len(got) == 2, in_thread(browser))
    assert b"This phone as a motion sensor" in got["/"] and got["/model.tflite"] == b"a model"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("0", "0 is no port"),
        ("70000", "no port to listen on"),
        ("a b", "is no address"),
        ("8443?token=short", "expected 8 or more"),
        ("8443?cert=/nowhere", "img2imu cert"),
        ("8443?model=/nowhere.tflite", "is no file"),
        ("8443?speed=5", "out of cert, token, model"),
    ],
)
def test_invalid_uris_are_refused(rest, message, is_sentence):
    with pytest.raises(SourceError, match=message) as error:
        open_source(f"phone:{rest}", CHANNELS)
    assert is_sentence(str(error.value))


def test_a_port_in_use(source, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(SourceError, match="another program listens there"):
            next(iter(source))
