import contextlib
import http.server
import json
import threading
import time
import urllib.parse

import numpy as np
import pytest

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source

BOOT_NS = 3_925_657_519_043_709


def reading(sensor, i, values, rate_hz=100.0):
    return json.dumps(
        {
            "type": f"android.sensor.{sensor}",
            "values": values,
            "accuracy": 2,
            "timestamp": BOOT_NS + round(i / rate_hz * 1e9),
        }
    )


def readings(first, last):
    for i in range(first, last):
        yield reading("accelerometer", i, [i, 2 * i, 9.81])
        yield reading("gyroscope", i + 0.25, [-(i + 0.25), 0, 1])
        yield reading("linear_acceleration", i, [-5, -5, -5])


class Phone:
    """A WebSocket server in place of the app. It calls ``script(connection)`` for each client."""

    def __init__(self, script):
        self.paths = []

        def handler(connection):
            self.paths.append(connection.request.path)
            with contextlib.suppress(ConnectionClosed):
                script(connection)

        self._server = serve(handler, "127.0.0.1", 0, compression=None)
        self.address = f"127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def phone():
    """A function that starts a phone which follows a script."""
    phones = []

    def start(script):
        phones.append(Phone(script))
        return phones[-1]

    yield start
    for phone in phones:
        phone.stop()


def play(connection, messages):
    for message in messages:
        connection.send(message)
    connection.recv()  # until the client goes


def test_both_sensors_on_one_clock(phone, heard, receive):
    app = phone(lambda connection: play(connection, readings(0, 300)))
    source = heard(open_source(f"ws:{app.address}", CHANNELS))
    chunk = receive(source, lambda c: len(c.samples) >= 298)
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(1, 1 + len(chunk.samples)))
    # The gyroscope is interpolated between two readings.
    np.testing.assert_allclose(chunk.samples[:, 3], -chunk.samples[:, 0], rtol=1e-4)
    np.testing.assert_allclose(
        chunk.timestamps_s - BOOT_NS / 1e9, chunk.samples[:, 0] / 100, atol=1e-6
    )
    types = urllib.parse.parse_qs(urllib.parse.urlsplit(app.paths[0]).query)["types"][0]
    assert app.paths[0].startswith("/sensors/connect?types=")
    assert json.loads(types) == ["android.sensor.accelerometer", "android.sensor.gyroscope"]
    assert not source.notes.counts


def test_without_gravity(phone, receive):
    app = phone(lambda connection: play(connection, readings(0, 10)))
    chunk = receive(
        open_source(f"ws://{app.address}?gravity=removed", CHANNELS[:3]),
        lambda c: len(c.samples) == 10,
    )
    assert set(chunk.samples.ravel()) == {-5}


def test_malformed_messages_are_counted(phone, heard, receive):
    broken = [
        "",
        "no",
        "[]",
        "{}",
        b"\x00\xff",
        '{"type": "android.sensor.accelerometer"}',
        "[" * 50_000,
        reading("accelerometer", 0, [1, 2]),
        reading("accelerometer", 0, ["a", "b", "c"]),
        reading("accelerometer", 0, [1, 2, 3]).replace("3925657519043709", '"now"'),
    ]
    nan = reading("accelerometer", 0, [1, float("nan"), 3])
    app = phone(lambda connection: play(connection, [*broken, nan, *readings(0, 3)]))
    source = heard(open_source(f"ws:{app.address}", CHANNELS[:3]))
    receive(source, lambda c: len(c.samples) == 3)
    assert source.notes.counts == {"malformed message": len(broken), "sample with NaN": 1}


def test_a_message_of_100_mb_ends_the_connection_which_is_opened_again(phone, heard, receive):
    connections = iter(range(10))

    def script(connection):
        if next(connections) == 0:
            play(connection, [*readings(0, 10), "x" * 100_000_000])
        play(connection, readings(100, 110))

    source = heard(open_source(f"ws:{phone(script).address}", CHANNELS[:3]))
    chunk = receive(source, lambda c: len(c.samples) == 20)
    assert chunk.samples[-1, 0] == 109
    assert source.notes.counts == {"lost connection": 1}
    assert "too big" in source.notes.said[0]


def test_a_phone_that_goes_and_comes_back(phone, heard, receive):
    counts = iter(range(100))

    def script(connection):
        number = next(counts)
        for message in readings(10 * number, 10 * number + 10):
            connection.send(message)
        if number > 1:
            connection.recv()

    source = heard(open_source(f"ws:{phone(script).address}", CHANNELS[:3]))
    chunk = receive(source, lambda c: len(c.samples) == 30)
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(30))
    assert source.notes.counts == {"lost connection": 2}
    assert source.notes.said[0].startswith("ws 127.0.0.1: the connection to the phone broke")


def test_a_silent_phone_yields_empty_chunks(phone):
    app = phone(lambda connection: play(connection, []))
    started_s = time.monotonic()
    stream = iter(open_source(f"ws:{app.address}", CHANNELS))
    assert [len(next(stream).samples) for _ in range(2)] == [0, 0]
    assert time.monotonic() - started_s < 10
    stream.close()


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("127.0.0.1:1", r"SensorServer does not answer at 127.0.0.1:1 \(.*refused"),
        ("a b", "is no address"),
        ("a?rate_hz=5", "out of gravity"),
        ("a?gravity=", "expected one of included, removed"),
    ],
)
def test_invalid_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        next(iter(open_source(f"ws:{rest}", CHANNELS)))


def test_another_server_at_the_address():
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

        protocol_version = "HTTP/1.1"

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(SourceError, match="does not answer at .*404"):
            next(iter(open_source(f"ws:127.0.0.1:{server.server_port}", CHANNELS)))
        thread.join()
