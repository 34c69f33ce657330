"""``img2imu teach``: teach motions on this device, from a live sensor or from recordings."""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import number, positive
from edge_runtime.commands.record import Screen
from edge_runtime.web import options as web

if TYPE_CHECKING:
    from edge_runtime.teaching import Lesson, Teacher

RATE_HZ = 50.0
WINDOW_S = 2.0
WINDOWS_OF_A_RECORDING = 3
BACKGROUND_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="model file to write (.tflite); a file that was taught before is extended",
    )
    parser.add_argument(
        "--source", metavar="URI", help="teach from a live sensor, as for img2imu run"
    )
    parser.add_argument(
        "--from",
        dest="recordings",
        metavar="DIR",
        type=Path,
        help="teach from recordings: DIR/LABEL/*.csv, as img2imu record writes them",
    )
    parser.add_argument(
        "--background",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="recording, or directory of recordings, of anything but the motions: sets the "
        "threshold below which the answer is unknown; can be repeated",
    )
    parser.add_argument(
        "--delete",
        metavar="NAME",
        action="append",
        default=[],
        help="delete a label; can be repeated",
    )
    parser.add_argument("--name", help="name of the model (default: taught motions)")
    parser.add_argument(
        "--curve",
        metavar="FILE",
        type=Path,
        help="draw false triggers against misses (.png; needs matplotlib; the same figures are "
        "always printed)",
    )
    group = parser.add_argument_group("stream", "of a new file: 1, 3 or 6 axes at 10 to 400 Hz")
    group.add_argument(
        "--embedder",
        metavar="FILE",
        type=Path,
        help="use this model file's network, stream and window (default: the bundled network)",
    )
    group.add_argument(
        "--channels",
        help="acc, gyro, acc+gyro, or names with commas such as acc_x,acc_y,acc_z (default: "
        "acc+gyro)",
    )
    group.add_argument(
        "--rate-hz", type=positive, metavar="HZ", help=f"sample rate (default: {RATE_HZ:g})"
    )
    group.add_argument(
        "--window-s",
        type=positive,
        metavar="S",
        help=f"length of a window, enough for one whole motion (default: {WINDOW_S:g})",
    )
    group = parser.add_argument_group("live", "with --source")
    group.add_argument(
        "--seconds",
        type=positive,
        metavar="S",
        help=f"length of each recording of a motion (default: {WINDOWS_OF_A_RECORDING} windows)",
    )
    group.add_argument(
        "--background-s",
        type=positive,
        default=BACKGROUND_S,
        metavar="S",
        help="length of a recording of the background (default: %(default)g)",
    )
    group.add_argument(
        "--countdown",
        type=number,
        default=3.0,
        metavar="N",
        help="seconds before each recording (default: 3)",
    )
    web.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    from edge_runtime.errors import UserError
    from edge_runtime.files import check_writable

    output: Path = arguments.output
    if not (arguments.source or arguments.recordings or arguments.background or arguments.delete):
        raise UserError(
            "there is nothing to teach from, expected --source URI for a live sensor or --from DIR "
            "for recordings: give one of them"
        )
    if web.address_from(arguments) is not None and not arguments.source:
        raise UserError(
            "--web was given without --source, expected a live sensor to teach with: add --source "
            "URI"
        )
    check_writable(output)
    teacher = _open(arguments)
    for label in arguments.delete:
        teacher.remove(label)
        _say(f"{label}: deleted")
    if arguments.recordings:
        _teach_recordings(teacher, arguments.recordings, output, arguments.background)
    if arguments.background:
        _teach_background(teacher, arguments.background)
    if arguments.delete or arguments.background:
        teacher.save(output)
    if arguments.source:
        _teach_live(teacher, arguments)
    if not teacher.labels and not teacher.background_s:
        _say("nothing was taught, and nothing was written")
        return 0
    _report(teacher, output, arguments)
    return 0


