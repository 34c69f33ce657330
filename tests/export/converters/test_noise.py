import os
import sys

import pytest

from edge_runtime.errors import DataError
from export.checks import ExportError
from export.converters.noise import quiet, refusals_of


def test_noise_is_kept_from_the_terminal(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stdout", open(1, "w", closefd=False))  # noqa: SIM115  # buffered, as in a pipe
    with quiet():
        print("from Python")
        os.write(1, b"from C++\n")
        os.write(2, b"a warning\n")
    print("afterwards")
    sys.stdout.flush()
    assert tuple(capfd.readouterr()) == ("afterwards\n", "")


def test_noise_is_shown_when_the_converter_fails(capfd):
    with pytest.raises(RuntimeError), quiet():
        os.write(2, b"the reason\n")
        raise RuntimeError
    assert capfd.readouterr().err == "the reason\n"


@pytest.mark.parametrize("error", [ModuleNotFoundError, KeyboardInterrupt])
def test_noise_does_not_bury_what_is_said_in_a_line(capfd, error):
    with pytest.raises(error), quiet():
        os.write(2, b"chatter\n")
        raise error
    os.write(2, b"a line\n")
    assert capfd.readouterr().err == "a line\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such operator\nsecond line"), "ValueError: no such operator)"),
        (KeyError(), "KeyError: )"),
        (RuntimeError("x" * 1000), "RuntimeError: " + "x" * 200 + ")"),
    ],
)
def test_a_tool_that_fails_is_named_in_a_sentence(error, words):
    with pytest.raises(ExportError) as caught, refusals_of("the tool"):
        raise error
    assert str(caught.value).startswith(
        f"the tool cannot convert this network ({words}; no file was written"
    )


@pytest.mark.parametrize("error", [ModuleNotFoundError("x"), DataError("x"), KeyboardInterrupt()])
def test_what_is_no_refusal_passes(error):
    with pytest.raises(type(error)), refusals_of("the tool"):
        raise error
