"""One port that serves pages and WebSockets, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from edge_runtime.errors import UserError
from edge_runtime.extras import import_extra
from edge_runtime.pages.address import Address, cannot_listen
from edge_runtime.pages.guard import Guard, Refusal, Request

EXTRA = "web"
# A browser hides why a WebSocket was refused. This path tells whether it would be accepted.
CHECK_PATH = "/check"
MOST_CONNECTIONS = 64  # a browser opens six for the files of a page
SLOWEST_ANSWER_S = 60.0  # the WebAssembly files, 3 MB, over a weak network
GOODBYE_S = 1.0  # closing handshake of a WebSocket
WRONG_TOKEN_WAIT_S = 0.5  # makes guessing slow
WRITE_LIMIT_BYTES = 1 << 15
START_S = 10.0

WEB_FOLDER = Path(__file__).parents[1] / "web"  # where the files of the pages are
VENDOR = "vendor"
VENDOR_REMEDY = "run make web in the checkout (it needs npm), then install again"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
# make web leaves large files compressed, a third of their size. Every browser with WebAssembly
# can decompress them.
GZIPPED = ".gz"

Handler = Callable[[Any], Awaitable[None]]


class PageServer:
    """Serves a site, and WebSockets at some paths, until it is stopped.

    Args:
        address: to listen on.
        site: the files.
        handlers: path of a WebSocket to the coroutine function that talks to a client there. It
            runs in the server's thread.
        max_message_bytes: a longer message from a client closes its connection.
        background: coroutine function that runs in the server's thread as well, or None.

    Raises:
        MissingExtraError: websockets is not installed.
    """

    def __init__(
        self,
        address: Address,
        site: Site,
        handlers: dict[str, Handler],
        max_message_bytes: int,
        background: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._websockets = import_extra("websockets.asyncio.server", EXTRA)
        self._http = import_extra("websockets.http11", EXTRA)
        self._headers = import_extra("websockets.datastructures", EXTRA).Headers
        self._closed = import_extra("websockets.exceptions", EXTRA).ConnectionClosed
        self._address = address
        self._site = site
        self._handlers = handlers
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
        """End every connection and the thread. Stopping twice is fine."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has already ended
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(START_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = UserError(cannot_listen(self._address.host, self._address.port, error))
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._websockets.serve(
            self._talk,
            self._address.host,
            self._address.port,
            ssl=self._address.tls,
            compression=None,
            process_request=self._answer,
            create_connection=self._connection_class(),
            max_size=self._max_message_bytes,
            max_queue=4,
            write_limit=WRITE_LIMIT_BYTES,
            open_timeout=SLOWEST_ANSWER_S,
            close_timeout=SLOWEST_ANSWER_S,
            server_header=None,
            logger=_logger(),
        )
        background = asyncio.ensure_future(self._background()) if self._background else None
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            if background is not None:
                background.cancel()
            server.close()
            # do not wait for a client that never answers
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 2 * GOODBYE_S)

    def _connection_class(self) -> Any:
        """Return a connection class that drops connections above :data:`MOST_CONNECTIONS`."""

        class Limited(self._websockets.ServerConnection):  # type: ignore[name-defined, misc]
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                if len(self.server.handler_tasks) > MOST_CONNECTIONS:
                    transport.abort()

        return Limited

    async def _talk(self, connection: Any) -> None:
        connection.close_timeout = GOODBYE_S
        path = Request(connection.request.path, None, None).path
        with contextlib.suppress(self._closed, TimeoutError):
            await self._handlers[path](connection)

    async def _answer(self, connection: Any, http_request: Any) -> Any:
        """Return a file or a refusal, or None to let the WebSocket open."""
        headers = http_request.headers
        request = Request(
            target=http_request.path,
            host=_single(headers, "Host"),
            origin=_single(headers, "Origin"),
        )
        page = self._site.find(request.path)
        is_socket = request.path in self._handlers
        is_check = request.path == CHECK_PATH
        if is_socket or is_check or (page and page.secret):
            refusal = self._guard.refuse_secret(request)
        else:
            refusal = self._guard.refuse_page(request)
        if refusal is None and not is_socket and not is_check and page is None:
            refusal = Refusal(HTTPStatus.NOT_FOUND, "there is no such page: open /")
        if refusal is not None:
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                await asyncio.sleep(WRONG_TOKEN_WAIT_S)
            return connection.respond(refusal.status, f"{refusal.sentence}\n")
        if is_socket:
            return None
        if page is None:
            return connection.respond(HTTPStatus.OK, "you may connect\n")
        page_headers, content = self._site.answer(page)
        etag = page_headers["ETag"]
        if _single(headers, "If-None-Match") == etag:
            return self._http.Response(304, "Not Modified", self._headers({"ETag": etag}), b"")
        return self._http.Response(200, "OK", self._headers(page_headers), content)