def _open(arguments: argparse.Namespace) -> Teacher:
    """Extend the output file, or begin a new one."""
    from edge_runtime.errors import UserError
    from edge_runtime.teaching import Teacher

    channels = arguments.channels
    if channels is not None and "," in channels:
        channels = channels.split(",")
    stream_options = {
        "--embedder": arguments.embedder,
        "--channels": channels,
        "--rate-hz": arguments.rate_hz,
        "--window-s": arguments.window_s,
    }
    used = [option for option, value in stream_options.items() if value is not None]
    if arguments.output.exists():
        if used:
            raise UserError(
                f"{arguments.output} exists and has its own stream, but {used[0]} was given: leave "
                "that out, or write another file"
            )
        teacher = Teacher.load(arguments.output)
        labels = ", ".join(f"{label} ({n})" for label, n in teacher.windows.items())
        _say(f"extending {arguments.output}: {labels or 'no labels'}")
    elif arguments.embedder is not None:
        if len(used) > 1:
            raise UserError(
                f"{used[1]} was given together with --embedder, whose file has its own stream: "
                "leave one of them out"
            )
        teacher = Teacher.on(arguments.embedder)
    else:
        teacher = Teacher.begin(
            channels or "acc+gyro", arguments.rate_hz or RATE_HZ, arguments.window_s or WINDOW_S
        )
    if arguments.name is not None:
        teacher.rename(arguments.name)
    stream = teacher.stream
    _say(
        f"windows of {teacher.window_s:g} s, {', '.join(stream.channels)} at {stream.rate_hz:g} Hz"
    )
    return teacher


def _teach_recordings(
    teacher: Teacher, directory: Path, output: Path, background: list[Path]
) -> None:
    """Teach every file in a folder named after its label.

    The output is saved after each label, so that a bad file costs none of the labels before it.
    """
    from edge_runtime.errors import DataError, UserError
    from edge_runtime.teaching.examples import labelled_files, read_for

    for label, files in itertools.groupby(
        labelled_files(directory, background), key=lambda labelled: labelled[0]
    ):
        for _, path in files:
            times_s, samples = read_for(teacher.stream, path)
            try:
                lesson = teacher.add(label, times_s, samples)
            except UserError as error:
                raise DataError(f"in {path}, {error}") from error
            _say(f"{label}: {lesson.windows} example{'s' * (lesson.windows != 1)} from {path}")
            _say_notes(lesson)
        teacher.save(output)


def _teach_background(teacher: Teacher, paths: list[Path]) -> None:
    from edge_runtime.teaching.examples import read_joined, recordings_in

    files = [file for path in paths for file in recordings_in(path)]
    lesson = teacher.set_background(*read_joined(teacher.stream, files))
    _say(
        f"background: {teacher.background_s:.0f} s, {lesson.windows} windows from "
        f"{', '.join(map(str, files))}"
    )
    _say_notes(lesson)


def _say_notes(lesson: Lesson) -> None:
    for warning in lesson.warnings:
        _say(f"note: {warning}")


def _teach_live(teacher: Teacher, arguments: argparse.Namespace) -> None:
    from edge_runtime.sources import open_source
    from edge_runtime.teaching.session import Session, Terminal

    screen = Screen(sys.stderr.isatty())
    address = web.address_from(arguments)
    source = open_source(arguments.source, teacher.stream.channels, teacher.stream.rate_hz)
    source.notes.say = screen.say
    seconds = arguments.seconds or WINDOWS_OF_A_RECORDING * teacher.window_s
    try:
        if address is not None:
            from edge_runtime.web.dashboard import teach_on_page
            from edge_runtime.web.lessons import Lessons

            lessons = Lessons(
                teacher, arguments.output, seconds, arguments.background_s, arguments.countdown
            )
            web.announce(address, screen.say)
            teach_on_page(lessons, source, web.uri_without_secrets(arguments.source), address)
            return
        Session(
            teacher,
            source,
            arguments.output,
            Terminal(screen.say, screen.show, _ask),
            seconds,
            arguments.background_s,
            arguments.countdown,
        ).run()
    finally:  # also after Ctrl-C and a failed source: earlier steps are saved
        if arguments.output.exists():
            screen.say(
                f"{arguments.output} holds {', '.join(map(repr, teacher.labels)) or 'no label'}"
            )


def _ask(question: str) -> str | None:
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None


def _report(teacher: Teacher, output: Path, arguments: argparse.Namespace) -> None:
    from edge_runtime.teaching.review import draw_rejection, show_review

    if not teacher.ready:
        _say(f"wrote {output}; it recognises nothing yet: {teacher.why_not_ready}")
        return
    review = teacher.review()
    for line in show_review(review):
        print(line)
    if arguments.curve and review.rejection is not None:
        draw_rejection(review.rejection, arguments.curve)
        _say(f"wrote {arguments.curve}")
    _say(f"wrote {output}; try it: img2imu run {output} --source {arguments.source or 'URI'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
