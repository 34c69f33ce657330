"""``phone:8443``: a phone's browser sends its motion sensors, from a page that this machine serves. No app needed.

Browsers give motion sensors to secure pages only: by https, or under the name localhost.
``phone:PORT?cert=DIR`` serves https to the network, with the certificate that ``img2imu cert``
made; without, only this machine is served, and a phone on a cable reaches it by ``adb reverse``.
``phone:HOST:PORT`` listens on one address. Options: ``cert``, ``token`` (that the phone must know;
made anew without), ``model`` (a file for the page to recognise with by itself).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_runtime.errors import SourceError, UserError
from edge_runtime.pages.address import Address, make_address, shown_host
from edge_runtime.pages.server import EXTRA, PageServer, Site
from edge_runtime.sources.inbox import Inbox
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.phone_batches import LARGEST_BATCH, LONGEST_SESSION, PhoneDecoder
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

DEFAULT_PORT = 8443
THIS_MACHINE, EVERYWHERE = "127.0.0.1", "0.0.0.0"
PHONE_PATH, MODEL_PATH = "/phone", "/model.tflite"
WAITING_BATCHES = 64  # 2 MB at most; then the phone waits
FULL_WAIT_S = 0.05
GREETING_S = 10.0
BUSY = 4409  # the WebSocket's code for a second phone


class PhoneSource:
    """Serves the page while it is iterated over.

    Args:
        channels: names of the columns to give, in order.
        address: where to listen.
        rate_hz: that the model wants, for the page to show; None when nobody asked.
        model: file that the page may recognise with by itself.

    Raises:
        MissingExtraError: websockets is not installed.
        SourceError: the model file is not there.
    """

    def __init__(
        self,
        channels: Sequence[str],
        address: Address,
        rate_hz: float | None = None,
        model: Path | None = None,
    ) -> None:
        from edge_runtime.extras import import_extra

        import_extra("websockets.asyncio.server", EXTRA)
        if model is not None and not model.is_file():
            raise SourceError(
                f"{model} is no file, expected a model made by img2imu export --target web: check the "
                "path"
            )
        self._channels, self._address, self._rate_hz, self._model = (
            tuple(channels),
            address,
            rate_hz,
            model,
        )
        self._phone: Any = None  # the connection that sends
        self.notes = Notes(f"phone {address.port}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> PhoneSource:
        """Open ``[HOST:]PORT[?cert=..&token=..&model=..]``.

        Raises:
            SourceError: no address, or an option that makes no sense.
            MissingExtraError: websockets is not installed.
        """
        target = parse_source_uri(rest, ("cert", "token", "model"), default_name=str(DEFAULT_PORT))
        cert, model = target.options.get("cert"), target.options.get("model")
        host, port = target.listening_address(EVERYWHERE if cert else THIS_MACHINE, DEFAULT_PORT)
        try:
            address = make_address(host, port, cert, target.options.get("token"))
        except UserError as error:
            raise SourceError(str(error)) from error
        return PhoneSource(channels, address, rate_hz, Path(model) if model else None)

    def __iter__(self) -> Iterator[Chunk]:
        inbox: Inbox[Chunk] = Inbox(self.notes, "batch", WAITING_BATCHES)
        decoder = PhoneDecoder(self._channels, self.notes)

        async def talk(connection: Any) -> None:
            await self._talk(connection, decoder, inbox)

        own = {MODEL_PATH: self._model} if self._model else None
        server = PageServer(
            self._address, Site("phone.html", own), {PHONE_PATH: talk}, LARGEST_BATCH
        )
        try:
            server.start()
        except UserError as error:
            raise SourceError(str(error)) from error
        try:
            self._say_where()
            while True:
                chunk = inbox.get(IDLE_S)
                yield Chunk.empty(len(self._channels)) if chunk is None else chunk
        finally:
            server.stop()

    def _say_where(self) -> None:
        address = self._address
        if address.only_this_machine:
            self.notes.tell(
                f"waiting for the phone: connect its cable, run adb reverse tcp:{address.port} "
                f"tcp:{address.port}, and open {address.url('localhost')} there; to reach phones over the "
                "network, make a certificate with img2imu cert and add ?cert=DIR"
            )
        else:
            self.notes.tell(
                f"waiting for the phone: open {address.url(shown_host(address.host))} there"
            )
            if address.tls is None:
                self.notes.tell(
                    "without https the phone's browser will not give its sensors: make a certificate with "
                    "img2imu cert and add ?cert=DIR"
                )

    async def _talk(self, connection: Any, decoder: PhoneDecoder, inbox: Inbox[Chunk]) -> None:
        """One phone, as long as it stays."""
        session = _session_of(await asyncio.wait_for(connection.recv(), GREETING_S))
        if session is None:
            self.notes.skipped(
                "malformed greeting", "expected that of the phone page: open that page anew"
            )
            await connection.close(1008, "not the phone page")
            return
        if self._phone is not None and self._phone.session != session:
            await connection.close(BUSY, "another phone is sending already")
            return
        connection.session, self._phone = session, connection
        decoder.begin(session)
        self.notes.tell("the phone is connected")
        try:
            await connection.send(
                json.dumps(
                    {
                        "channels": self._channels,
                        "rate_hz": self._rate_hz,
                        "received": decoder.received,
                    }
                )
            )
            async for message in connection:
                if isinstance(message, str):
                    self.notes.skipped(
                        "malformed batch", "it is text, expected bytes: open the phone page anew"
                    )
                    continue
                chunk = decoder.push(message)
                while (
                    inbox.full
                ):  # recognition does not keep up: the phone waits, and keeps its samples
                    await asyncio.sleep(FULL_WAIT_S)
                if len(chunk.timestamps_s):
                    inbox.put(chunk)
                await connection.send(json.dumps({"received": decoder.received}))
        finally:
            if self._phone is connection:
                self._phone = None
                self.notes.tell(
                    "the phone has gone; what it measures meanwhile is sent when it is back"
                )


def _session_of(message: str | bytes) -> str | None:
    """The name that a page gives itself, or None when the message is no greeting."""
    try:
        session = json.loads(message)["session"] if isinstance(message, str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return session if isinstance(session, str) and 0 < len(session) <= LONGEST_SESSION else None
