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
from edge_runtime.web.dashboard import Dashboard
from edge_runtime.web.messages import IMAGES, SAMPLES

client = pytest.importorskip("websockets.sync.client", reason='needs pip install "img2imu[web]"')
ENOUGH_S = 20.0


class ListSource:
    """Chunks that are there already."""

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
    """A dashboard of a stream of 4 s that has not begun, and what sends it through the recogniser."""
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

    dashboard.run, dashboard.recognizer = run, recognizer
    with dashboard:
        yield dashboard


def connect(port):
    return client.connect(f"ws://127.0.0.1:{port}/live", proxy=None, open_timeout=10, max_size=None)


def listen(connection, until):
    """Messages until one of them ends it: JSON documents and bytes apart."""
    texts, binaries = [], []
    deadline_s = time.monotonic() + ENOUGH_S
    while not until(texts, binaries):
        assert time.monotonic() < deadline_s
        message = connection.recv(ENOUGH_S)
        (texts if isinstance(message, str) else binaries).append(
            json.loads(message) if isinstance(message, str) else message
        )
    return texts, binaries


def decided(texts):
    return [decision for text in texts for decision in text["decisions"]]


def test_a_browser_is_told_everything(shown, port):
    with connect(port) as connection:
        hello = json.loads(connection.recv(10))
        decisions = shown.run()
        texts, binaries = listen(
            connection,
            lambda texts, binaries: (
                len(decided(texts)) == len(decisions)
                and any(b[0] == IMAGES for b in binaries)
                and any(t["health"] for t in texts)
            ),
        )
    assert (hello["type"], hello["model"], hello["source"]) == ("hello", "a test", "a list")
    assert hello["labels"] == ["rest", "walk", "jump"] and len(hello["images"]["titles"]) == 4
    assert [d["time_s"] for d in decided(texts)] == [d.time_s for d in decisions]
    assert [d["label"] for d in decided(texts)] == [d.label for d in decisions]
    health = next(t["health"] for t in reversed(texts) if t["health"])
    assert health["counts"]["received"] == 200 and health["rate_hz"] == pytest.approx(50)
    assert health["latency_us"]["total"] > 0 and health["memory_mb"] > 10

    times, values = [], []
    for message in binaries:
        if message[0] == SAMPLES:
            n = (len(message) - 8) // (8 + 4 * 6)
            times += np.frombuffer(message, "<f8", n, 8).tolist()
            values.append(np.frombuffer(message, "<f4", n * 6, 8 + 8 * n).reshape(n, 6))
    sent = list(shown.source)  # the list can be read again
    np.testing.assert_array_equal(times, np.concatenate([c.timestamps_s for c in sent]))
    np.testing.assert_array_equal(np.concatenate(values), np.concatenate([c.samples for c in sent]))


def test_the_images_are_those_that_the_network_was_given(shown, port):
    with connect(port) as connection:
        decisions = shown.run()
        _, binaries = listen(
            connection, lambda texts, binaries: any(b[0] == IMAGES for b in binaries)
        )
    newest = [b for b in binaries if b[0] == IMAGES][-1]
    assert struct.unpack_from("<d", newest, 8) == (decisions[-1].time_s,)
    given = shown.recognizer.model.seen[-1].images
    pixels = np.frombuffer(newest, np.uint8, offset=16).reshape(given.shape)
    assert np.abs(pixels / 127.5 - 1 - given).max() <= 0.5 / 127.5 + 1e-6


def test_who_comes_later_sees_what_was(shown, port):
    decisions = shown.run()
    time.sleep(0.3)
    with connect(port) as connection:
        hello = json.loads(connection.recv(10))
    assert [d["time_s"] for d in hello["decisions"]] == [d.time_s for d in decisions]


def stalled(port):
    """A browser that opens the page and then takes nothing more from the network."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
    )
    return connection


def wait_until(true):
    deadline_s = time.monotonic() + ENOUGH_S
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_one_that_does_not_read_is_passed_over_and_the_others_are_not(shown, port):
    big = Features(np.zeros((4, 512, 512, 3), np.float32), np.zeros(1, np.float32))
    with stalled(port) as slow:
        wait_until(lambda: shown._clients)
        (server_side,) = shown._clients

        def held():
            return server_side.transport.get_write_buffer_size()

        def draw():
            shown._drawn.append((0.0, big))
            return held() > module.SLOW_BYTES

        wait_until(draw)
        most = held()
        missed = shown._clients[server_side]._missed
        wait_until(lambda: draw() and shown._clients[server_side]._missed > missed + 5)
        assert held() == most  # nothing was added while it did not keep up

        with connect(port) as good:
            decisions = shown.run()
            texts, _ = listen(good, lambda texts, binaries: len(decided(texts)) == len(decisions))
            assert not any(text["skipped"] for text in texts if text["type"] == "update")

        said = b""
        slow.settimeout(ENOUGH_S)
        while not re.search(rb'"skipped": [1-9]', said[-100_000:]):  # it reads again, and is told
            said += slow.recv(1 << 20)


def test_a_flood_ends_its_own_connection(shown, port):
    from websockets.exceptions import ConnectionClosed

    with connect(port) as flooding, connect(port) as good:
        with pytest.raises(ConnectionClosed):
            for _ in range(100_000):
                flooding.send("x")
        decisions = shown.run()
        listen(good, lambda texts, binaries: len(decided(texts)) == len(decisions))


def test_queues_are_bounded_while_nobody_takes_from_them(make_contract, fake_model, motion, port):
    contract = make_contract()
    recognizer = Recognizer(contract, fake_model(len(contract.labels)))
    dashboard = Dashboard(
        recognizer, ListSource(*motion(8_000), size=1), "a list", Address("127.0.0.1", port)
    )
    dashboard.close()  # its thread has ended: as if it hung
    for chunk in dashboard.source:
        for decision in recognizer.push(chunk.timestamps_s, chunk.samples):
            dashboard.write(decision)
    assert len(dashboard._chunks) == module.KEPT_CHUNKS
    assert len(dashboard._decisions) == module.KEPT_DECISIONS
    assert len(dashboard._drawn) == 1
