"""The dashboard: what the recogniser sees and says, for browsers.

The recogniser's thread only leaves references in bounded queues, of which the oldest fall out; everything else happens
in the server's thread. A client that does not keep up is passed over, and told how much it missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any, TypeVar

from edge_runtime.decision import Decision
from edge_runtime.extras import import_extra
from edge_runtime.frontend import Features
from edge_runtime.recognizer import Recognizer
from edge_runtime.sinks import Sink
from edge_runtime.sources import Chunk, Source
from edge_runtime.sources.notes import Notes
from edge_runtime.web import messages
from edge_runtime.web.health import Health
from edge_runtime.web.server import EXTRA, Address, PageServer
from edge_runtime.web.site import Site

LIVE_PATH = "/live"
TICK_S = 0.1
TICKS_PER_HEALTH = 10
KEPT_CHUNKS = 256
KEPT_DECISIONS = 240  # a minute and more; a page that is opened later sees them
SLOW_BYTES = 256 << 10  # that wait for a client: it is passed over until they are gone
LARGEST_COMMAND = 4096  # bytes
MOST_COMMANDS = 20  # from one client between two ticks; more is a flood
T = TypeVar("T")


class Dashboard(Sink):
    """Shows decisions, and what lies behind them, to every browser that is connected.

    Args:
        recognizer: whose decisions come.
        source: of its samples; iterate over :attr:`source` in its place.
        name: of the source, for people.
        address: where to listen.

    Attributes:
        source: the same samples, each chunk shown before it is passed on.

    Raises:
        MissingExtraError: websockets is not installed.
        UserError: the address cannot be listened on.
    """

    def __init__(self, recognizer: Recognizer, source: Source, name: str, address: Address) -> None:
        self._broadcast = import_extra("websockets.asyncio.server", EXTRA).broadcast
        self._recognizer, self._name = recognizer, name
        self._chunks: deque[Chunk] = deque(maxlen=KEPT_CHUNKS)
        self._decisions: deque[Decision] = deque(maxlen=KEPT_DECISIONS)
        self._drawn: deque[tuple[float, Features]] = deque(maxlen=1)
        self._shown: deque[Decision] = deque(maxlen=KEPT_DECISIONS)
        self._clients: dict[Any, Client] = {}
        self._health = Health(recognizer, source)
        self.source = Tapped(source, self._chunks)
        self._server = PageServer(address, Site("dashboard.html"), {LIVE_PATH: self._talk}, LARGEST_COMMAND,
                                  self._tick_on)
        self._server.start()

    def write(self, decision: Decision) -> None:
        """Leave a decision, and the images that led to it, for the server's thread."""
        self._decisions.append(decision)
        features = self._recognizer.features
        if decision.latency_us is not None and features is not None:
            self._drawn.append((decision.time_s, features))

    def close(self) -> None:
        """Let go of the port and of every browser."""
        self._server.stop()

    async def _talk(self, connection: Any) -> None:
        """One browser, as long as it stays."""
        client = self._clients[connection] = Client()
        try:
            await connection.send(messages.hello(self._recognizer.contract, self._name,
                                                 not self._recognizer.model.takes_windows, False, self._shown))
            async for _ in connection:
                client.commands += 1
                if client.commands > MOST_COMMANDS:
                    connection.transport.abort()  # no goodbye: it would be waited for
                    return
        finally:
            del self._clients[connection]

    async def _tick_on(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TICK_S)
            tick += 1
            self._tick(tick % TICKS_PER_HEALTH == 0)

    def _tick(self, with_health: bool) -> None:
        """Tell every client that keeps up what is new."""
        chunks = [chunk for chunk in taken(self._chunks) if len(chunk.timestamps_s)]
        decisions, drawn = taken(self._decisions), taken(self._drawn)
        self._health.take(chunks, decisions)
        self._shown.extend(decisions)
        health = self._health.read() if with_health else None  # without clients too: it tells what was since the last
        ready = [connection for connection, client in self._clients.items() if client.keeps_up(connection)]
        if not ready or not (chunks or decisions or drawn or health):
            return
        parts: list[str | bytes] = []
        if chunks:
            parts.append(messages.samples(chunks, self._health.rate_hz or 0.0))
        parts += [messages.images(time_s, features.images) for time_s, features in drawn]
        for part in parts:
            self._broadcast(ready, part)
        for skipped in {self._clients[connection].missed() for connection in ready}:
            if decisions or health or skipped:
                text = messages.update(self._recognizer.contract, decisions, health, skipped)
                self._broadcast([c for c in ready if self._clients[c].told == skipped], text)


class Client:
    """A browser.

    Attributes:
        commands: messages that came from it since the last tick.
        told: how many ticks it was last told to have missed.
    """

    def __init__(self) -> None:
        self.commands = 0
        self.told = 0
        self._missed = 0

    def keeps_up(self, connection: Any) -> bool:
        """Whether it may be sent something now; counts when not."""
        self.commands = 0
        if connection.transport.get_write_buffer_size() <= SLOW_BYTES:
            return True
        self._missed += 1
        return False

    def missed(self) -> int:
        """Ticks that it missed since this was last asked."""
        self.told, self._missed = self._missed, 0
        return self.told


class Tapped:
    """A source of which every chunk is shown before it is passed on.

    Args:
        source: the samples.
        chunks: where each chunk is left.
    """

    def __init__(self, source: Source, chunks: deque[Chunk]) -> None:
        self._source, self._chunks = source, chunks

    @property
    def notes(self) -> Notes:
        """Those of the source."""
        return self._source.notes

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._source:
            self._chunks.append(chunk)
            yield chunk


def taken(queue: deque[T]) -> list[T]:
    """Everything that is in a queue now; other threads go on filling it."""
    return [queue.popleft() for _ in range(len(queue))]
