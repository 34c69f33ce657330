import contextlib
import http.server
import io
import re
import threading
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest


def zip_bytes(files):
    """Return a deflated zip with these files, name to text or bytes."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return memory.getvalue()


CONTENT = zip_bytes({"noise.bin": np.random.default_rng(0).bytes(600_000)})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        site.requests.append(dict(self.headers))
        if self.path != "/data.zip":
            return self.send_error(404)
        content, begin = site.content, 0
        range_header = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, site.etag)
        if range_header and same and site.ranges:
            begin = int(range_header[1])
            if begin >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if site.length:
            self.send_header("Content-Length", str(len(content) - begin))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(ConnectionError):  # the client has gone
            self.wfile.write(content[begin : site.break_at] if site.break_at else content[begin:])
        if site.break_at:
            site.go_on.wait(10)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def site():
    """Run a server. Yields its content, its ``url`` and the headers of its requests."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = SimpleNamespace(
        content=CONTENT,
        etag='"1"',
        ranges=True,
        length=True,
        break_at=None,
        requests=[],
        go_on=threading.Event(),
        url=f"http://127.0.0.1:{server.server_port}/data.zip",
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.site.go_on.set()  # otherwise the server would wait at the break
    yield server.site
    server.site.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()
