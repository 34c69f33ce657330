"""``http:8000``: the Sensor Logger phone app pushes to this machine, over the local network.

``http:HOST:PORT`` listens on one address only. Option: ``gravity`` (``included``, or ``removed``
for a model that learnt without). The messages are in
:mod:`edge_runtime.sources.sensor_logger_push`.
"""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from edge_runtime.errors import SourceError
from edge_runtime.pages.address import cannot_listen, lan_address
from edge_runtime.sources.inbox import Inbox
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.sensor_logger_push import GRAVITY_OPTIONS, LARGEST_MESSAGE, PushDecoder
from edge_runtime.sources.source import IDLE_S
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

DEFAULT_PORT = 8000
EVERYWHERE = "0.0.0.0"
SILENT_CLIENT_S = 10.0  # a client that stops in the middle of a message gives its thread back


class HttpSource:
    """Listens while it is iterated over.

    Args:
        channels: names of the columns to give, in order.
        host: address to listen on; 0.0.0.0 is every one of this machine.
        port: to listen on.
        gravity: see :class:`PushDecoder`.
    """

    def __init__(
        self,
        channels: Sequence[str],
        host: str = EVERYWHERE,
        port: int = DEFAULT_PORT,
        gravity: str = "included",
    ) -> None:
        self._channels = tuple(channels)
        self._host, self._port = host, port
        self._gravity = gravity
        self.notes = Notes(f"http {port}")

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> HttpSource:
        """Open ``[HOST:]PORT[?gravity=..]``; the phone's app sets the rate.

        Raises:
            SourceError: no address, or an option that makes no sense.
        """
        target = parse_source_uri(rest, ("gravity",), default_name=str(DEFAULT_PORT))
        host, port = target.listening_address(EVERYWHERE, DEFAULT_PORT)
        return HttpSource(channels, host, port, target.choice("gravity", GRAVITY_OPTIONS))

    def __iter__(self) -> Iterator[Chunk]:
        inbox: Inbox[bytes] = Inbox(self.notes, "message")
        decoder = PushDecoder(self._channels, self.notes, self._gravity)
        server = self._listen(inbox)
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            shown = lan_address() if self._host == EVERYWHERE else self._host
            self.notes.tell(
                f"waiting for the phone: in Sensor Logger, push to http://{shown}:{self._port}/"
            )
            while True:
                body = inbox.get(IDLE_S)
                yield Chunk.empty(len(self._channels)) if body is None else decoder.push(body)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _listen(self, inbox: Inbox[bytes]) -> http.server.ThreadingHTTPServer:
        try:
            return _Server((self._host, self._port), inbox, self.notes)
        except OSError as error:
            raise SourceError(cannot_listen(self._host, self._port, error)) from error


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], inbox: Inbox[bytes], notes: Notes) -> None:
        self.inbox = inbox
        self.notes = notes
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A phone that left the network before it had our answer is no defect."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection stays open between messages
    timeout = SILENT_CLIENT_S
    server: _Server

    def do_POST(self) -> None:
        """Take a message."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "it has no Content-Length")
        elif int(length) > LARGEST_MESSAGE:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"it has {int(length)} bytes, expected at most "
                f"{LARGEST_MESSAGE}: let the app push more often",
            )
        else:
            self._take(int(length))

    def _take(self, length: int) -> None:
        body = b""
        with contextlib.suppress(OSError):
            body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            self.server.notes.skipped(
                "cut message", "the phone broke off in the middle of it: look for a weak network"
            )
            return
        self._answer(
            HTTPStatus.OK if self.server.inbox.put(body) else HTTPStatus.SERVICE_UNAVAILABLE
        )

    def do_GET(self) -> None:
        """Say in a browser that this is the right address."""
        self._answer(
            HTTPStatus.OK, b"img2imu is listening: let Sensor Logger push to this address.\n"
        )

    def log_message(self, format: str, *arguments: object) -> None:
        """A line for every message would drown the decisions."""

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.server.notes.skipped("refused message", why)
        self.close_connection = True  # its body was not read
        self._answer(status)

    def _answer(self, status: HTTPStatus, text: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if text:
            self.wfile.write(text)
