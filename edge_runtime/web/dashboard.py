"""The dashboard: shows browsers what the recogniser receives and decides.

The recogniser's thread only appends references to bounded queues. A full queue drops its oldest
item. The server's thread does everything else. A client that reads too slowly is skipped, and is
told how many updates it missed.

Text messages to the page are JSON with a ``type``: ``hello`` (:func:`hello_message`), ``update``
(:func:`update_message`), or ``lessons`` (the state of :class:`edge_runtime.web.lessons.Lessons`).

Binary messages start with 8 bytes, of which the first is the kind. All numbers are little-endian.
Samples (kind 1): n timestamps (float64, seconds), then n rows of the model's channels (float32).
Images (kind 2): the decision's time (float64, seconds), then the images (count, height, width, 3)
as bytes, where 0 to 255 stand for -1 to 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import UNITS, Contract, StreamSpec
from edge_runtime.decision import Decision
from edge_runtime.extras import import_extra
from edge_runtime.frontend import Features
from edge_runtime.live_loop import LiveLoop
from edge_runtime.pages.address import Address
from edge_runtime.pages.server import EXTRA, PageServer, Site
from edge_runtime.recognizer import Recognizer
from edge_runtime.sinks.line_files import decision_document
from edge_runtime.sinks.sink import Sink
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import Source
from edge_runtime.stream.chunk import Chunk
from edge_runtime.web.health import Health
from edge_runtime.web.lessons import Lessons

LIVE_PATH = "/live"
TICK_S = 0.1
TICKS_PER_HEALTH = 10
KEPT_CHUNKS = 256
KEPT_DECISIONS = 240  # more than a minute; a page opened later shows them
SLOW_BYTES = 256 << 10  # a client with more unsent bytes than this is skipped
MAX_COMMAND_BYTES = 4096
MAX_COMMANDS_PER_TICK = 20  # from one client; a client that sends more is disconnected
MAX_SHOWN_HZ = 100.0  # a higher rate would not be visible in the page's plots
SAMPLES_KIND = 1
IMAGES_KIND = 2

LabelledDecision = tuple[Decision, tuple[str, ...]]  # labels in the order of the probabilities
T = TypeVar("T")


class Dashboard(Sink):
    """Shows samples, network images and decisions to every connected browser.

    Args:
        recognizer: makes the decisions; None until something has been taught.
        source: its samples. Iterate over the attribute ``source`` instead of over this one.
        name: the source's name as the page shows it.
        address: where to listen.
        lessons: what can be taught from the page; None if nothing can.

    Attributes:
        source: the same samples; each chunk is also queued for the page.

    Raises:
        MissingExtraError: websockets is not installed.
        UserError: the server cannot listen on the address.
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
        self._recognizer = recognizer
        self._recognizer_is_new = False
        self._name = name
        self._lessons = lessons
        self._sent_lessons = ""  # the lessons' state that clients were last sent
        self._chunks: deque[Chunk] = deque(maxlen=KEPT_CHUNKS)
        self._decisions: deque[LabelledDecision] = deque(maxlen=KEPT_DECISIONS)
        self._images: deque[tuple[float, Features]] = deque(maxlen=1)
        self._sent_decisions: deque[LabelledDecision] = deque(maxlen=KEPT_DECISIONS)
        self._clients: dict[Any, Client] = {}
        self._health = Health(source)
        self.source = TappedSource(source, self._chunks)
        self._server = PageServer(
            address,
            Site("dashboard.html"),
            {LIVE_PATH: self._talk},
            MAX_COMMAND_BYTES,
            self._tick_forever,
        )
        self._server.start()

    def write(self, decision: Decision) -> None:
        """Queue a decision, and the images it was made from, for the server's thread."""
        assert self._recognizer is not None
        self._decisions.append((decision, self._recognizer.contract.labels))
        features = self._recognizer.features
        if decision.latency_us is not None and features is not None:
            self._images.append((decision.time_s, features))

    def replace_recognizer(self, recognizer: Recognizer | None) -> None:
        """Show the decisions of another recogniser from now on. Queued decisions are dropped."""
        self._decisions.clear()
        self._images.clear()
        self._recognizer = recognizer
        self._recognizer_is_new = True

    def close(self) -> None:
        """Stop the server: disconnect every browser and release the port."""
        self._server.stop()

    async def _talk(self, connection: Any) -> None:
        """Serve one browser until it disconnects."""
        client = Client()
        self._clients[connection] = client
        try:
            await connection.send(self._hello())
            if self._lessons is not None:
                await connection.send(json.dumps(self._lessons.state))
            async for message in connection:
                client.commands += 1
                if client.commands > MAX_COMMANDS_PER_TICK:
                    # Abort, because a closing handshake would wait for the client.
                    connection.transport.abort()
                    return
                self._queue_command(message)
        finally:
            del self._clients[connection]

    def _hello(self) -> str:
        recognizer = self._recognizer
        if recognizer is None:
            assert self._lessons is not None
            return hello_message(
                contract=None,
                stream=self._lessons.teacher.stream,
                source=self._name,
                sends_images=False,
                decisions=[],
            )
        return hello_message(
            contract=recognizer.contract,
            stream=recognizer.contract.stream,
            source=self._name,
            sends_images=not recognizer.model.takes_windows,
            decisions=self._sent_decisions,
        )

    def _queue_command(self, message: str | bytes) -> None:
        """Queue a command from the page. Malformed commands are ignored."""
        if self._lessons is None or not isinstance(message, str):
            return
        with contextlib.suppress(ValueError, RecursionError):
            self._lessons.queue(json.loads(message))

    async def _tick_forever(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TICK_S)
            tick += 1
            self._tick(tick % TICKS_PER_HEALTH == 0)

    def _tick(self, with_health: bool) -> None:
        """Send everything new to every client that keeps up."""
        if self._recognizer_is_new:
            self._recognizer_is_new = False
            self._sent_decisions.clear()
            self._broadcast(self._clients, self._hello())
        chunks = [chunk for chunk in drain(self._chunks) if len(chunk.timestamps_s)]
        decisions = drain(self._decisions)
        images = drain(self._images)
        self._health.record(chunks, [decision for decision, _ in decisions])
        self._sent_decisions.extend(decisions)
        # Read without clients too: the CPU share is measured since the previous read.
        health = self._health.read(self._recognizer) if with_health else None

        ready = []
        for connection, client in self._clients.items():
            client.commands = 0
            if connection.transport.get_write_buffer_size() <= SLOW_BYTES:
                ready.append(connection)
            else:
                client.missed_ticks += 1
        if not ready:
            return
        self._send_lessons(ready)
        if chunks:
            self._broadcast(ready, samples_message(chunks, self._health.rate_hz or 0.0))
        for time_s, features in images:
            self._broadcast(ready, images_message(time_s, features.images))

        ready_by_missed_ticks: dict[int, list[Any]] = {}
        for connection in ready:
            client = self._clients[connection]
            ready_by_missed_ticks.setdefault(client.missed_ticks, []).append(connection)
            client.missed_ticks = 0
        for missed_ticks, connections in ready_by_missed_ticks.items():
            if decisions or health or missed_ticks:
                self._broadcast(connections, update_message(decisions, health, missed_ticks))

    def _send_lessons(self, ready: list[Any]) -> None:
        """Send the state of teaching if it has changed."""
        if self._lessons is None:
            return
        state = json.dumps(self._lessons.state)
        if state != self._sent_lessons:
            self._sent_lessons = state
            self._broadcast(ready, state)


