import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.uri import SourceUri, parse_source_uri, split_options


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("192.168.1.20", ("192.168.1.20", 80)),
        ("Pi.local:8080", ("Pi.local", 8080)),
        ("pi/", ("pi", 80)),
        ("[::1]", ("::1", 80)),
        ("[fe80::1]:1", ("fe80::1", 1)),
    ],
)
def test_host_and_port(name, expected):
    assert SourceUri(name, {}).host_and_port(80) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":80",
        "a:",
        "a:0",
        "a:65536",
        "a:b",
        "a b",
        "a\t",
        "::1",
        "[x]",
        "a/b",
        "[::1",
        "a:80:80",
    ],
)
def test_what_is_not_a_host_and_port_is_refused(is_sentence, name):
    with pytest.raises(SourceError, match="is no address, expected HOST or HOST:PORT") as caught:
        SourceUri(name, {}).host_and_port(80)
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("8443", ("0.0.0.0", 8443)),
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("127.0.0.1", ("127.0.0.1", 8000)),
        ("[::1]:9000", ("::1", 9000)),
    ],
)
def test_listening_address(name, expected):
    assert SourceUri(name, {}).listening_address("0.0.0.0", 8000) == expected


@pytest.mark.parametrize("name", ["0", "65536", "9" * 5000])
def test_a_number_that_is_not_a_port_is_refused(name):
    with pytest.raises(SourceError, match="expected 1 to 65535: write for example 8000"):
        SourceUri(name, {}).listening_address("0.0.0.0", 8000)


def test_the_default_name_is_used_if_there_is_none():
    assert parse_source_uri("?speed=2", ("speed",), "8000") == SourceUri("8000", {"speed": "2"})


def test_a_plus_sign_stays_a_plus_sign():
    assert parse_source_uri("a?zone=+01:00", ("zone",)).options == {"zone": "+01:00"}


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("a", ("a", {})),
        ("a?x=1", ("a", {"x": "1"})),
        ("a?x=%31&b=%31&flag", ("a?b=%31&flag", {"x": "1"})),
        ("a?b=1&x=1", ("a?b=1", {"x": "1"})),
    ],
)
def test_split_options(rest, expected):
    assert split_options(rest, ("x", "y")) == expected


def test_a_repeated_option_is_refused_when_split():
    with pytest.raises(SourceError, match="a was given x twice"):
        split_options("a?x=1&x=2", ("x",))


@given(st.text(max_size=30))
def test_any_name_is_an_address_or_refused(name):
    try:
        host, port = SourceUri(name, {}).listening_address("0.0.0.0", 8000)
    except SourceError:
        return
    assert host and 1 <= port <= 65535
