import json
import re
import socket
import struct
import time

import numpy as np
import pytest

from edge_runtime.frontend import Features
from edge_runtime.pages.address import Address
from edge_runtime.recognizer import Recognizer
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk
from edge_runtime.web import dashboard as module
from edge_runtime.web.dashboard import IMAGES_KIND, SAMPLES_KIND, Dashboard

client = pytest.importorskip("websockets.sync.client", reason='needs pip install "img2imu[web]"')
TIMEOUT_S = 20.0


class ListSource:
    """A source whose chunks are all in memory."""

    def __init__(self, times_s, samples, size=10):
        self.notes = Notes("a list")
        self.chunks = [
            Chunk(times_s[i : i + size], samples[i : i + size])
            for i in range(0, len(times_s), size)
        ]

    def __iter__(self):
        yield from self.chunks


@pytest.fixture
def shown(make_contract, fake_model, motion, port):
    """A dashboard of a 4 s stream; its attribute ``run`` passes the stream to the recogniser."""
    contract = make_contract()
    recognizer = Recognizer(contract, fake_model(len(contract.labels)))
    dashboard = Dashboard(
        recognizer, ListSource(*motion(200)), "a list", Address("127.0.0.1", port)
    )

    def run():
        decisions = []
        for chunk in dashboard.source:
            for decision in recognizer.push(chunk.timestamps_s, chunk.samples):
                dashboard.write(decision)
                decisions.append(decision)
        return decisions

    dashboard.run = run
    dashboard.recognizer = recognizer
    with dashboard:
        yield dashboard


def connect(port):
    return client.connect(f"ws://127.0.0.1:{port}/live", proxy=None, open_timeout=10, max_size=None)


def listen(connection, until):
    """Receive until ``until`` is true. Return the JSON documents and the binary messages."""
    texts = []
    binaries = []
    deadline_s = time.monotonic() + TIMEOUT_S
    while not until(texts, binaries):
        assert time.monotonic() < deadline_s
        message = connection.recv(TIMEOUT_S)
        if isinstance(message, str):
            texts.append(json.loads(message))
        else:
            binaries.append(message)
    return texts, binaries


def decisions_in(texts):
    return [decision for text in texts for decision in text["decisions"]]


def test_a_browser_receives_decisions_health_and_samples(shown, port):
    with connect(port) as connection:
        hello = json.loads(connection.recv(10))
        decisions = shown.run()
        texts, binaries = listen(
            connection,
            lambda texts, binaries: (
                len(decisions_in(texts)) == len(decisions)
                and any(b[0] == IMAGES_KIND for b in binaries)
                and any(t["health"] for t in texts)
            ),
        )
    assert (hello["type"], hello["model"], hello["source"]) == ("hello", "a test", "a list")
    assert hello["labels"] == ["rest", "walk", "jump"] and len(hello["images"]["titles"]) == 4
    assert [d["time_s"] for d in decisions_in(texts)] == [d.time_s for d in decisions]
    assert [d["label"] for d in decisions_in(texts)] == [d.label for d in decisions]
    health = next(t["health"] for t in reversed(texts) if t["health"])
    assert health["counts"]["received"] == 200 and health["rate_hz"] == pytest.approx(50)
    assert health["latency_us"]["total"] > 0 and health["memory_mb"] > 10

    times = []
    values = []
    for message in binaries:
        if message[0] == SAMPLES_KIND:
            n = (len(message) - 8) // (8 + 4 * 6)
            times += np.frombuffer(message, "<f8", n, 8).tolist()
            values.append(np.frombuffer(message, "<f4", n * 6, 8 + 8 * n).reshape(n, 6))
    sent = list(shown.source)  # a ListSource can be read again
    np.testing.assert_array_equal(times, np.concatenate([c.timestamps_s for c in sent]))
    np.testing.assert_array_equal(np.concatenate(values), np.concatenate([c.samples for c in sent]))


def test_the_images_are_the_networks_inputs(shown, port):
    with connect(port) as connection:
        decisions = shown.run()
        _, binaries = listen(
            connection, lambda texts, binaries: any(b[0] == IMAGES_KIND for b in binaries)
        )
    newest = [b for b in binaries if b[0] == IMAGES_KIND][-1]
    assert struct.unpack_from("<d", newest, 8) == (decisions[-1].time_s,)
    inputs = shown.recognizer.model.seen[-1].images
    pixels = np.frombuffer(newest, np.uint8, offset=16).reshape(inputs.shape)
    assert np.abs(pixels / 127.5 - 1 - inputs).max() <= 0.5 / 127.5 + 1e-6


def test_a_browser_that_connects_later_receives_earlier_decisions(shown, port):
    decisions = shown.run()
    time.sleep(0.3)
    with connect(port) as connection:
        hello = json.loads(connection.recv(10))
    assert [d["time_s"] for d in hello["decisions"]] == [d.time_s for d in decisions]


def stalled(port):
    """Connect as a browser that then reads nothing more."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
    )
    return connection


def wait_until(condition):
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_only_a_browser_that_does_not_read_is_skipped(shown, port):
    big = Features(np.zeros((4, 512, 512, 3), np.float32), np.zeros(1, np.float32))
    with stalled(port) as slow:
        wait_until(lambda: shown._clients)
        (server_side,) = shown._clients

        def unsent_bytes():
            return server_side.transport.get_write_buffer_size()

        def send_images():
            shown._images.append((0.0, big))
            return unsent_bytes() > module.SLOW_BYTES

        wait_until(send_images)
        limit = unsent_bytes()
        missed = shown._clients[server_side].missed_ticks
        wait_until(lambda: send_images() and shown._clients[server_side].missed_ticks > missed + 5)
        assert unsent_bytes() == limit  # nothing was added while it did not read

        with connect(port) as good:
            decisions = shown.run()
            texts, _ = listen(
                good, lambda texts, binaries: len(decisions_in(texts)) == len(decisions)
            )
            assert not any(text["skipped"] for text in texts if text["type"] == "update")

        received = b""
        slow.settimeout(TIMEOUT_S)
        # It reads again, and receives the number of updates it missed.
        while not re.search(rb'"skipped": [1-9]', received[-100_000:]):
            received += slow.recv(1 << 20)


def test_a_flood_of_commands_ends_only_its_own_connection(shown, port):
    from websockets.exceptions import ConnectionClosed

    with connect(port) as flooding, connect(port) as good:
        with pytest.raises(ConnectionClosed):
            for _ in range(100_000):
                flooding.send("x")
        decisions = shown.run()
        listen(good, lambda texts, binaries: len(decisions_in(texts)) == len(decisions))


def test_queues_are_bounded_while_the_server_thread_is_stuck(
    make_contract, fake_model, motion, port
):
    contract = make_contract()
    recognizer = Recognizer(contract, fake_model(len(contract.labels)))
    dashboard = Dashboard(
        recognizer, ListSource(*motion(8_000), size=1), "a list", Address("127.0.0.1", port)
    )
    dashboard.close()  # ends the server's thread, which has the same effect as a stuck one
    for chunk in dashboard.source:
        for decision in recognizer.push(chunk.timestamps_s, chunk.samples):
            dashboard.write(decision)
    assert len(dashboard._chunks) == module.KEPT_CHUNKS
    assert len(dashboard._decisions) == module.KEPT_DECISIONS
    assert len(dashboard._images) == 1