@dataclass(frozen=True)
class Page:
    """A file that is served.

    Attributes:
        path: on disk.
        media_type: of its content.
        secret: whether a client needs the token: the file is the user's.
    """

    path: Path
    media_type: str
    secret: bool = False


class Site:
    """The files of the pages, by the path they are served at.

    The list is made once, so no path of a request can lead to any other file.

    Args:
        start_page: name of the file served at ``/``.
        user_files: further paths to files of the user, such as a model. They need the token.
    """

    def __init__(self, start_page: str, user_files: dict[str, Path] | None = None) -> None:
        self._pages = {}
        for file in [*(WEB_FOLDER / "static").iterdir(), *(WEB_FOLDER / VENDOR).rglob("*")]:
            name = file.relative_to(WEB_FOLDER).as_posix().removesuffix(GZIPPED)
            suffix = Path(name).suffix
            if file.is_file() and suffix in MEDIA_TYPES:
                self._pages[f"/{name}"] = Page(file, MEDIA_TYPES[suffix])
        self._pages["/"] = self._pages[f"/static/{start_page}"]
        for path, file in (user_files or {}).items():
            media_type = MEDIA_TYPES.get(file.suffix, "application/octet-stream")
            self._pages[path] = Page(file, media_type, secret=True)

    def find(self, path: str) -> Page | None:
        """Return the file at a path, or None."""
        return self._pages.get(path)

    def answer(self, page: Page) -> tuple[dict[str, str], bytes]:
        """Return the headers and content of a file.

        Raises:
            OSError: it can no longer be read.
        """
        content = page.path.read_bytes()
        headers = {"Content-Type": page.media_type}
        if page.path.suffix == GZIPPED:
            headers["Content-Encoding"] = "gzip"
        headers |= {
            "Content-Length": str(len(content)),
            "Cache-Control": "no-cache",  # a browser may keep it, but asks whether it changed
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        return headers | _security_headers(content, page.media_type), content


def vendor_is_missing() -> bool:
    """Return whether the third-party files are missing: it was built without ``make web``."""
    return not (WEB_FOLDER / VENDOR / "uplot" / "uPlot.esm.js").exists()


def _security_headers(content: bytes, media_type: str) -> dict[str, str]:
    """Return headers that keep a page to our own files: no other scripts, no frames."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if not media_type.startswith("text/html"):
        return headers
    # An import map is the only script inside a page; browsers do not load it from a file. It is
    # allowed by its hash.
    import_maps = re.findall(rb"<script type=\"importmap\">(.*?)</script>", content, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in import_maps]
    scripts = " ".join(["'self'", "'wasm-unsafe-eval'", *(f"'sha256-{h}'" for h in hashes)])
    return headers | {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Permissions-Policy": "accelerometer=(self), gyroscope=(self), screen-wake-lock=(self)",
    }


def _single(headers: Any, name: str) -> str | None:
    """Return a header that was sent exactly once, or None."""
    values = headers.get_all(name)
    return values[0] if len(values) == 1 else None


def _logger() -> logging.Logger:
    """Return the logger for connections and for mistakes of clients."""
    logger = logging.getLogger("img2imu.pages")
    logger.addFilter(_without_requests)
    return logger


def _without_requests(record: logging.LogRecord) -> bool:
    """Drop debug messages, in which websockets would log requests together with their tokens."""
    return record.levelno > logging.DEBUG