@dataclass
class Client:
    """A connected browser.

    Attributes:
        commands: messages received from it since the last tick.
        missed_ticks: ticks in a row in which it was skipped because it reads too slowly.
    """

    commands: int = 0
    missed_ticks: int = 0


class TappedSource:
    """A source that also queues each chunk for the dashboard.

    Args:
        source: the samples.
        chunks: queue to which each chunk is appended before it is yielded.
    """

    def __init__(self, source: Source, chunks: deque[Chunk]) -> None:
        self._source = source
        self._chunks = chunks

    @property
    def notes(self) -> Notes:
        """The notes of the source."""
        return self._source.notes

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._source:
            self._chunks.append(chunk)
            yield chunk


def drain(queue: deque[T]) -> list[T]:
    """Remove and return the items that are in the queue now. Other threads may append meanwhile."""
    return [queue.popleft() for _ in range(len(queue))]


def hello_message(
    contract: Contract | None,
    stream: StreamSpec,
    source: str,
    sends_images: bool,
    decisions: Iterable[LabelledDecision],
) -> str:
    """Return the first message to a client: the model, and the newest decisions.

    Args:
        contract: the model's; None while nothing has been taught.
        stream: the format of the samples.
        source: the source's name as the page shows it.
        sends_images: whether images will follow. A network with the front end inside gives none.
        decisions: oldest first.
    """
    images = None
    if contract is not None and sends_images:
        images = {
            "height": contract.front_end.image_height,
            "width": contract.front_end.image_width,
            "titles": image_titles(contract),
        }
    return json.dumps(
        {
            "type": "hello",
            "source": source,
            "channels": stream.channels,
            "units": UNITS,
            "rate_hz": stream.rate_hz,
            "model": contract.name if contract else "",
            "labels": contract.labels if contract else [],
            "window_s": contract.window_s if contract else None,
            "hop_s": contract.hop_s if contract else None,
            "images": images,
            "decisions": [decision_document(decision, labels) for decision, labels in decisions],
        },
        allow_nan=False,
    )


