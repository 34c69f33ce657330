import contextlib
import errno
import math
import os
import subprocess
import sys
import threading
import time
import tty

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("serial")

import serial

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source
from edge_runtime.sources.serial_port import (
    LONGEST_LINE,
    LineSplitter,
    SerialSource,
    TickCounter,
    parse_line,
)


@st.composite
def cut_bytes(draw, alphabet=b"12,.\n\r x"):
    data = bytes(draw(st.lists(st.sampled_from(alphabet), max_size=200)))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return data, [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(cut_bytes())
def test_lines_do_not_depend_on_how_the_bytes_are_cut(cut):
    data, pieces = cut
    splitter = LineSplitter()
    assert [line for piece in pieces for line in splitter.split(piece)] == [
        line.strip() for line in data.split(b"\n")[1:-1]
    ]
    assert splitter.too_long == 0


def test_a_line_without_end_is_dropped_and_memory_stays_bounded():
    splitter = LineSplitter()
    splitter.split(b"1\n")
    for _ in range(10_000):
        assert splitter.split(b"x" * 10_000) == []
    assert splitter.split(b"x\n1,2,3\n") == [b"1,2,3"]
    assert splitter.too_long == 1
    assert splitter.split(b"y" * (LONGEST_LINE + 1) + b"\n4\n") == [b"4"]
    assert splitter.too_long == 2


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        (b"1,2.5,-3e-1", [1, 2.5, -0.3]),
        (b"1\t2 3", [1, 2, 3]),
        (b" 7 , 8", [7, 8]),
        (b"4", [4]),
    ],
)
def test_lines_of_numbers(line, numbers):
    assert parse_line(line) == numbers


@pytest.mark.parametrize(
    "line", [b"1,,2", b"nan,1,2", b"1,inf,2", b"a,b", b"1,2,3,", b"\xff\x00", b"1_0,2"]
)
def test_malformed_lines_are_refused(line):
    with pytest.raises(ValueError):
        assert parse_line(line)


@given(st.binary(max_size=60))
def test_any_bytes_are_finite_numbers_or_refused(line):
    with contextlib.suppress(ValueError):
        assert all(map(math.isfinite, parse_line(line)))


@pytest.mark.parametrize(
    ("counts", "unwrapped"),
    [
        ([1, 2, 2**32 - 1, 0, 5], [1, 2, 2**32 - 1, 2**32, 2**32 + 5]),
        ([2**32 - 1, 3, 2**32 - 1, 3], [2**32 - 1, 2**32 + 3, 2**33 - 1, 2**33 + 3]),
        ([60_000_000, 10, 20], [60_000_000, 10, 20]),  # the board was reset after a minute
        ([2**32 - 1, float("nan"), 6], [2**32 - 1, float("nan"), 2**32 + 6]),
    ],
)
def test_an_overflow_of_the_counter_is_undone(counts, unwrapped):
    ticks = TickCounter()
    np.testing.assert_array_equal([ticks.unwrap(float(count)) for count in counts], unwrapped)


class Board:
    """The other end of a pseudo-terminal. Its path outlives it, as that of a USB port does."""

    def __init__(self, path):
        self.path = path
        self.plug_in()

    def plug_in(self):
        self.end, port = os.openpty()
        tty.setraw(port)
        # Kept open, else what is written before the source reads would be lost.
        self.port = port
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(port))

    def unplug(self):
        self.path.unlink(missing_ok=True)
        os.close(self.end)
        os.close(self.port)

    def write(self, data):
        os.write(self.end, data)

    def send(self, lines, rate_hz=200.0, batch=1):
        """Write lines at this rate, a batch at a time. Returns the thread that writes."""

        def work():
            started_s = time.monotonic()
            for i in range(0, len(lines), batch):
                time.sleep(max(0.0, started_s + i / rate_hz - time.monotonic()))
                self.write(b"".join(line + b"\r\n" for line in lines[i : i + batch]))

        thread = threading.Thread(target=work)
        thread.start()
        return thread


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path / "ttyIMU")
    yield board
    with contextlib.suppress(OSError):
        board.unplug()


def numbered(n, columns=3):
    return [b",".join(b"%d" % (i + 1000 * column) for column in range(columns)) for i in range(n)]


def test_samples_come_in_order_with_the_rate_measured(board, heard, receive):
    source = heard(open_source(f"serial:{board.path}", CHANNELS[:3]))
    thread = board.send(numbered(500), batch=8)
    chunk = receive(source, lambda c: len(c.samples) >= 440)
    thread.join()
    first = int(chunk.samples[0, 0])
    np.testing.assert_array_equal(chunk.samples[:, 0], np.arange(first, first + len(chunk.samples)))
    np.testing.assert_array_equal(chunk.samples[:, 2], chunk.samples[:, 0] + 2000)
    assert (np.diff(chunk.timestamps_s) > 0).all()
    assert (len(chunk.samples) - 1) / np.ptp(chunk.timestamps_s) == pytest.approx(200, rel=0.3)
    assert any("samples come without times, at" in said for said in source.notes.said)


