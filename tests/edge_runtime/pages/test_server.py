import re
import socket
import time

import pytest
from edge_runtime.pages.site import HERE, Site

from edge_runtime.errors import MissingExtraError, UserError
from edge_runtime.pages.address import Address
from edge_runtime.pages.server import PageServer

from .conftest import LARGEST


@pytest.fixture
def connect():
    """A client's WebSocket, and what it raises when it is refused."""
    client = pytest.importorskip(
        "websockets.sync.client", reason='needs pip install "img2imu[web]"'
    )

    def call(port, path="/echo", **options):
        return client.connect(
            f"ws://127.0.0.1:{port}{path}", proxy=None, open_timeout=10, **options
        )

    return call


def refused_with(connect, *arguments, **options):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refusal, connect(*arguments, **options):
        pass
    return refusal.value.response.status_code


def test_pages_come_with_a_policy_that_keeps_them_to_themselves(serve, get):
    serve()
    status, headers, content = get("/")
    assert status == 200 and b"<title>img2imu</title>" in content
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy and "http" not in policy
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert get("/static/dashboard.js")[1]["Content-Type"].startswith("text/javascript")


def test_a_page_that_did_not_change_is_not_sent_again(serve, get):
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


def test_every_file_that_a_page_asks_for_is_there():
    site = Site("dashboard.html")
    for page in (HERE / "static").iterdir():
        for path in re.findall(r'"(/static/[^"]+)"', page.read_text()):
            assert site.find(path), f"{page.name} asks for {path}"
        for name in re.findall(r'from "\./([^"]+)"', page.read_text()):
            assert site.find(f"/static/{name}"), f"{page.name} imports {name}"


def test_pages_ask_nobody_else():
    for page in (HERE / "static").iterdir():
        hosts = set(re.findall(r"https?://([a-zA-Z0-9.:-]+)", page.read_text()))
        assert hosts <= {"www.w3.org", "localhost:PORT"}, page.name


@pytest.mark.parametrize(
    "path", sorted(p for p in (HERE / "static").iterdir()), ids=lambda p: p.name
)
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) < 300


def test_a_file_of_the_user_needs_the_token(serve, get, tmp_path):
    model = tmp_path / "my.tflite"
    model.write_bytes(b"model")
    serve(token="s3cret-token", own={"/model.tflite": model})
    assert get("/model.tflite")[0] == 401
    assert get("/model.tflite?token=s3cret-token")[::2] == (200, b"model")
    assert get("/")[0] == 200


def test_talking(serve, connect):
    with connect(serve()) as connection:
        connection.send("hello")
        assert connection.recv(10) == "hello"


def test_who_may_not_connect(serve, connect, get):
    port = serve(token="s3cret-token")
    own = f"http://127.0.0.1:{port}"
    assert refused_with(connect, port) == 401
    assert refused_with(connect, port, "/echo?token=wrong") == 401
    assert (
        refused_with(connect, port, "/echo?token=s3cret-token", origin="http://evil.example") == 403
    )
    assert get("/check?token=s3cret-token", Host="evil.example")[0] == 421
    assert refused_with(connect, port, "/nothing?token=s3cret-token") == 404
    assert [get(f"/check{query}")[0] for query in ("", "?token=x", "?token=s3cret-token")] == [
        401,
        401,
        200,
    ]
    with connect(port, "/echo?token=s3cret-token", origin=own) as connection:
        connection.send("in")
        assert connection.recv(10) == "in"


def test_a_message_that_is_too_long_ends_its_connection_alone(serve, connect):
    from websockets.exceptions import ConnectionClosed

    port = serve()
    with connect(port) as patient, connect(port) as flooding:
        flooding.send(b"x" * (LARGEST + 1))
        with pytest.raises(ConnectionClosed):
            flooding.recv(10)
        patient.send("still here")
        assert patient.recv(10) == "still here"


def test_garbage_in_place_of_a_request(serve, get):
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


def test_connections_without_end_leave_room_for_others(serve, get):
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


def test_a_port_in_use(serve, port, is_sentence):
    serve()
    with pytest.raises(
        UserError, match=f"127.0.0.1:{port} cannot be listened on; another program"
    ) as error:
        PageServer(Address("127.0.0.1", port), Site("dashboard.html"), {}, LARGEST).start()
    assert is_sentence(str(error.value))


def test_it_stops(port, connect):
    server = PageServer(Address("127.0.0.1", port), Site("dashboard.html"), {}, LARGEST)
    server.start()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "websockets.asyncio.server", None)
    with pytest.raises(MissingExtraError, match="img2imu\\[web\\]"):
        PageServer(Address("127.0.0.1", 1), Site("dashboard.html"), {}, LARGEST)


def test_addresses():
    assert Address("127.0.0.1", 8765).url() == "http://127.0.0.1:8765/"
    assert Address("0.0.0.0", 8765, "abc").url("192.0.2.7") == "http://192.0.2.7:8765/#token=abc"
    assert Address("::1", 8765).url() == "http://[::1]:8765/"
    assert Address("::1", 8765).only_this_machine and not Address("0.0.0.0", 1).only_this_machine
