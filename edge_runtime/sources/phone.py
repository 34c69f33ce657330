"""``phone:8443``: a phone's browser sends its motion sensors, from a page that this machine serves.

No app is needed. Browsers give motion sensors only to secure pages: over https, or from localhost.
``phone:PORT?cert=DIR`` serves https to the network, with the certificate that ``img2imu cert``
made. Without ``cert``, only this machine is served, and a phone on a cable reaches it through
``adb reverse``. ``phone:HOST:PORT`` listens on one address only.

Options: ``cert``, ``token`` (which the phone must know; a new one is made by default), ``model`` (a
file for the page to recognise with on its own).

The page sends batches of samples over a WebSocket. A batch is little-endian: the number of its
first sample since the page was opened (float64), then for each sample its time (float64,
milliseconds) and six values (float32): acceleration with gravity in m/s^2, rotation in rad/s, NaN
for a phone without a gyroscope. The page keeps what was not acknowledged, and sends it again after
it has reconnected.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError, UserError
from edge_runtime.extras import import_extra
from edge_runtime.pages.address import Address, make_address, shown_host
from edge_runtime.pages.server import EXTRA, PageServer, Site
from edge_runtime.sources.live import Inbox
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.checks import VALUE_LIMIT
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

DEFAULT_PORT = 8443
THIS_MACHINE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
PHONE_PATH = "/phone"
MODEL_PATH = "/model.tflite"
WAITING_BATCHES = 64  # 2 MB at most; then the phone waits
FULL_WAIT_S = 0.05
GREETING_S = 10.0
BUSY = 4409  # the WebSocket's close code for a second phone
LONGEST_SESSION = 64  # characters of a page's name for its session

LARGEST_BATCH = 32 << 10  # bytes: 1000 samples
HEADER_BYTES = 8
SAMPLE = np.dtype([("time_ms", "<f8"), ("values", "<f4", (len(CHANNELS),))])
LATEST_MS = 1e14  # the year 5138: no clock shows more
SHORTEST_STEP_MS = 0.5  # no browser gives 2000 samples a second


class PhoneSource:
    """Samples that a phone's browser sends. Serves the page while it is iterated over.

    Args:
        channels: names of the columns to return, in order.
        address: address to listen on.
        rate_hz: the model's rate, which the page shows, or None.
        model: file for the page to recognise with on its own, or None.

    Raises:
        MissingExtraError: websockets is not installed.
        SourceError: the model file is missing.
    """

    def __init__(
        self,
        channels: Sequence[str],
        address: Address,
        rate_hz: float | None = None,
        model: Path | None = None,
    ) -> None:
        import_extra("websockets.asyncio.server", EXTRA)
        if model is not None and not model.is_file():
            raise SourceError(
                f"{model} is no file, expected a model made by img2imu export --target web: check "
                "the path"
            )
        self._channels = tuple(channels)
        self._address = address
        self._rate_hz = rate_hz
        self._model = model
        self._phone: Any = None  # the connection that sends
        self.notes = Notes(f"phone {address.port}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> PhoneSource:
        """Open ``[HOST:]PORT[?cert=..&token=..&model=..]``.

        Raises:
            SourceError: the address or an option is invalid.
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

        files = {MODEL_PATH: self._model} if self._model else None
        site = Site("phone.html", files)
        server = PageServer(self._address, site, {PHONE_PATH: talk}, LARGEST_BATCH)
        try:
            server.start()
        except UserError as error:
            raise SourceError(str(error)) from error
        try:
            self._tell_where_to_connect()
            yield from inbox.chunks(lambda chunk: chunk, len(self._channels))
        finally:
            server.stop()

    def _tell_where_to_connect(self) -> None:
        address = self._address
        if address.only_this_machine:
            self.notes.tell(
                f"waiting for the phone: connect its cable, run adb reverse tcp:{address.port} "
                f"tcp:{address.port}, and open {address.url('localhost')} there; to reach phones "
                "over the network, make a certificate with img2imu cert and add ?cert=DIR"
            )
        else:
            self.notes.tell(
                f"waiting for the phone: open {address.url(shown_host(address.host))} there"
            )
            if address.tls is None:
                self.notes.tell(
                    "without https the phone's browser will not give its sensors: make a "
                    "certificate with img2imu cert and add ?cert=DIR"
                )

    async def _talk(self, connection: Any, decoder: PhoneDecoder, inbox: Inbox[Chunk]) -> None:
        """Talk to one phone until it disconnects."""
        session = _session_of(await asyncio.wait_for(connection.recv(), GREETING_S))
        if session is None:
            self.notes.skipped(
                "malformed greeting", "expected that of the phone page: reload that page"
            )
            await connection.close(1008, "not the phone page")
            return
        if self._phone is not None and self._phone.session != session:
            await connection.close(BUSY, "another phone is sending already")
            return
        connection.session = session
        self._phone = connection
        decoder.begin(session)
        self.notes.tell("the phone is connected")
        try:
            greeting = {
                "channels": self._channels,
                "rate_hz": self._rate_hz,
                "received": decoder.received,
            }
            await connection.send(json.dumps(greeting))
            async for message in connection:
                if isinstance(message, str):
                    self.notes.skipped(
                        "malformed batch", "it is text, expected bytes: reload the phone page"
                    )
                    continue
                chunk = decoder.decode(message)
                # If recognition does not keep up, the phone waits and keeps its samples.
                while inbox.full:
                    await asyncio.sleep(FULL_WAIT_S)
                if len(chunk.timestamps_s):
                    inbox.put(chunk)
                await connection.send(json.dumps({"received": decoder.received}))
        finally:
            if self._phone is connection:
                self._phone = None
                self.notes.tell(
                    "the phone has gone; it sends what it measures meanwhile when it is back"
                )