def test_a_time_column_is_used(board, receive):
    source = open_source(f"serial:{board.path}?columns=-,time_ms,acc_z,acc_y,acc_x", CHANNELS[:3])
    lines = b"half a li\n" + b"".join(b"0,%d,%d,5,6\n" % (20 * i, i) for i in range(10))
    chunk = receive(source, lambda c: len(c.samples) == 10, lambda: board.write(lines))
    np.testing.assert_allclose(chunk.timestamps_s, np.arange(10) / 50)
    np.testing.assert_array_equal(chunk.samples, [[6, 5, i] for i in range(10)])


def test_malformed_lines_are_counted_and_shown_and_keep_their_place_in_time(board, heard, receive):
    source = heard(SerialSource(str(board.path), CHANNELS[:3], rate_hz=50.0))
    lines = b"...\n1,1,1\nERR sensor not found\n1,nan,1\n\n1,2\n" + b"z" * 2000 + b"\n5,5,5\n"
    chunk = receive(source, lambda c: 5 in c.samples, lambda: board.write(lines))
    assert chunk.samples[:, 0].tolist() == [1, 5]
    assert source.notes.counts == {"error line": 1, "malformed line": 3}
    assert any("the board says 'ERR sensor not found'" in said for said in source.notes.said)


def test_six_numbers_are_both_sensors_and_three_lack_the_gyroscope(board, receive):
    channels = ("gyro_z", "acc_x")
    source = open_source(f"serial:{board.path}?rate_hz=50", channels)
    chunk = receive(source, lambda c: len(c.samples) == 1, lambda: board.write(b"\n1,2,3,4,5,6\n"))
    assert chunk.samples.tolist() == [[6, 1]]
    with pytest.raises(SourceError, match="gives acc_x, acc_y, acc_z, but gyro_z is needed too"):
        receive(
            open_source(f"serial:{board.path}?rate_hz=50", channels),
            lambda c: False,
            lambda: board.write(b"\n1,2,3\n"),
        )


def test_unplugged_and_plugged_in_again(board, heard, receive):
    source = heard(SerialSource(str(board.path), CHANNELS[:3], rate_hz=50.0))
    states = iter(["unplugged", "plugged in"])
    state = "new"

    def until(chunk):
        nonlocal state
        if 1 in chunk.samples and state == "new":
            board.unplug()
            state = next(states)
        elif state == "unplugged" and any("there is no" in said for said in source.notes.said):
            board.plug_in()
            state = next(states)
        elif state == "plugged in":
            # Repeated, since what is written before the port is open is lost.
            board.write(b"\n2,2,2\n")
        return 2 in chunk.samples

    chunk = receive(source, until, lambda: board.write(b"\n1,1,1\n"))
    assert sorted(set(chunk.samples[:, 0])) == [1, 2]
    assert (np.diff(chunk.timestamps_s) > 0).all()
    assert (
        "was unplugged or closed" in source.notes.said[0]
        and "trying again in 0.5 s" in source.notes.said[0]
    )
    assert source.notes.said[-1].endswith("samples come again")


def test_a_missing_port(tmp_path):
    with pytest.raises(
        SourceError, match=r"there is no .*/ttyNone: plug the board in, or name one of the serial"
    ):
        next(iter(open_source(f"serial:{tmp_path}/ttyNone", CHANNELS)))


def test_a_port_in_use(board):
    other = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import serial, sys; port = serial.Serial(sys.argv[1], "
            "exclusive=True); print('open', flush=True); sys.stdin.read()",
            str(board.path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        other.stdout.readline()
        with pytest.raises(SourceError, match="is in use by another program"):
            next(iter(open_source(f"serial:{board.path}", CHANNELS)))
    finally:
        other.communicate()


def test_no_permission(board, monkeypatch):
    source = open_source(f"serial:{board.path}", CHANNELS)

    def refuse(*_arguments, **_options):
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "Serial", refuse)  # root ignores file modes
    with pytest.raises(
        SourceError, match=r"may not be opened by this user: sudo usermod -aG dialout \$USER"
    ):
        next(iter(source))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("baud=fast", "expected a whole number"),
        ("baud=0", "baud=0, expected bits per second"),
        ("columns=acc_x,acc_w", "columns=acc_x,acc_w, expected names out of"),
        ("columns=acc_x,acc_x", "each once"),
        ("columns=time_s,time_ms,acc_x", "at most one time"),
        ("columns=acc_x", "but acc_y is needed too"),
        ("rate_hz=0", "expected samples per second"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(SourceError, match=message):
        open_source(f"serial:/dev/ttyACM0?{options}", ("acc_x", "acc_y"))
