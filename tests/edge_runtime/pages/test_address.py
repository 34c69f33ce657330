import errno
import os

import pytest

from edge_runtime.pages.address import Address, cannot_listen, shown_host


def test_url():
    assert Address("127.0.0.1", 8765).url() == "http://127.0.0.1:8765/"
    assert Address("0.0.0.0", 8765, "abc").url("192.0.2.7") == "http://192.0.2.7:8765/#token=abc"
    assert Address("::1", 8765).url() == "http://[::1]:8765/"


def test_only_a_loopback_address_serves_only_this_machine():
    assert Address("::1", 8765).only_this_machine
    assert not Address("0.0.0.0", 1).only_this_machine


def test_the_shown_host_can_be_opened_by_others():
    assert shown_host("192.0.2.7") == "192.0.2.7"
    assert shown_host("0.0.0.0") not in ("", "0.0.0.0")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EADDRINUSE, "another program listens there: stop it"),
        (errno.EACCES, "ports below 1024 are for root: choose a higher one"),
        (errno.EADDRNOTAVAIL, "this machine has no such address: write 0.0.0.0"),
        (errno.ENETDOWN, "etwork is down: choose another address"),
    ],
)
def test_why_an_address_cannot_be_listened_on(is_sentence, code, remedy):
    sentence = cannot_listen("192.0.2.7", 80, OSError(code, os.strerror(code)))
    assert sentence.startswith("192.0.2.7:80 cannot be listened on; ") and remedy in sentence
    assert is_sentence(sentence)
