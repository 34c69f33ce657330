"""Teaching in the terminal: one motion after the other, from a live source."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError, StreamError
from edge_runtime.sources.source import Source
from edge_runtime.stream.chunk import Chunk
from edge_runtime.teaching.examples import check_label
from edge_runtime.teaching.review import show_review
from edge_runtime.teaching.teacher import Teacher

HELP = """  NAME         teach this motion, or add examples to it (add NAME, if it is called like a word below)
  redo NAME    forget its examples and record it again
  delete NAME  forget it
  background   record what is none of the motions, so that unknown can be said
  review       how well it was taught
  try          recognise live for some seconds
  an empty line ends; everything is saved after each step"""
LOST_S = 10.0  # without samples: the sensor is lost
TRY_S = 10.0


@dataclass(frozen=True)
class Terminal:
    """How to speak with the person.

    Attributes:
        say: a line that stays.
        show: a line that is written over.
        ask: a question; the answer, or None at the end of the input.
    """

    say: Callable[[str], None]
    show: Callable[[str], None]
    ask: Callable[[str], str | None]


class SensorLostError(Exception):
    """The source has ended, or nothing has come for too long; what was recorded of this motion is left out."""


class Session:
    """Asks for motions until there are no more; saves after each step.

    Args:
        teacher: learns.
        source: live.
        path: of the file to write.
        terminal: to ask and to tell.
        seconds: length of a recording of a motion.
        background_s: length of a recording of the background.
        countdown_s: before each.
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
        self._teacher, self._stream, self._path, self._terminal = (
            teacher,
            iter(source),
            path,
            terminal,
        )
        self._seconds, self._background_s, self._countdown_s = seconds, background_s, countdown_s

    def run(self) -> None:
        """Until an empty answer, or the end of the source.

        Raises:
            SourceError: the source failed; what was taught before is saved.
            OutputError: the file cannot be written.
        """
        self._terminal.say(HELP)
        while True:
            answer = self._terminal.ask("motion> ")
            if not (answer or "").strip():
                return
            try:
                self._obey(str(answer).strip())
            except (DataError, StreamError) as error:
                self._terminal.say(f"{error}")
            except SensorLostError as error:
                self._terminal.say(
                    f"{error}; nothing of this recording was taught, what was taught before is kept"
                )

    def _obey(self, answer: str) -> None:
        word, _, rest = answer.partition(" ")
        name = rest.strip()
        if word == "delete" and name:
            self._teacher.remove(name)
            self._terminal.say(f"{name}: forgotten")
        elif word == "background" and not name:
            self._record_background()
        elif word == "review" and not name:
            self._review()
            return
        elif word == "try" and not name:
            self._try()
            return
        else:
            self._teach(
                name if word in ("add", "redo") and name else answer,
                again=word == "redo" and bool(name),
            )
        self._save()

    def _teach(self, label: str, again: bool) -> None:
        check_label(label)
        if again:
            self._teacher.check_taught(label)
        times_s, samples = self._take(
            f"perform {label!r}, over and over for {self._seconds:g} s", self._seconds
        )
        lesson = (
            self._teacher.redo(label, times_s, samples)
            if again
            else self._teacher.add(label, times_s, samples)
        )
        count = self._teacher.windows[label]
        self._terminal.say(
            f"{label}: {lesson.windows} new example{'s' * (lesson.windows != 1)}, {count} in all"
        )
        for warning in lesson.warnings:
            self._terminal.say(f"note: {warning}")

    def _record_background(self) -> None:
        lesson = self._teacher.set_background(
            *self._take(
                f"do anything but the motions for {self._background_s:g} s: rest, walk, handle things",
                self._background_s,
            )
        )
        self._terminal.say(
            f"background: {self._teacher.background_s:.0f} s, {lesson.windows} windows"
        )
        for warning in lesson.warnings:
            self._terminal.say(f"note: {warning}")

    def _save(self) -> None:
        if self._teacher.labels or self._teacher.background_s:
            self._teacher.save(self._path)
        if not self._teacher.ready:
            self._terminal.say(f"next: {self._teacher.why_not_ready}")
            return
        found = self._teacher.review()
        if found.accuracy is not None:
            self._terminal.say(
                f"{found.accuracy:.0%} of the examples are recognised by a head that did not see them"
            )
        for warning in found.warnings:
            self._terminal.say(f"note: {warning}")

    def _review(self) -> None:
        for line in show_review(self._teacher.review()):
            self._terminal.say(line)

    def _try(self) -> None:
        recognizer, shown = self._teacher.recognizer(), ""
        ends_s = time.monotonic() + self._countdown_s + TRY_S
        for chunk in self._after_countdown(f"move; recognised live for {TRY_S:g} s"):
            for decision in recognizer.push(chunk.timestamps_s, chunk.samples):
                text = decision.label or decision.state
                if text != shown:
                    self._terminal.say(f"  {text} ({decision.probability:.2f})")
                shown = text
            if time.monotonic() > ends_s:
                return

    def _take(self, what: str, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Record for so long, on the sensor's clock.

        Raises:
            SensorLostError: before that.
        """
        chunks: list[Chunk] = []
        stream = self._after_countdown(what)
        heard_s, lasted_s = time.monotonic(), 0.0
        for chunk in stream:
            if len(chunk.timestamps_s):
                heard_s = time.monotonic()
                chunks.append(Chunk(chunk.timestamps_s.copy(), chunk.samples.copy()))
                lasted_s = float(chunk.timestamps_s[-1] - chunks[0].timestamps_s[0])
            if time.monotonic() - heard_s > LOST_S:
                raise SensorLostError(f"nothing has come for {LOST_S:g} s: check the sensor")
            self._terminal.show(f"recording: {lasted_s:.1f} of {seconds:g} s")
            if lasted_s >= seconds:
                self._terminal.say("stop")
                return (
                    np.concatenate([chunk.timestamps_s for chunk in chunks]),
                    np.concatenate([chunk.samples for chunk in chunks]),
                )
        raise SensorLostError(f"the source ended after {lasted_s:.1f} of {seconds:g} s")

    def _after_countdown(self, what: str) -> Iterator[Chunk]:
        """The source's chunks from "go" on; what came while the person was typing, and while it was counted, is passed.

        Raises:
            SensorLostError: the source has ended.
        """
        self._terminal.say(what)
        begin_s, said = time.monotonic() + self._countdown_s, math.ceil(self._countdown_s) + 1
        while (left_s := begin_s - time.monotonic()) > 0:
            if math.ceil(left_s) < said:
                said = math.ceil(left_s)
                self._terminal.say(f"{said} ...")
            if next(self._stream, None) is None:
                raise SensorLostError("the source has ended")
        self._terminal.say("go")
        return self._stream
