import http.client

import pytest

from edge_runtime.pages.address import Address
from edge_runtime.pages.server import PageServer, Site

LARGEST = 1000


@pytest.fixture
def serve(port):
    """Start a server that sends back what it receives at /echo; returns its port."""
    pytest.importorskip("websockets", reason='needs pip install "img2imu[web]"')
    started = []

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    def call(token=None, user_files=None):
        address = Address("127.0.0.1", port, token)
        site = Site("dashboard.html", user_files)
        server = PageServer(address, site, {"/echo": echo}, LARGEST)
        started.append(server)
        server.start()
        return port

    yield call
    for server in started:
        server.stop()


@pytest.fixture
def get(port):
    """Send one request; returns status, headers and content."""

    def call(path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    return call
