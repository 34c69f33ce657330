"""``img2imu record``: labelled recordings to learn from, out of any live source."""

from __future__ import annotations

import argparse
import contextlib
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import number, positive

if TYPE_CHECKING:
    from edge_runtime.recordings.writer import RecordingWriter
    from edge_runtime.sources.source import Source
    from edge_runtime.stream.chunk import Chunk

CHANNELS = {
    "acc": ("acc_x", "acc_y", "acc_z"),
    "acc+gyro": ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"),
}
SHOW_EVERY_S = 0.2
NO_SAMPLES_S = 5.0  # then it is said that nothing comes
EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "directory",
        metavar="DIR",
        help="where the recordings are kept: DIR/LABEL/*.csv, as img2imu train reads them",
    )
    parser.add_argument(
        "--source", metavar="URI", required=True, help="where samples come from, as for img2imu run"
    )
    parser.add_argument("--label", metavar="NAME", required=True, help="what is being done")
    parser.add_argument(
        "--seconds", type=positive, metavar="N", help="how long (default: until Ctrl-C)"
    )
    parser.add_argument(
        "--subject",
        metavar="NAME",
        help="who does it: DIR/NAME/LABEL/*.csv, so that img2imu train can hold people out",
    )
    parser.add_argument(
        "--channels", choices=CHANNELS, default="acc+gyro", help="(default: acc+gyro)"
    )
    parser.add_argument(
        "--rate-hz",
        type=positive,
        default=50.0,
        metavar="HZ",
        help="to ask of a sensor that can be asked (default: 50)",
    )
    parser.add_argument(
        "--countdown",
        type=number,
        default=3.0,
        metavar="N",
        help="seconds before it begins (default: 3)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from edge_runtime.errors import UserError
    from edge_runtime.recordings.writer import RecordingWriter
    from edge_runtime.sources import open_source

    names = [_folder(name) for name in (arguments.subject, arguments.label) if name is not None]
    channels = CHANNELS[arguments.channels]
    source = open_source(arguments.source, channels, arguments.rate_hz)
    name = f"{names[-1]}-{time.strftime('%Y%m%d-%H%M%S')}"
    seconds = math.inf if arguments.seconds is None else arguments.seconds
    writer = RecordingWriter(Path(arguments.directory).joinpath(*names), name, channels, seconds)
    screen = Screen(sys.stderr.isatty())
    source.notes.say = screen.say
    interrupted = False
    try:
        with (
            contextlib.closing(_after_countdown(source, arguments.countdown, screen)) as stream,
            contextlib.closing(writer),
        ):
            _record(
                stream,
                writer,
                f"{arguments.label}: ",
                "" if seconds == math.inf else f" of {seconds:g}",
                screen,
            )
    except KeyboardInterrupt:  # how a recording without an end is ended
        interrupted = arguments.seconds is not None
    finally:
        screen.say(_result(writer, source))
    if not writer.samples and not interrupted:
        raise UserError(
            f"{arguments.source} gave nothing to record, expected samples after the countdown of "
            f"{arguments.countdown:g} s: check the sensor, or give --countdown 0"
        )
    return EXIT_INTERRUPTED if interrupted else 0


def _after_countdown(source: Source, countdown_s: float, screen: Screen) -> Generator[Chunk]:
    """The source's chunks from the end of the countdown on; the sensor runs in while it is counted."""
    stream = iter(source)
    begin_s = time.monotonic() + countdown_s
    while (left_s := begin_s - time.monotonic()) > 0:
        screen.show(f"recording begins in {math.ceil(left_s)} ...")
        if next(stream, None) is None:
            return
    yield from stream


def _record(
    stream: Iterable[Chunk], writer: RecordingWriter, label: str, of_seconds: str, screen: Screen
) -> None:
    """Write chunks until enough are there, or the stream ends."""
    heard_s = time.monotonic()
    for chunk in stream:
        now_s = time.monotonic()
        if len(chunk.timestamps_s):
            heard_s = now_s
            writer.write(chunk.timestamps_s, chunk.samples)
        if writer.full:
            return
        writer.sync()
        if now_s - heard_s > NO_SAMPLES_S:
            screen.show(f"{label}nothing has come for {now_s - heard_s:.0f} s")
        else:
            screen.show(
                f"{label}{writer.duration_s:.1f}{of_seconds} s, {writer.samples} samples (Ctrl-C ends it)"
            )


def _result(writer: RecordingWriter, source: Source) -> str:
    """What was recorded, and what was not."""
    if not writer.samples:
        return "nothing was recorded"
    rate_hz = (writer.samples - 1) / writer.duration_s if writer.duration_s > 0 else 0.0
    counts = source.notes.counts + Counter({"late or broken sample": writer.dropped})
    left_out = ", ".join(
        f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items()
    )
    return (
        f"{', '.join(map(str, writer.paths))}: {writer.duration_s:.1f} s, {writer.samples} samples, "
        f"{rate_hz:.4g} Hz" + (f"; left out: {left_out}" if left_out else "")
    )


class Screen:
    """One line that is written over on a terminal, and lines that stay.

    Args:
        live: whether standard error is a terminal; elsewhere only the lines that stay are written.
    """

    def __init__(self, live: bool) -> None:
        self._live = live
        self._shown_s = -math.inf

    def show(self, text: str) -> None:
        """Write over the line, a few times a second."""
        now_s = time.monotonic()
        if self._live and now_s - self._shown_s >= SHOW_EVERY_S:
            self._shown_s = now_s
            columns = shutil.get_terminal_size().columns - 1
            print(f"\r{text[:columns]}\x1b[K", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        print(("\r\x1b[K" if self._live else "") + text, file=sys.stderr, flush=True)


def _folder(name: str) -> str:
    """A label or a subject as the name of its folder."""
    from edge_runtime.errors import UserError

    if (
        not name.strip()
        or name != name.strip()
        or name.startswith(".")
        or "/" in name
        or not name.isprintable()
    ):
        raise UserError(
            f"{name!r} cannot be the name of a folder, expected a word such as squat: leave out slashes, "
            "leading dots and spaces at the ends"
        )
    return name
