"""Teaching by clicks: the page asks, the thread that receives samples records, teaches and saves.

A page's command is a JSON object. ``{"do": "record", "label": NAME}`` counts down, records, and
adds examples of a motion; ``"redo"`` does so in place of its examples; ``"background"`` records
what is none of the motions; ``"remove"`` forgets a label; ``"cancel"`` ends a recording without
teaching. Everything is saved after each step.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.errors import DataError, OutputError, StreamError
from edge_runtime.stream.chunk import Chunk
from edge_runtime.teaching.examples import check_label

if TYPE_CHECKING:
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.teaching import Teacher

RECORD, REDO, BACKGROUND, REMOVE, CANCEL = "record", "redo", "background", "remove", "cancel"
LOST_S = 10.0  # without samples: the sensor is lost
MOST_COMMANDS = 16  # that wait


class Lessons:
    """What was asked for, what is being recorded, and what was learnt.

    Args:
        teacher: learns.
        path: of the file to write.
        seconds: length of a recording of a motion.
        background_s: length of a recording of the background.
        countdown_s: before each.

    Attributes:
        recognizer: of what was taught so far; None while that is too little.
        state: everything that the page shows, as what ``json.dumps`` takes; another object whenever
            it changes, so that other threads may read it.
    """

    def __init__(
        self, teacher: Teacher, path: Path, seconds: float, background_s: float, countdown_s: float
    ) -> None:
        self._teacher, self._path = teacher, path
        self._seconds, self._background_s, self._countdown_s = seconds, background_s, countdown_s
        self._asked: deque[dict[str, Any]] = deque(maxlen=MOST_COMMANDS)
        self._doing: dict[str, Any] | None = None  # the command that is being recorded for
        self._chunks: list[Chunk] = []
        self._begins_s = self._heard_s = 0.0
        self._said, self._bad = "", False
        self._notes: tuple[str, ...] = ()  # sentences about what was taught
        self._accuracy: float | None = None
        self._is_new = False
        self.recognizer: Recognizer | None = None
        if teacher.ready:
            self._renew()
        self.state = self._describe()

    @property
    def teacher(self) -> Teacher:
        """As given."""
        return self._teacher

    def ask(self, command: Any) -> None:
        """Take a page's command, from whichever thread; what is none is passed over."""
        if (
            isinstance(command, dict)
            and command.get("do") in (RECORD, REDO, BACKGROUND, REMOVE, CANCEL)
            and isinstance(command.get("label", ""), str)
        ):
            self._asked.append(command)

    def hear(self, chunk: Chunk) -> bool:
        """Take samples, or none, and do what was asked for; whether there is another recogniser now."""
        new = self._hear(chunk)
        self.state = self._describe()
        return new

    def _hear(self, chunk: Chunk) -> bool:
        while self._asked:
            self._begin(self._asked.popleft())
        if self._doing is None:
            return self._changed()
        now_s = time.monotonic()
        if len(chunk.timestamps_s):
            self._heard_s = now_s
            if now_s >= self._begins_s:
                self._chunks.append(Chunk(chunk.timestamps_s.copy(), chunk.samples.copy()))
        if now_s - self._heard_s > LOST_S:
            self._end(
                f"nothing has come for {LOST_S:g} s: check the sensor; what was taught before is kept",
                bad=True,
            )
        elif self._lasted_s >= self._wanted_s:
            self._learn()
        return self._changed()

    def _describe(self) -> dict[str, Any]:
        doing = self._doing
        recording = (
            None
            if doing is None
            else {
                "do": doing["do"],
                "label": doing.get("label", ""),
                "lasted_s": round(self._lasted_s, 1),
                "wanted_s": self._wanted_s,
                "starts_in_s": max(0, round(self._begins_s - time.monotonic(), 1)),
            }
        )
        return {
            "type": "lessons",
            "windows": self._teacher.windows,
            "background_s": self._teacher.background_s,
            "recording": recording,
            "said": self._said,
            "notes": self._notes,
            "bad": self._bad,
            "accuracy": self._accuracy,
            "missing": self._teacher.why_not_ready,
            "file": self._path.name,
            "seconds": self._seconds,
            "background_wanted_s": self._background_s,
        }

    def trouble(self, sentence: str) -> None:
        """Tell the page what is wrong with the stream."""
        self._said, self._bad = sentence, True

    @property
    def _wanted_s(self) -> float:
        return (
            self._background_s if self._doing and self._doing["do"] == BACKGROUND else self._seconds
        )

    @property
    def _lasted_s(self) -> float:
        """On the sensor's clock."""
        chunks = self._chunks
        return float(chunks[-1].timestamps_s[-1] - chunks[0].timestamps_s[0]) if chunks else 0.0

    def _begin(self, command: dict[str, Any]) -> None:
        do, label = command["do"], command.get("label", "")
        try:
            if do == CANCEL:
                self._end("nothing was taught of this recording", bad=False)
            elif do == REMOVE:
                self._teacher.remove(label)
                self._keep(f"{label} is forgotten")
            elif self._doing is None:
                if do == REDO:
                    self._teacher.check_taught(label)
                if do != BACKGROUND:
                    check_label(label)
                self._doing, self._chunks, self._said = command, [], ""
                self._begins_s = time.monotonic() + self._countdown_s
                self._heard_s = self._begins_s
        except (DataError, OutputError) as error:
            self.trouble(str(error))

    def _learn(self) -> None:
        assert self._doing is not None
        do, label = self._doing["do"], self._doing.get("label", "")
        times_s = np.concatenate([chunk.timestamps_s for chunk in self._chunks])
        samples = np.concatenate([chunk.samples for chunk in self._chunks])
        try:
            if do == BACKGROUND:
                lesson = self._teacher.set_background(times_s, samples)
            else:
                lesson = (self._teacher.redo if do == REDO else self._teacher.add)(
                    label, times_s, samples
                )
            new = f"{label or 'background'}: {lesson.windows} new example{'s' * (lesson.windows != 1)}"
            self._keep(new, lesson.warnings)
        except (DataError, StreamError, OutputError) as error:
            self._end(f"{error}; what was taught before is kept", bad=True)

    def _keep(self, said: str, notes: tuple[str, ...] = ()) -> None:
        """Save, and recognise with what is known now, from the next decision on: what was recorded fills its window."""
        recorded = self._chunks[:-1]  # the newest is on its way to the recogniser
        self._end(said, bad=False)
        self._notes = notes
        if self._teacher.labels or self._teacher.background_s:
            self._teacher.save(self._path)
        self._renew()
        if self.recognizer is not None:
            for chunk in recorded:
                self.recognizer.push(chunk.timestamps_s, chunk.samples)

    def _end(self, said: str, bad: bool) -> None:
        self._doing, self._chunks = None, []
        self._said, self._bad = said, bad

    def _renew(self) -> None:
        self._accuracy = None
        self.recognizer = self._teacher.recognizer() if self._teacher.ready else None
        self._is_new = True
        if self.recognizer is not None:
            found = self._teacher.review()
            self._accuracy = found.accuracy
            self._notes += found.warnings

    def _changed(self) -> bool:
        new, self._is_new = self._is_new, False
        return new
