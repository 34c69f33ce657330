import os
import sys

import pytest

from edge_runtime.errors import DataError
from export.converters import running
from export.evaluation import ExportError


def test_output_is_kept_off_the_terminal(capfd, monkeypatch):
    buffered = open(1, "w", closefd=False)  # noqa: SIM115  # as in a pipe
    monkeypatch.setattr(sys, "stdout", buffered)
    with running("the tool"):
        print("from Python")
        os.write(1, b"from C++\n")
        os.write(2, b"a warning\n")
    print("afterwards")
    sys.stdout.flush()
    assert tuple(capfd.readouterr()) == ("afterwards\n", "")


def test_output_is_shown_if_the_converter_fails(capfd):
    with pytest.raises(ExportError), running("the tool"):
        os.write(2, b"the reason\n")
        raise RuntimeError
    assert capfd.readouterr().err == "the reason\n"


@pytest.mark.parametrize("error", [ModuleNotFoundError, KeyboardInterrupt])
def test_output_stays_hidden_if_a_package_is_missing_or_the_user_interrupts(capfd, error):
    with pytest.raises(error), running("the tool"):
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
def test_the_message_names_the_tool_that_failed(error, words):
    with pytest.raises(ExportError) as caught, running("the tool"):
        raise error
    assert str(caught.value).startswith(
        f"the tool cannot convert this network ({words}; no file was written"
    )


@pytest.mark.parametrize("error", [ModuleNotFoundError("x"), DataError("x"), KeyboardInterrupt()])
def test_errors_of_other_kinds_pass_unchanged(error):
    with pytest.raises(type(error)), running("the tool"):
        raise error
