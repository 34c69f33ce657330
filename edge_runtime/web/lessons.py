"""Teach from a page: record, teach and save what the page asks for.

A command from the page is a JSON object:

- ``{"do": "record", "label": NAME}`` counts down, records, and adds examples of a motion,
- ``"redo"`` does the same and replaces the motion's examples,
- ``"background"`` records anything but the motions,
- ``"remove"`` deletes a label,
- ``"cancel"`` ends a recording without teaching.

Commands are queued by the server's thread, and carried out by the thread that receives samples.
Everything is saved after each step.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import DataError, OutputError, StreamError
from edge_runtime.recordings.take import Take
from edge_runtime.stream.chunk import Chunk
from edge_runtime.teaching.examples import check_label

if TYPE_CHECKING:
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.teaching import Teacher

RECORD, REDO, BACKGROUND, REMOVE, CANCEL = "record", "redo", "background", "remove", "cancel"
MAX_COMMANDS = 16  # in the queue


class Lessons:
    """Carry out a page's commands, and describe the state for it.

    Args:
        teacher: learns from the recordings.
        path: of the file to write.
        seconds: length of a recording of a motion.
        background_s: length of a recording of the background.
        countdown_s: seconds before each recording.

    Attributes:
        teacher: learns from the recordings.
        recognizer: recognises what was taught so far; None while that is too little.
        state: everything that the page shows, ready for ``json.dumps``. It is replaced, never
            changed, so other threads may read it.
    """

    def __init__(
        self, teacher: Teacher, path: Path, seconds: float, background_s: float, countdown_s: float
    ) -> None:
        self.teacher = teacher
        self._path = path
        self._seconds = seconds
        self._background_s = background_s
        self._countdown_s = countdown_s
        self._commands: deque[dict[str, Any]] = deque(maxlen=MAX_COMMANDS)
        self._command: dict[str, Any] = {}  # the one that is recorded for
        self._take: Take | None = None  # its recording
        self._message = ""
        self._message_is_error = False
        self._notes: tuple[str, ...] = ()  # sentences about what was taught
        self._accuracy: float | None = None
        self._recognizer_is_new = False
        self.recognizer: Recognizer | None = None
        if teacher.ready:
            self._replace_recognizer()
        self.state = self._describe()

    def queue(self, command: Any) -> None:
        """Queue a command from the page. Thread-safe. Malformed commands are ignored."""
        if (
            isinstance(command, dict)
            and command.get("do") in (RECORD, REDO, BACKGROUND, REMOVE, CANCEL)
            and isinstance(command.get("label", ""), str)
        ):
            self._commands.append(command)

    def process(self, chunk: Chunk) -> bool:
        """Run queued commands and record this chunk; return True if the recogniser was replaced."""
        while self._commands:
            self._obey(self._commands.popleft())
        if self._take is not None:
            self._take.add(chunk)
            if self._take.why_lost:
                self.show_error(f"{self._take.why_lost}; earlier recordings are kept")
                self._take = None
            elif self._take.is_complete:
                self._teach(self._take)
        is_new = self._recognizer_is_new
        self._recognizer_is_new = False
        self.state = self._describe()
        return is_new

    def show_error(self, sentence: str) -> None:
        """Show an error on the page."""
        self._message = sentence
        self._message_is_error = True

    def _show(self, sentence: str) -> None:
        self._message = sentence
        self._message_is_error = False

    def _describe(self) -> dict[str, Any]:
        recording = None
        if self._take is not None:
            recording = {
                "do": self._command["do"],
                "label": self._command.get("label", ""),
                "lasted_s": round(self._take.lasted_s, 1),
                "wanted_s": self._take.seconds,
                "starts_in_s": round(self._take.starts_in_s, 1),
            }
        return {
            "type": "lessons",
            "windows": self.teacher.windows,
            "background_s": self.teacher.background_s,
            "recording": recording,
            "said": self._message,
            "notes": self._notes,
            "bad": self._message_is_error,
            "accuracy": self._accuracy,
            "missing": self.teacher.why_not_ready,
            "file": self._path.name,
            "seconds": self._seconds,
            "background_wanted_s": self._background_s,
        }

    def _obey(self, command: dict[str, Any]) -> None:
        action = command["do"]
        label = command.get("label", "")
        try:
            if action == CANCEL:
                self._take = None
                self._show("this recording was discarded")
            elif action == REMOVE:
                self.teacher.remove(label)
                self._keep(f"{label} is deleted", ())
            elif self._take is None:
                if action == REDO:
                    self.teacher.check_taught(label)
                if action != BACKGROUND:
                    check_label(label)
                self._command = command
                seconds = self._background_s if action == BACKGROUND else self._seconds
                self._take = Take(seconds, self._countdown_s)
                self._message = ""
        except (DataError, OutputError) as error:
            self.show_error(str(error))

    def _teach(self, take: Take) -> None:
        """Teach what was recorded, and save."""
        action = self._command["do"]
        label = self._command.get("label", "")
        times_s, samples = take.samples()
        try:
            if action == BACKGROUND:
                lesson = self.teacher.set_background(times_s, samples)
            elif action == REDO:
                lesson = self.teacher.redo(label, times_s, samples)
            else:
                lesson = self.teacher.add(label, times_s, samples)
            plural = "" if lesson.windows == 1 else "s"
            self._keep(
                f"{label or 'background'}: {lesson.windows} new example{plural}", lesson.warnings
            )
        except (DataError, StreamError, OutputError) as error:
            self._take = None
            self.show_error(f"{error}; earlier recordings are kept")

    def _keep(self, message: str, notes: tuple[str, ...]) -> None:
        """Save, and recognise with what is known now.

        What was recorded fills the new recogniser's window: the next decision need not wait.
        """
        # The newest chunk is on its way to the recogniser.
        recorded = [] if self._take is None else self._take.chunks[:-1]
        self._take = None
        self._show(message)
        self._notes = notes
        if self.teacher.labels or self.teacher.background_s:
            self.teacher.save(self._path)
        self._replace_recognizer()
        if self.recognizer is not None:
            for chunk in recorded:
                self.recognizer.push(chunk.timestamps_s, chunk.samples)

    def _replace_recognizer(self) -> None:
        self._accuracy = None
        self._recognizer_is_new = True
        self.recognizer = self.teacher.recognizer() if self.teacher.ready else None
        if self.recognizer is not None:
            review = self.teacher.review()
            self._accuracy = review.accuracy
            self._notes += review.warnings
