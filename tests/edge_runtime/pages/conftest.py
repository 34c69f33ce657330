import http.client

import pytest
from edge_runtime.pages.site import Site

from edge_runtime.pages.address import Address
from edge_runtime.pages.server import PageServer

LARGEST = 1000


@pytest.fixture
def serve(port):
    """Start a server whose /echo answers what it is told."""
    pytest.importorskip("websockets", reason='needs pip install "img2imu[web]"')
    started = []

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    def call(token=None, own=None, host="127.0.0.1"):
        started.append(
            PageServer(
                Address(host, port, token), Site("dashboard.html", own), {"/echo": echo}, LARGEST
            )
        )
        started[-1].start()
        return port

    yield call
    for server in started:
        server.stop()


@pytest.fixture
def get(port):
    """One request: status, headers and content."""

    def call(path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    return call
