import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.pages.guard import Guard, Request, is_loopback

HERE = Guard(None, only_this_machine=True)
NETWORK = Guard("s3cret-token", only_this_machine=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost:8765", "LOCALHOST", "[::1]:8765", "127.9.9.9"]
)
def test_this_machine_may_open_it_under_its_own_names(host):
    assert HERE.refuse_secret(Request("/live", host, None)) is None
    assert HERE.refuse_secret(Request("/live", host, f"http://{host}")) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8765", "", "[", "localhost."]
)
def test_another_name_of_this_machine_is_refused(host):
    refusal = HERE.refuse_page(Request("/", host, None))
    assert refusal is not None and refusal.status == 421


def test_a_missing_host_and_a_long_path_are_refused():
    for request in (Request("/", None, None), Request("/" + "a" * 2000, "localhost", None)):
        assert HERE.refuse_page(request).status == 400


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://localhost:8765",
        "http://localhost:8766",
        "http://localhost:8765.evil.example",
        "",
    ],
)
def test_a_page_of_another_origin_is_refused(origin):
    assert HERE.refuse_secret(Request("/live", "localhost:8765", origin)).status == 403


def test_the_origin_with_https():
    guard = Guard("s3cret-token", only_this_machine=False, secure=True)
    request = Request("/live?token=s3cret-token", "pi.local:8443", "https://pi.local:8443")
    assert guard.refuse_secret(request) is None


@given(st.text(max_size=40))
def test_only_the_right_token_is_accepted(token):
    from urllib.parse import quote

    refusal = NETWORK.refuse_secret(
        Request(f"/live?token={quote(token, safe='')}", "pi.local", None)
    )
    assert (refusal is None) == (token == "s3cret-token")


def test_pages_need_no_token_and_websockets_do():
    assert NETWORK.refuse_page(Request("/", "pi.local", None)) is None
    assert NETWORK.refuse_secret(Request("/live", "pi.local", None)).status == 401
    assert NETWORK.refuse_secret(Request("/live?token=", "pi.local", None)).status == 401


@given(st.text(max_size=30))
def test_only_loopback_addresses_are_loopback(host):
    if is_loopback(host):
        assert host.lower() == "localhost" or host.strip("[]").startswith("127.") or ":" in host


def test_refusals_are_sentences(is_sentence):
    for request in (Request("/live", "pi.local", None), Request("/live", None, None)):
        assert is_sentence(NETWORK.refuse_secret(request).sentence)
