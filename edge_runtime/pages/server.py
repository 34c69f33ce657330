"""One port for pages and WebSockets, in a thread of its own with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from edge_runtime.errors import UserError
from edge_runtime.extras import import_extra
from edge_runtime.pages.address import Address
from edge_runtime.pages.guard import Guard, Refusal, Request
from edge_runtime.pages.site import Site

EXTRA = "web"
MOST_CONNECTIONS = 64  # a browser opens six for a page's files
SLOWEST_ANSWER_S = 60.0  # the WebAssembly files, 3 MB, over a weak network
GOODBYE_S = 1.0  # of a WebSocket
WRONG_TOKEN_WAIT_S = 0.5  # makes guessing slow
WRITE_LIMIT = 1 << 15
CHECK_PATH = (
    "/check"  # says whether a live connection would be let in: a browser hides why one was refused
)
START_S = 10.0

Handler = Callable[[Any], Awaitable[None]]


class PageServer:
    """Serves a site and the WebSockets of some paths until it is stopped.

    Args:
        address: where to listen.
        site: the files.
        channels: path of a WebSocket to what talks to a client, in the server's thread.
        max_message_bytes: a longer message from a client ends its connection.
        background: a coroutine function that runs beside, in the same thread; None for none.

    Raises:
        MissingExtraError: websockets is not installed.
    """

    def __init__(
        self,
        address: Address,
        site: Site,
        channels: dict[str, Handler],
        max_message_bytes: int,
        background: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._websockets = import_extra("websockets.asyncio.server", EXTRA)
        self._http = import_extra("websockets.http11", EXTRA)
        self._headers = import_extra("websockets.datastructures", EXTRA).Headers
        self._closed = import_extra("websockets.exceptions", EXTRA).ConnectionClosed
        self._address, self._site, self._channels = address, site, channels
        self._max_message_bytes = max_message_bytes
        self._background = background
        self._guard = Guard(address.token, address.only_this_machine, address.tls is not None)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="pages", daemon=True)

    def start(self) -> None:
        """Listen.

        Raises:
            UserError: the address cannot be listened on.
        """
        self._thread.start()
        self._ready.wait(START_S)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End every connection and the thread; stopping twice does no harm."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(START_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = refused(self._address, error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._websockets.serve(
            self._talk,
            self._address.host,
            self._address.port,
            ssl=self._address.tls,
            compression=None,
            process_request=self._answer,
            create_connection=self._limited(),
            max_size=self._max_message_bytes,
            max_queue=4,
            write_limit=WRITE_LIMIT,
            open_timeout=SLOWEST_ANSWER_S,
            close_timeout=SLOWEST_ANSWER_S,
            server_header=None,
            logger=_quiet(),
        )
        beside = asyncio.ensure_future(self._background()) if self._background else None
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            if beside is not None:
                beside.cancel()
            server.close()
            with contextlib.suppress(
                TimeoutError
            ):  # a client that does not answer is not waited for
                await asyncio.wait_for(server.wait_closed(), 2 * GOODBYE_S)

    def _limited(self) -> Any:
        """Connections, of which there may not be too many."""

        class Limited(self._websockets.ServerConnection):  # type: ignore[name-defined, misc]
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                if len(self.server.handler_tasks) > MOST_CONNECTIONS:
                    transport.abort()

        return Limited

    async def _talk(self, connection: Any) -> None:
        connection.close_timeout = GOODBYE_S
        with contextlib.suppress(self._closed, TimeoutError):
            await self._channels[Request(connection.request.path, None, None).path](connection)

    async def _answer(self, connection: Any, request: Any) -> Any:
        """None lets the WebSocket open; else the file, or a refusal."""
        headers = request.headers
        asked = Request(request.path, _single(headers, "Host"), _single(headers, "Origin"))
        page = self._site.find(asked.path)
        live = asked.path in self._channels
        if live or asked.path == CHECK_PATH or (page and page.secret):
            refusal = self._guard.refuse_secret(asked)
        else:
            refusal = self._guard.refuse_page(asked)
        if refusal is None and not live and asked.path != CHECK_PATH and page is None:
            refusal = Refusal(HTTPStatus.NOT_FOUND, "there is no such page: open /")
        if refusal is not None:
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                await asyncio.sleep(WRONG_TOKEN_WAIT_S)
            return connection.respond(refusal.status, f"{refusal.sentence}\n")
        if live:
            return None
        if page is None:
            return connection.respond(HTTPStatus.OK, "you may connect\n")
        fields, content = self._site.answer(page)
        if _single(headers, "If-None-Match") == fields["ETag"]:
            return self._http.Response(
                304, "Not Modified", self._headers({"ETag": fields["ETag"]}), b""
            )
        return self._http.Response(200, "OK", self._headers(fields), content)


def refused(address: Address, error: OSError) -> UserError:
    """The sentence for an address that cannot be listened on."""
    remedy = {
        errno.EADDRINUSE: "another program listens there: stop it, or choose another port",
        errno.EACCES: "ports below 1024 are for root: choose one above, such as 8765",
        errno.EADDRNOTAVAIL: "this machine has no such address: write 0.0.0.0 for all it has",
    }.get(error.errno or 0, f"{error.strerror or error}: choose another address")
    return UserError(f"{address.host}:{address.port} cannot be listened on; {remedy}")


def _single(headers: Any, name: str) -> str | None:
    """A header that came once; one that came twice is none."""
    values = headers.get_all(name)
    return values[0] if len(values) == 1 else None


def _quiet() -> Any:
    """A logger that says nothing: what clients do wrong is theirs, and would drown the decisions."""
    import logging

    logger = logging.getLogger("img2imu.pages")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
