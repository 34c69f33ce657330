import argparse

import pytest

from edge_runtime.commands.arguments import number, positive


def test_numbers_are_parsed():
    assert number("0") == 0 and number("2.5") == 2.5
    assert positive("1e-3") == 1e-3 and positive("9", limit=10) == 9


@pytest.mark.parametrize("text", ["", "abc", "-1", "nan", "inf"])
def test_other_text_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number, 0 or more"):
        number(text)
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
        positive(text)


def test_zero_and_the_limit_are_refused():
    for text, limit in (("0", 10.0), ("10", 10.0)):
        with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
            positive(text, limit)