def _session_of(message: str | bytes) -> str | None:
    """Return the session's name from a greeting, or None if the message is no greeting."""
    try:
        session = json.loads(message)["session"] if isinstance(message, str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return session if isinstance(session, str) and 0 < len(session) <= LONGEST_SESSION else None


class PhoneDecoder:
    """Turns batches into chunks, and continues a session after a lost connection.

    Args:
        channels: columns to return, in order.
        notes: reports what is left out.

    Attributes:
        received: number of the next new sample of the session, which is what to acknowledge.
    """

    def __init__(self, channels: Sequence[str], notes: Notes) -> None:
        self._channels = tuple(channels)
        self._columns = [CHANNELS.index(name) for name in channels]
        self._notes = notes
        self._session: str | None = None
        self._newest_ms = -math.inf
        self.received = 0

    def begin(self, session: str) -> None:
        """Continue the session if it is the previous one, else start a new one."""
        if session != self._session:
            self._session = session
            self.received = 0
            self._newest_ms = -math.inf

    def decode(self, batch: bytes) -> Chunk:
        """Return the batch's samples that are new and plausible.

        A malformed batch is counted and left out.
        """
        body = memoryview(batch)[HEADER_BYTES:]
        first = math.nan
        if len(batch) >= HEADER_BYTES:
            first = float(np.frombuffer(batch, "<f8", 1)[0])
        if len(body) % SAMPLE.itemsize or not (first >= 0 and first.is_integer() and first < 2**53):
            self._notes.skipped(
                "malformed batch",
                f"it has {len(batch)} bytes and begins at sample {first:g}, "
                "expected what the phone page sends: reload that page",
            )
            return Chunk.empty(len(self._channels))
        samples = np.frombuffer(body, SAMPLE)[max(0, self.received - int(first)) :]
        self.received = max(self.received, int(first) + len(body) // SAMPLE.itemsize)
        times_ms = samples["time_ms"]
        values = samples["values"][:, self._columns]
        with np.errstate(invalid="ignore"):
            usable = (np.abs(times_ms) < LATEST_MS) & (np.abs(values) < VALUE_LIMIT).all(1)
        if not usable.all():
            self._report_unusable(values, int((~usable).sum()))
        times_ms = times_ms[usable]
        in_order = self._in_order(times_ms.tolist())
        if len(in_order) < len(times_ms):
            self._notes.skipped(
                "sample out of order",
                "the page sent one that was not later than the one before: reload it",
                len(times_ms) - len(in_order),
            )
        samples_in_order = np.ascontiguousarray(values[usable][in_order], np.float32)
        return Chunk(times_ms[in_order] / 1000, samples_in_order)

    def _report_unusable(self, values: np.ndarray, count: int) -> None:
        missing = [name for i, name in enumerate(self._channels) if np.isnan(values[:, i]).all()]
        why = "a time or value is not one that a sensor gives: reload the page"
        if missing:
            why = (
                f"the phone gives no {', '.join(missing)}: use a phone with a gyroscope, or a "
                "model without"
            )
        self._notes.skipped("unusable sample", why, count)

    def _in_order(self, times_ms: list[float]) -> list[int]:
        """Return the indices of the samples that are later than all before them."""
        indices = []
        for i, time_ms in enumerate(times_ms):
            if time_ms - self._newest_ms >= SHORTEST_STEP_MS:
                indices.append(i)
                self._newest_ms = time_ms
        return indices
