import argparse

import pytest

from edge_runtime.errors import UserError
from edge_runtime.pages.address import make_address
from edge_runtime.web import options
from edge_runtime.web.options import port_number, uri_without_secrets


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv(options.TOKEN_VARIABLE, raising=False)


def parse(*words):
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return parser.parse_args(words)


def test_without_web_there_is_no_dashboard():
    assert options.open_dashboard(parse(), None, None, "x") is None


def test_web_host_without_web_is_refused(is_sentence):
    with pytest.raises(UserError, match="--web-host was given without --web") as error:
        options.open_dashboard(parse("--web-host", "0.0.0.0"), None, None, "x")
    assert is_sentence(str(error.value))


def test_the_port_is_optional_and_checked():
    assert parse("--web").web == options.DEFAULT_PORT
    assert parse("--web", "9000").web == 9000
    for text in ("0", "65536", "model.tflite", "-1", "²", "999999999999"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected a port"):
            port_number(text)


def test_only_an_address_on_the_network_needs_a_token(monkeypatch):
    assert make_address("127.0.0.1", 1, None).token is None
    made = {make_address("0.0.0.0", 1, None).token for _ in range(5)}
    assert len(made) == 5 and all(len(token) >= 12 for token in made)
    monkeypatch.setenv(options.TOKEN_VARIABLE, "from-the-environment")
    assert make_address("127.0.0.1", 1, None).token == "from-the-environment"
    assert make_address("0.0.0.0", 1, None, "given-by-hand").token == "given-by-hand"


@pytest.mark.parametrize("token", ["short", "has a space", "tokén-tokén"])
def test_invalid_tokens_are_refused(token, is_sentence):
    with pytest.raises(UserError, match="expected 8 or more") as error:
        make_address("0.0.0.0", 1, None, token)
    assert token not in str(error.value) and is_sentence(str(error.value))


def test_a_missing_certificate_is_refused(tmp_path, is_sentence):
    with pytest.raises(UserError, match="img2imu cert") as error:
        make_address("0.0.0.0", 1, str(tmp_path))
    assert is_sentence(str(error.value))


def test_a_source_is_shown_without_folders_and_secrets():
    assert uri_without_secrets("replay:/data/me/walk.csv?speed=2") == "replay:walk.csv"
    assert uri_without_secrets("/data/walk.csv") == "walk.csv"
    assert uri_without_secrets("mqtt:broker?user=me") == "mqtt:broker"
    assert uri_without_secrets("phone:8443?token=secret") == "phone:8443"
