import errno
import io
import math
import os
import re

import pytest

from edge_runtime.decision import RECOGNISED, UNKNOWN, Decision, Latency
from edge_runtime.sinks import console
from edge_runtime.sinks.console import ConsoleSink

LABELS = ("squat", "jump", "lunge")
SQUAT = Decision(
    1.5,
    RECOGNISED,
    "squat",
    0.75,
    (0.75, 0.25, 0.0),
    (1.0, 0.0, 0.0),
    Latency(300.0, 900.0, 1250.0),
)
NOT_RECOGNISED = Decision(
    2.0, UNKNOWN, None, 0.4, (0.4, 0.3, 0.3), (0.4, 0.3, 0.3), Latency(300.0, 900.0, 1250.0)
)


class Terminal(io.StringIO):
    """Keeps what a terminal would show, for the escape sequences that the sink uses."""

    def __init__(self, encoding="utf-8"):
        super().__init__()
        self.lines = [""]
        self.row = 0
        self.cursor_shown = True
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return True

    def write(self, text):
        super().write(text)
        for token in re.findall(r"\x1b\[\??[0-9]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if token == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif token.startswith("\x1b") and token.endswith("A"):
                self.row -= int(token[2:-1])
                assert self.row >= 0
            elif token == "\x1b[J":
                del self.lines[self.row + 1 :]
                self.lines[self.row] = ""
            elif token in ("\x1b[?25l", "\x1b[?25h"):
                self.cursor_shown = token.endswith("h")
            elif token not in ("\r", "\x1b[K") and not token.endswith("m"):
                self.lines[self.row] = token  # the sink writes whole lines
            elif token.endswith("m"):
                assert re.fullmatch(r"\x1b\[[0-9]+m", token), token
        return len(text)


@pytest.fixture
def screen(monkeypatch):
    def resize(columns, lines):
        monkeypatch.setattr(
            console.shutil, "get_terminal_size", lambda: os.terminal_size((columns, lines))
        )

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    resize(80, 24)
    return resize


def test_without_a_terminal_there_is_one_plain_line_per_decision():
    output = io.StringIO()
    with ConsoleSink(LABELS, output) as sink:
        for decision in (SQUAT, NOT_RECOGNISED, Decision.gap(3.0), Decision.warming_up(4.0)):
            sink.write(decision)
    assert (
        output.getvalue()
        == "1.500  squat  0.750\n2.000  unknown  0.400\n3.000  gap  -\n4.000  warming up  -\n"
    )


def test_a_dumb_terminal_gets_plain_lines(screen, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    ConsoleSink(LABELS, terminal).write(SQUAT)
    assert terminal.getvalue() == "1.500  squat  0.750\n"


def test_the_view_is_redrawn_in_place_and_the_last_one_stays(screen):
    terminal = Terminal()
    with ConsoleSink(LABELS, terminal) as sink:
        sink.write(NOT_RECOGNISED)
        sink.write(SQUAT)
        assert terminal.cursor_shown  # so it is visible however the program ends
    assert terminal.lines == [
        "squat  1.50 s",
        "squat   75 % " + "█" * 30 + "░" * 10,
        "jump    25 % " + "█" * 10 + "░" * 30,
        "lunge    0 % " + "░" * 40,
        "1250 us (front end 300, inference 900)",
        "",
    ]
    assert terminal.cursor_shown


def test_a_gap_removes_the_bars(screen):
    terminal = Terminal()
    sink = ConsoleSink(LABELS, terminal)
    sink.write(SQUAT)
    sink.write(Decision.gap(2.0))
    assert terminal.lines == ["gap  2.00 s", "samples are missing", ""]
    sink.write(Decision.warming_up(3.0))
    assert terminal.lines == ["warming up  3.00 s", "filling the window again", ""]


@pytest.mark.parametrize("columns", [1, 2, 8, 12, 20, 30, 200])
@pytest.mark.parametrize("lines", [1, 4, 24])
def test_no_line_wraps_and_nothing_scrolls(screen, columns, lines):
    screen(columns, lines)
    terminal = Terminal()
    sink = ConsoleSink(
        ("跳跃跳跃跳跃", "an extremely long name of a class, longer than any bar", "b"), terminal
    )
    for _ in range(3):
        sink.write(NOT_RECOGNISED)
    assert all(console._width(line) < max(columns, 2) for line in terminal.lines)
    assert len(terminal.lines) <= max(lines, 3)


def test_if_not_all_classes_fit_the_most_probable_are_shown_in_label_order(screen):
    screen(80, 5)
    terminal = Terminal()
    ConsoleSink(LABELS, terminal).write(
        Decision(0.0, RECOGNISED, "lunge", 0.7, (0.3, 0.0, 0.7), (0.3, 0.0, 0.7))
    )
    assert [line.split(" ")[0] for line in terminal.lines[1:3]] == ["squat", "lunge"]


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_the_variable_no_color(screen, monkeypatch, value, coloured):
    monkeypatch.setenv("NO_COLOR", value)
    terminal = Terminal()
    ConsoleSink(LABELS, terminal).write(SQUAT)
    assert ("\x1b[32m" in terminal.getvalue()) == coloured


def test_a_terminal_without_unicode(screen):
    terminal = Terminal("ascii")
    ConsoleSink(("Kniebeuge ü", "jump", "lunge"), terminal).write(SQUAT)
    assert terminal.getvalue().isascii()
    assert "#" * 30 + "." * 10 in terminal.getvalue()


def test_a_label_cannot_control_the_terminal(screen):
    label = "squat\x1b[2J\r"
    for output in (Terminal(), io.StringIO()):
        ConsoleSink((label, "jump", "lunge"), output).write(
            Decision(1.5, RECOGNISED, label, 0.75, (0.75, 0.25, 0.0), (1.0, 0.0, 0.0))
        )
        assert "\x1b[2J" not in output.getvalue()
        assert "squat?[2J?" in output.getvalue()


def test_nan_is_shown(screen):
    terminal = Terminal()
    ConsoleSink(LABELS, terminal).write(
        Decision(0.0, UNKNOWN, None, math.nan, (math.nan,) * 3, (math.nan,) * 3)
    )
    assert "nan %" in terminal.lines[1]


class ClosedPipe(io.StringIO):
    def flush(self):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_closed_pipe_is_raised_to_the_caller():
    with pytest.raises(BrokenPipeError), ConsoleSink(LABELS, ClosedPipe()) as sink:
        sink.write(SQUAT)
