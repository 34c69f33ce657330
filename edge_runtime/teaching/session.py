"""Teach in the terminal: one motion after the other, from a live source."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.errors import DataError, StreamError
from edge_runtime.live_loop import LiveLoop
from edge_runtime.recordings.take import Take
from edge_runtime.sources.source import Source
from edge_runtime.teaching.examples import Lesson, check_label
from edge_runtime.teaching.review import show_review
from edge_runtime.teaching.teacher import Teacher

HELP = """  NAME         teach this motion, or add examples to it (add NAME, if it is a word below)
  redo NAME    forget its examples and record it again
  delete NAME  forget it
  background   record anything but the motions, so that unknown can be recognised
  review       show how well it was taught
  try          recognise live for some seconds
  an empty line ends; everything is saved after each step"""
TRY_S = 10.0


@dataclass(frozen=True)
class Terminal:
    """How to talk to the user.

    Attributes:
        say: callback that prints one line.
        show: callback that replaces the current line.
        ask: callback that asks a question; returns the answer, or None at the end of the input.
    """

    say: Callable[[str], None]
    show: Callable[[str], None]
    ask: Callable[[str], str | None]


class SensorLostError(Exception):
    """The source ended or fell silent during a recording, which is discarded."""


class Session:
    """Ask for motions until there are no more. Save after each step.

    Args:
        teacher: learns from the recordings.
        source: the live sensor.
        path: of the file to write.
        terminal: how to talk to the user.
        seconds: length of a recording of a motion.
        background_s: length of a recording of the background.
        countdown_s: seconds before each recording.
    """

    def __init__(
        self,
        teacher: Teacher,
        source: Source,
        path: Path,
        terminal: Terminal,
        seconds: float,
        background_s: float,
        countdown_s: float,
    ) -> None:
        self._teacher = teacher
        self._stream = iter(source)
        self._path = path
        self._terminal = terminal
        self._seconds = seconds
        self._background_s = background_s
        self._countdown_s = countdown_s

    def run(self) -> None:
        """Ask and obey until the answer is empty or the input ends.

        Raises:
            SourceError: the source failed; earlier steps are saved.
            OutputError: the file cannot be written.
        """
        self._terminal.say(HELP)
        while True:
            answer = (self._terminal.ask("motion> ") or "").strip()
            if not answer:
                return
            try:
                self._obey(answer)
            except (DataError, StreamError) as error:
                self._terminal.say(str(error))
            except SensorLostError as error:
                self._terminal.say(f"{error}; this recording was discarded, earlier ones are kept")

    def _obey(self, answer: str) -> None:
        word, _, rest = answer.partition(" ")
        name = rest.strip()
        if word == "review" and not name:
            for line in show_review(self._teacher.review()):
                self._terminal.say(line)
            return
        if word == "try" and not name:
            self._try()
            return
        if word == "delete" and name:
            self._teacher.remove(name)
            self._terminal.say(f"{name}: deleted")
        elif word == "background" and not name:
            self._record_background()
        elif word == "redo" and name:
            self._teacher.check_taught(name)
            self._teach(name, self._teacher.redo)
        else:
            label = name if word == "add" and name else answer
            self._teach(label, self._teacher.add)
        self._save()

    def _teach(
        self, label: str, learn: Callable[[str, Float64Array, Float32Array], Lesson]
    ) -> None:
        check_label(label)
        times_s, samples = self._record(
            f"perform {label!r} repeatedly for {self._seconds:g} s", self._seconds
        )
        lesson = learn(label, times_s, samples)
        total = self._teacher.windows[label]
        self._terminal.say(
            f"{label}: {lesson.windows} new example{'s' * (lesson.windows != 1)}, {total} in total"
        )
        self._say_notes(lesson.warnings)

    def _record_background(self) -> None:
        times_s, samples = self._record(
            f"do anything but the motions for {self._background_s:g} s: rest, walk, handle things",
            self._background_s,
        )
        lesson = self._teacher.set_background(times_s, samples)
        self._terminal.say(
            f"background: {self._teacher.background_s:.0f} s, {lesson.windows} windows"
        )
        self._say_notes(lesson.warnings)

    def _save(self) -> None:
        if self._teacher.labels or self._teacher.background_s:
            self._teacher.save(self._path)
        if not self._teacher.ready:
            self._terminal.say(f"next: {self._teacher.why_not_ready}")
            return
        review = self._teacher.review()
        if review.accuracy is not None:
            self._terminal.say(
                f"{review.accuracy:.0%} of the examples are recognised by a model that was not "
                "trained on them"
            )
        self._say_notes(review.warnings)

    def _say_notes(self, notes: tuple[str, ...]) -> None:
        for note in notes:
            self._terminal.say(f"note: {note}")

    def _try(self) -> None:
        recognizer = self._teacher.recognizer()
        self._count_down(f"move; recognised live for {TRY_S:g} s", Take(TRY_S, self._countdown_s))
        ends_s = time.monotonic() + TRY_S
        loop = LiveLoop(
            self._stream,
            recognizer,
            self._teacher.stream.max_gap_s,
            should_stop=lambda: time.monotonic() > ends_s,
        )
        shown = ""
        for decisions in loop:
            for decision in decisions:
                text = decision.label or decision.state
                if text != shown:
                    self._terminal.say(f"  {text} ({decision.probability:.2f})")
                shown = text

    def _record(self, instruction: str, seconds: float) -> tuple[Float64Array, Float32Array]:
        """Record for ``seconds`` on the sensor's clock.

        Raises:
            SensorLostError: the source ended or fell silent before that.
        """
        take = Take(seconds, self._countdown_s)
        self._count_down(instruction, take)
        for chunk in self._stream:
            take.add(chunk)
            if take.why_lost:
                raise SensorLostError(take.why_lost)
            self._terminal.show(f"recording: {take.lasted_s:.1f} of {seconds:g} s")
            if take.is_complete:
                self._terminal.say("stop")
                return take.samples()
        raise SensorLostError(f"the source ended after {take.lasted_s:.1f} of {seconds:g} s")

    def _count_down(self, instruction: str, take: Take) -> None:
        """Say the instruction and count; samples that arrive meanwhile are discarded.

        Raises:
            SensorLostError: the source has ended.
        """
        self._terminal.say(instruction)
        shown_s = math.inf
        while (left_s := take.starts_in_s) > 0:
            if math.ceil(left_s) < shown_s:
                shown_s = math.ceil(left_s)
                self._terminal.say(f"{shown_s} ...")
            chunk = next(self._stream, None)
            if chunk is None:
                raise SensorLostError("the source has ended")
            take.add(chunk)
        self._terminal.say("go")
