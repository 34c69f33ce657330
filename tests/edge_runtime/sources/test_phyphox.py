import http.server
import json
import math
import threading
import urllib.parse

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source

OUTPUTS = {
    "accelerometer": ("accX", "accY", "accZ", "acc_time"),
    "gyroscope": ("gyrX", "gyrY", "gyrZ", "gyr_time"),
    "linear_acceleration": ("linX", "linY", "linZ", "lin_time"),
}


class Phone(http.server.ThreadingHTTPServer):
    """The app's remote interface as documented. Every request finds ``step`` new samples."""

    daemon_threads = True

    def __init__(self, sensors=("accelerometer", "gyroscope"), step=25, buffer_size=1000):
        super().__init__(("127.0.0.1", 0), Interface)
        self.sensors, self.step, self.buffer_size = sensors, step, buffer_size
        self.measuring, self.session, self.count, self.commands = False, "abc", 0, []
        self.garble = lambda path, body: body
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """Ignore a client that hangs up before it has read everything, as in one of the tests."""

    def config(self):
        inputs = [{"source": "audio", "outputs": [{"out": "recording"}]}]
        inputs += [
            {
                "source": name,
                "outputs": [
                    {axis: buffer} for axis, buffer in zip("xyzt", OUTPUTS[name], strict=True)
                ],
            }
            for name in self.sensors
        ]
        return {"crc32": "0", "title": "test", "inputs": inputs, "export": []}

    def buffer(self, name):
        """Return all values: times in steps of 10 ms; x, y, z are 1, 2, 3 times the index."""
        i = np.arange(max(0, self.count - self.buffer_size), self.count)
        if name.endswith("_time"):
            return i / 100
        sign = -1 if name.startswith("gyr") else 5 if name.startswith("lin") else 1
        return sign * i * (1 + "XYZ".index(name[-1]))

    def get(self, query):
        if self.measuring:
            self.count += self.step
        answer = {}
        for name, request in urllib.parse.parse_qsl(query, keep_blank_values=True):
            values = self.buffer(name)
            if request != "full":
                threshold, _, reference = request.partition("|")
                values = values[self.buffer(reference or name) > float(threshold)]
            answer[name] = {
                "size": self.buffer_size,
                "updateMode": "full" if request == "full" else "partial",
                "buffer": [None if math.isnan(v) else v for v in values.tolist()],
            }
        return {
            "buffer": answer,
            "status": {
                "session": self.session,
                "measuring": self.measuring,
                "timedRun": False,
                "countDown": 0,
            },
        }


class Interface(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/config":
            answer = self.server.config()
        elif parts.path == "/control":
            self.server.commands.append(parts.query)
            self.server.measuring = True
            answer = {"result": True}
        else:
            answer = self.server.get(parts.query)
        body = self.server.garble(parts.path, json.dumps(answer).encode())
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def phone():
    """A function that starts the app."""
    phones = []

    def start(**options):
        phones.append(Phone(**options))
        return phones[-1]

    yield start
    for phone in phones:
        phone.stop()


def uri(phone, options=""):
    return f"phyphox:127.0.0.1:{phone.server_port}?poll_s=0.01{options}"


def test_both_sensors_from_the_first_sample(phone, heard, receive):
    app = phone()
    source = heard(open_source(uri(app), CHANNELS))
    chunk = receive(source, lambda c: len(c.samples) >= 500)
    i = np.arange(len(chunk.samples))
    np.testing.assert_array_equal(
        chunk.samples, np.stack([i, 2 * i, 3 * i, -i, -2 * i, -3 * i], axis=1)
    )
    np.testing.assert_allclose(chunk.timestamps_s, i / 100)
    assert app.commands == ["cmd=start"]
    assert not source.notes.counts


def test_without_gravity(phone, receive):
    chunk = receive(
        open_source(
            uri(phone(sensors=("linear_acceleration",)), "&gravity=removed"), ("acc_y", "acc_x")
        ),
        lambda c: len(c.samples) >= 50,
    )
    np.testing.assert_array_equal(chunk.samples[:, 1], 5 * np.arange(len(chunk.samples)))


def test_buffers_of_different_length_lose_nothing(phone, receive):
    app = phone(sensors=("accelerometer",))

    def cut(path, body):
        answer = json.loads(body)
        if path == "/get":
            del answer["buffer"]["accZ"]["buffer"][-3:]
        return json.dumps(answer).encode()

    app.garble = cut
    chunk = receive(open_source(uri(app), CHANNELS[:3]), lambda c: len(c.samples) >= 200)
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(len(chunk.samples)))


