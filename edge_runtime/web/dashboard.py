"""The dashboard: what the recogniser sees and says, for browsers.

The recogniser's thread only leaves references in bounded queues, of which the oldest fall out;
everything else happens in the server's thread. A client that does not keep up is passed over, and
told how much it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Iterator
from typing import Any, TypeVar

from edge_runtime.decision import Decision
from edge_runtime.extras import import_extra
from edge_runtime.frontend import Features
from edge_runtime.live_loop import LiveLoop
from edge_runtime.pages.address import Address
from edge_runtime.pages.server import EXTRA, PageServer, Site
from edge_runtime.recognizer import Recognizer
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import Source
from edge_runtime.stream.chunk import Chunk
from edge_runtime.web import messages
from edge_runtime.web.health import Health
from edge_runtime.web.lessons import Lessons

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
        recognizer: whose decisions come; None until something was taught.
        source: of its samples; iterate over :attr:`source` in its place.
        name: of the source, for people.
        address: where to listen.
        lessons: what can be taught from the page; None for nothing.

    Attributes:
        source: the same samples, each chunk shown before it is passed on.

    Raises:
        MissingExtraError: websockets is not installed.
        UserError: the address cannot be listened on.
    """

    def __init__(
        self,
        recognizer: Recognizer | None,
        source: Source,
        name: str,
        address: Address,
        lessons: Lessons | None = None,
    ) -> None:
        self._broadcast = import_extra("websockets.asyncio.server", EXTRA).broadcast
        self._recognizer, self._name, self._lessons = recognizer, name, lessons
        self._is_new = False  # the recogniser
        self._chunks: deque[Chunk] = deque(maxlen=KEPT_CHUNKS)
        self._decisions: deque[messages.Decided] = deque(maxlen=KEPT_DECISIONS)
        self._drawn: deque[tuple[float, Features]] = deque(maxlen=1)
        self._shown: deque[messages.Decided] = deque(maxlen=KEPT_DECISIONS)
        self._taught = ""  # the lessons' state, as it was last told
        self._clients: dict[Any, Client] = {}
        self._health = Health(source)
        self.source = Tapped(source, self._chunks)
        self._server = PageServer(
            address, Site("dashboard.html"), {LIVE_PATH: self._talk}, LARGEST_COMMAND, self._tick_on
        )
        self._server.start()

    def write(self, decision: Decision) -> None:
        """Leave a decision, and the images that led to it, for the server's thread."""
        assert self._recognizer is not None
        self._decisions.append((decision, self._recognizer.contract.labels))
        features = self._recognizer.features
        if decision.latency_us is not None and features is not None:
            self._drawn.append((decision.time_s, features))

    def show(self, recognizer: Recognizer | None) -> None:
        """From now on, decisions are another recogniser's: more was taught."""
        self._decisions.clear()
        self._drawn.clear()
        self._recognizer, self._is_new = recognizer, True

    def close(self) -> None:
        """Let go of the port and of every browser."""
        self._server.stop()

    async def _talk(self, connection: Any) -> None:
        """One browser, as long as it stays."""
        client = self._clients[connection] = Client()
        try:
            await connection.send(self._hello())
            if self._lessons is not None:
                await connection.send(json.dumps(self._lessons.state))
            async for message in connection:
                client.commands += 1
                if client.commands > MOST_COMMANDS:
                    connection.transport.abort()  # no goodbye: it would be waited for
                    return
                self._obey(message)
        finally:
            del self._clients[connection]

    def _hello(self) -> str:
        recognizer = self._recognizer
        if recognizer is None:
            assert self._lessons is not None
            return messages.hello(None, self._lessons.teacher.stream, self._name, False, [])
        contract = recognizer.contract
        return messages.hello(
            contract, contract.stream, self._name, not recognizer.model.takes_windows, self._shown
        )

    def _obey(self, message: str | bytes) -> None:
        """Pass a command on; what is none is passed over."""
        if self._lessons is None or not isinstance(message, str):
            return
        with contextlib.suppress(ValueError, RecursionError):
            self._lessons.queue(json.loads(message))

    async def _tick_on(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TICK_S)
            tick += 1
            self._tick(tick % TICKS_PER_HEALTH == 0)

    def _tick(self, with_health: bool) -> None:
        """Tell every client that keeps up what is new."""
        if self._is_new:
            self._is_new = False
            self._shown.clear()
            self._broadcast(self._clients, self._hello())
        chunks = [chunk for chunk in taken(self._chunks) if len(chunk.timestamps_s)]
        decisions, drawn = taken(self._decisions), taken(self._drawn)
        self._health.take(chunks, [decision for decision, _ in decisions])
        self._shown.extend(decisions)
        # without clients too: it tells what was since the last
        health = self._health.read(self._recognizer) if with_health else None
        ready = [
            connection
            for connection, client in self._clients.items()
            if client.keeps_up(connection)
        ]
        if not ready:
            return
        self._tell_lessons(ready)
        parts: list[str | bytes] = []
        if chunks:
            parts.append(messages.samples(chunks, self._health.rate_hz or 0.0))
        parts += [messages.images(time_s, features.images) for time_s, features in drawn]
        for part in parts:
            self._broadcast(ready, part)
        for skipped in {self._clients[connection].missed() for connection in ready}:
            if decisions or health or skipped:
                text = messages.update(decisions, health, skipped)
                self._broadcast([c for c in ready if self._clients[c].told == skipped], text)

    def _tell_lessons(self, ready: list[Any]) -> None:
        """How teaching stands, when that has changed."""
        if self._lessons is not None and (state := json.dumps(self._lessons.state)) != self._taught:
            self._taught = state
            self._broadcast(ready, state)


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


def teach_on_page(lessons: Lessons, source: Source, name: str, address: Address) -> None:
    """Serve the page until the source ends; recognise what was taught so far.

    Args:
        lessons: carries out the page's commands.
        source: the live sensor.
        name: of the source, as the page shows it.
        address: where to listen.

    Raises:
        SourceError: the source failed; earlier recordings are saved.
        MissingExtraError: websockets is not installed.
        UserError: the address cannot be listened on.
    """
    with Dashboard(lessons.recognizer, source, name, address, lessons) as dashboard:

        def process(chunk: Chunk) -> None:
            if lessons.process(chunk):
                loop.recognizer = lessons.recognizer
                dashboard.show(lessons.recognizer)

        loop = LiveLoop(
            dashboard.source,
            lessons.recognizer,
            lessons.teacher.stream.max_gap_s,
            on_chunk=process,
            on_error=lambda error: lessons.show_error(str(error)),
        )
        for decisions in loop:
            for decision in decisions:
                dashboard.write(decision)
