import logging
import re
import socket
import time

import pytest

from edge_runtime.errors import MissingExtraError, UserError
from edge_runtime.pages.address import Address
from edge_runtime.pages.server import WEB_FOLDER, PageServer, Site

from .conftest import LARGEST


@pytest.fixture
def connect():
    """Open a WebSocket as a client."""
    client = pytest.importorskip(
        "websockets.sync.client", reason='needs pip install "img2imu[web]"'
    )

    def call(port, path="/echo", **options):
        return client.connect(
            f"ws://127.0.0.1:{port}{path}", proxy=None, open_timeout=10, **options
        )

    return call


def refused_status(connect, *arguments, **options):
    """Return the HTTP status with which a WebSocket is refused."""
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refusal, connect(*arguments, **options):
        pass
    return refusal.value.response.status_code


def test_a_page_has_a_content_security_policy(serve, get):
    serve()
    status, headers, content = get("/")
    assert status == 200 and b"<title>img2imu</title>" in content
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy and "http" not in policy
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert get("/static/dashboard.js")[1]["Content-Type"].startswith("text/javascript")


def test_an_unchanged_file_is_not_sent_again(serve, get):
    serve()
    tag = get("/static/look.css")[1]["ETag"]
    assert get("/static/look.css", **{"If-None-Match": tag})[::2] == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/static/../guard.py",
        "/static/%2e%2e/guard.py",
        "//etc/passwd",
        "/../../../../etc/passwd",
        "/guard.py",
        "/static/",
        "/static",
        "/vendor/.made",
    ],
)
def test_no_path_leads_out_of_the_site(serve, get, path):
    serve()
    assert get(path)[0] == 404


def test_every_file_that_a_page_loads_exists():
    site = Site("dashboard.html")
    for page in (WEB_FOLDER / "static").iterdir():
        for path in re.findall(r'"(/static/[^"]+)"', page.read_text()):
            assert site.find(path), f"{page.name} loads {path}"
        for name in re.findall(r'from "\./([^"]+)"', page.read_text()):
            assert site.find(f"/static/{name}"), f"{page.name} imports {name}"


def test_pages_load_nothing_from_other_hosts():
    for page in (WEB_FOLDER / "static").iterdir():
        hosts = set(re.findall(r"https?://([a-zA-Z0-9.:-]+)", page.read_text()))
        assert hosts <= {"www.w3.org", "localhost:PORT"}, page.name


def test_a_file_of_the_user_needs_the_token(serve, get, tmp_path):
    model = tmp_path / "my.tflite"
    model.write_bytes(b"model")
    serve(token="s3cret-token", user_files={"/model.tflite": model})
    assert get("/model.tflite")[0] == 401
    assert get("/model.tflite?token=s3cret-token")[::2] == (200, b"model")
    assert get("/")[0] == 200


def test_messages_go_both_ways(serve, connect):
    with connect(serve()) as connection:
        connection.send("hello")
        assert connection.recv(10) == "hello"


def test_websockets_are_refused_without_the_token_or_from_elsewhere(serve, connect, get):
    port = serve(token="s3cret-token")
    our_origin = f"http://127.0.0.1:{port}"
    assert refused_status(connect, port) == 401
    assert refused_status(connect, port, "/echo?token=wrong") == 401
    assert (
        refused_status(connect, port, "/echo?token=s3cret-token", origin="http://evil.example")
        == 403
    )
    assert get("/check?token=s3cret-token", Host="evil.example")[0] == 421
    assert refused_status(connect, port, "/nothing?token=s3cret-token") == 404
    assert [get(f"/check{query}")[0] for query in ("", "?token=x", "?token=s3cret-token")] == [
        401,
        401,
        200,
    ]
    with connect(port, "/echo?token=s3cret-token", origin=our_origin) as connection:
        connection.send("in")
        assert connection.recv(10) == "in"


def test_a_message_that_is_too_long_ends_only_its_own_connection(serve, connect):
    from websockets.exceptions import ConnectionClosed

    port = serve()
    with connect(port) as patient, connect(port) as flooding:
        flooding.send(b"x" * (LARGEST + 1))
        with pytest.raises(ConnectionClosed):
            flooding.recv(10)
        patient.send("still here")
        assert patient.recv(10) == "still here"


def test_garbage_instead_of_a_request(serve, get):
    port = serve()
    for garbage in (
        b"\x00" * 100,
        b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1000):
                pass
    assert get("/")[0] == 200


def test_the_server_recovers_from_too_many_connections(serve, get):
    port = serve()
    held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(200)]
    time.sleep(0.2)
    for connection in held:
        connection.close()
    for _ in range(100):
        try:
            assert get("/")[0] == 200
            break
        except OSError:
            time.sleep(0.05)
    else:
        raise AssertionError("the server did not recover")


def test_a_port_in_use_is_refused(serve, port, is_sentence):
    serve()
    with pytest.raises(
        UserError, match=f"127.0.0.1:{port} cannot be listened on; another program"
    ) as error:
        PageServer(Address("127.0.0.1", port), Site("dashboard.html"), {}, LARGEST).start()
    assert is_sentence(str(error.value))


def test_stopping_frees_the_port(port, connect):
    server = PageServer(Address("127.0.0.1", port), Site("dashboard.html"), {}, LARGEST)
    server.start()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_without_websockets_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "websockets.asyncio.server", None)
    with pytest.raises(MissingExtraError, match="img2imu\\[web\\]"):
        PageServer(Address("127.0.0.1", 1), Site("dashboard.html"), {}, LARGEST)


def test_connections_are_logged_for_the_application_without_the_token(serve, connect, caplog):
    caplog.set_level(logging.DEBUG, "img2imu")
    with connect(serve(token="s3cret-token"), "/echo?token=s3cret-token"):
        pass
    messages = [r.getMessage() for r in caplog.records if r.name == "img2imu.pages"]
    assert "connection open" in messages
    assert not any("s3cret-token" in message for message in messages)
