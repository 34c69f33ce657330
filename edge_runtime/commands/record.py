"""``img2imu record``: make labelled recordings to learn from, with any live source."""

from __future__ import annotations

import argparse
import contextlib
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import number, positive

if TYPE_CHECKING:
    from edge_runtime.recordings.take import Take
    from edge_runtime.recordings.writer import RecordingWriter
    from edge_runtime.sources.source import Source
    from edge_runtime.stream.chunk import Chunk

CHANNELS = {
    "acc": ("acc_x", "acc_y", "acc_z"),
    "acc+gyro": ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"),
}
SHOW_EVERY_S = 0.2
SILENT_S = 5.0  # without samples: the user is told
EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "directory",
        metavar="DIR",
        help="where recordings are kept: DIR/LABEL/*.csv, as img2imu train reads them",
    )
    parser.add_argument(
        "--source", metavar="URI", required=True, help="where samples come from, as for img2imu run"
    )
    parser.add_argument("--label", metavar="NAME", required=True, help="name of the motion")
    parser.add_argument(
        "--seconds",
        type=positive,
        metavar="N",
        help="length of the recording (default: until Ctrl-C)",
    )
    parser.add_argument(
        "--subject",
        metavar="NAME",
        help="name of the person: DIR/NAME/LABEL/*.csv, so that img2imu train can hold people out",
    )
    parser.add_argument(
        "--channels",
        choices=CHANNELS,
        default="acc+gyro",
        help="axes to record (default: acc+gyro)",
    )
    parser.add_argument(
        "--rate-hz",
        type=positive,
        default=50.0,
        metavar="HZ",
        help="rate to ask of a sensor that can be asked (default: 50)",
    )
    parser.add_argument(
        "--countdown",
        type=number,
        default=3.0,
        metavar="N",
        help="seconds before it begins (default: 3)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    from edge_runtime.errors import UserError
    from edge_runtime.recordings.take import Take
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
        with contextlib.closing(_chunks(source)) as chunks, contextlib.closing(writer):
            take = Take(seconds, arguments.countdown, keep_samples=False)
            _record(chunks, take, writer, arguments.label, screen)
    except KeyboardInterrupt:  # the usual end of a recording without --seconds
        interrupted = arguments.seconds is not None
    finally:
        screen.say(_result(writer, source))
    if not writer.samples and not interrupted:
        raise UserError(
            f"{arguments.source} gave nothing to record, expected samples after the countdown of "
            f"{arguments.countdown:g} s: check the sensor, or give --countdown 0"
        )
    return EXIT_INTERRUPTED if interrupted else 0


def _chunks(source: Source) -> Generator[Chunk]:
    """Yield the source's chunks; closing this iterator closes the source's."""
    yield from source


def _record(
    chunks: Iterator[Chunk], take: Take, writer: RecordingWriter, label: str, screen: Screen
) -> None:
    """Write chunks until the recording is long enough or the source ends."""
    while take.starts_in_s > 0:  # the sensor already runs during the countdown
        screen.show(f"recording begins in {math.ceil(take.starts_in_s)} ...")
        chunk = next(chunks, None)
        if chunk is None:
            return
        take.add(chunk)
    target = "" if take.seconds == math.inf else f" of {take.seconds:g}"
    for chunk in chunks:
        if take.add(chunk):
            writer.write(chunk.timestamps_s, chunk.samples)
        if writer.full:
            return
        writer.sync()
        if take.silent_s > SILENT_S:
            screen.show(f"{label}: nothing has come for {take.silent_s:.0f} s")
        else:
            screen.show(
                f"{label}: {writer.duration_s:.1f}{target} s, {writer.samples} samples "
                "(Ctrl-C ends it)"
            )


def _result(writer: RecordingWriter, source: Source) -> str:
    """Return a line about what was recorded and what was left out."""
    if not writer.samples:
        return "nothing was recorded"
    rate_hz = (writer.samples - 1) / writer.duration_s if writer.duration_s > 0 else 0.0
    text = (
        f"{', '.join(map(str, writer.paths))}: {writer.duration_s:.1f} s, "
        f"{writer.samples} samples, {rate_hz:.4g} Hz"
    )
    counts = source.notes.counts + Counter({"late or broken sample": writer.dropped})
    if counts:
        text += "; left out: " + ", ".join(
            f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items()
        )
    return text


class Screen:
    """Print lines on standard error, and on a terminal also one line that is replaced.

    Args:
        live: whether standard error is a terminal; if not, replaced lines are not printed.
    """

    def __init__(self, live: bool) -> None:
        self._live = live
        self._shown_s = -math.inf

    def show(self, text: str) -> None:
        """Replace the line, at most five times a second."""
        now_s = time.monotonic()
        if self._live and now_s - self._shown_s >= SHOW_EVERY_S:
            self._shown_s = now_s
            columns = shutil.get_terminal_size().columns - 1
            print(f"\r{text[:columns]}\x1b[K", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        print(("\r\x1b[K" if self._live else "") + text, file=sys.stderr, flush=True)


def _folder(name: str) -> str:
    """Return a label or subject if it can be the name of a folder.

    Raises:
        UserError: it cannot.
    """
    from edge_runtime.errors import UserError

    if (
        not name.strip()
        or name != name.strip()
        or name.startswith(".")
        or "/" in name
        or not name.isprintable()
    ):
        raise UserError(
            f"{name!r} cannot be the name of a folder, expected a word such as squat: leave out "
            "slashes, leading dots and spaces at the ends"
        )
    return name