def test_null_is_left_out_and_counted(phone, heard, receive):
    app = phone(sensors=("accelerometer",))
    app.garble = lambda path, body: body.replace(b" 30,", b" null,")
    source = heard(open_source(uri(app), CHANNELS[:3]))
    chunk = receive(source, lambda c: len(c.samples) >= 100)
    assert np.isfinite(chunk.samples).all() and 30 not in chunk.samples[:, 0]
    assert source.notes.counts["sample with NaN"] >= 1


def test_another_experiment_is_a_lost_connection(phone, heard, receive):
    app = phone(sensors=("accelerometer",))
    source = heard(open_source(uri(app), CHANNELS[:3]))

    def until(chunk):
        if len(chunk.samples) > 100 and app.session == "abc":
            app.session, app.count = "def", 0
        return len(chunk.samples) > 0 and chunk.samples[-1, 0] < chunk.samples[:, 0].max()

    receive(source, until)
    assert any(
        "opened another experiment; trying again in 0.5 s" in said for said in source.notes.said
    )


def test_cleared_data_start_again_from_zero(phone, heard, receive):
    app = phone()
    source = heard(open_source(uri(app), CHANNELS))

    def until(chunk):
        if len(chunk.samples) > 500 and app.count > 500:
            app.count = -10_000_000  # nothing for a while, then from 0 on
            app.step = 5_000_000
        elif app.count == 0:
            app.step = 25
        return len(chunk.samples) > 0 and len(chunk.samples) > 1 + chunk.samples[-1, 0] > 100

    chunk = receive(source, until)
    assert any("cleared" in said for said in source.notes.said)
    begin = len(chunk.samples) - int(chunk.samples[-1, 0]) - 1
    np.testing.assert_array_equal(chunk.samples[begin:, 0], np.arange(len(chunk.samples) - begin))


def test_malformed_answers_are_counted(phone, heard, receive):
    app = phone(sensors=("accelerometer",))
    broken = iter(
        [
            b'{"buffer": {}, "status": {"session": "abc", "measuring": true}}',
            b'{"buffer": {"accX": 1}, "status": {"session": "abc", "measuring": true}}',
        ]
    )
    app.garble = lambda path, body: (
        next(broken, body) if path == "/get" and app.count > 50 else body
    )
    source = heard(open_source(uri(app), CHANNELS[:3]))
    receive(source, lambda c: len(c.samples) >= 300)
    assert source.notes.counts == {"malformed answer": 2}


def test_an_answer_of_100_mb_is_not_read(phone):
    app = phone()
    app.garble = lambda path, body: b" " * 100_000_000
    with pytest.raises(
        SourceError, match="bytes that are no phyphox answer, expected JSON of at most 8 MB"
    ):
        next(iter(open_source(uri(app), CHANNELS)))


def test_an_experiment_without_the_sensor(phone):
    with pytest.raises(SourceError, match="has the sensors accelerometer, expected gyroscope too"):
        next(iter(open_source(uri(phone(sensors=("accelerometer",))), CHANNELS)))


def test_a_page_that_is_not_phyphox(phone):
    app = phone()
    app.garble = lambda path, body: b"<html>"
    with pytest.raises(SourceError, match="answered 200 and 6 bytes that are no phyphox answer"):
        next(iter(open_source(uri(app), CHANNELS)))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("127.0.0.1:1", r"phyphox does not answer at 127.0.0.1:1 \(.*refused.*remote access"),
        ("", "names nothing"),
        ("a:b", "is no address"),
        ("a?poll_s=0", "expected 0.01 to 0.5 seconds"),
        ("a?gravity=x", "included, removed"),
    ],
)
def test_invalid_uris_are_refused(rest, message):
    with pytest.raises(SourceError, match=message):
        next(iter(open_source(f"phyphox:{rest}", CHANNELS)))