def image_titles(contract: Contract) -> list[str]:
    """Return a title for each image, in the order of the network's input.

    An image of the x, y and z axes of one sensor is titled with the sensor, such as ``acc``. Any
    other image is titled with its channels.
    """
    stream = contract.stream
    titles = []
    for spectrogram in contract.front_end.spectrograms:
        frame_s = spectrogram.fft_samples / stream.rate_hz
        for rgb in contract.front_end.image_channels:
            channels = [stream.channels[i] for i in rgb]
            sensor = channels[0].partition("_")[0]
            if channels == [f"{sensor}_{axis}" for axis in "xyz"]:
                shown_channels = sensor
            else:
                shown_channels = ", ".join(dict.fromkeys(channels))
            titles.append(f"{shown_channels}, frames of {frame_s:.2f} s")
    return titles


def update_message(
    decisions: Iterable[LabelledDecision], health: dict[str, Any] | None, skipped: int
) -> str:
    """Return the message with what is new since the previous one.

    Args:
        decisions: oldest first.
        health: from :meth:`edge_runtime.web.health.Health.read`, or None if it is not due.
        skipped: updates that this client missed since its previous one because it is slow.
    """
    return json.dumps(
        {
            "type": "update",
            "decisions": [decision_document(decision, labels) for decision, labels in decisions],
            "health": health,
            "skipped": skipped,
        },
        allow_nan=False,
    )


def samples_message(chunks: list[Chunk], rate_hz: float) -> bytes:
    """Return the message with new samples, thinned to about :data:`MAX_SHOWN_HZ`.

    Args:
        chunks: one or more, oldest first.
        rate_hz: samples per second.
    """
    step = max(1, int(rate_hz // MAX_SHOWN_HZ))
    times = np.concatenate([chunk.timestamps_s for chunk in chunks])[::step]
    values = np.concatenate([chunk.samples for chunk in chunks])[::step]
    return (
        struct.pack("<B7x", SAMPLES_KIND)
        + times.astype("<f8").tobytes()
        + values.astype("<f4").tobytes()
    )


def images_message(time_s: float, images: Float32Array) -> bytes:
    """Return the message with the network's images.

    Args:
        time_s: time of the decision that was made from them, seconds.
        images: (n, height, width, 3), -1 to 1.
    """
    pixels = np.rint((images + 1) * np.float32(127.5)).astype(np.uint8)
    return struct.pack("<B7xd", IMAGES_KIND, time_s) + bytes(pixels.tobytes())


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
                dashboard.replace_recognizer(lessons.recognizer)

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
