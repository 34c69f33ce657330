"""``Teacher``: motions learnt on the device itself, in a second, from a few examples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import MAX_ARRAY_BYTES, ModelFile, pack_model, read_model
from edge_runtime.contract.spec import Contract, StreamSpec
from edge_runtime.errors import ContractError, DataError
from edge_runtime.files import atomic_write
from edge_runtime.frontend.design import gravity_of
from edge_runtime.network.interpreter import Model
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream import checks
from edge_runtime.teaching.cutting import cut_background, cut_motion
from edge_runtime.teaching.embedder import Embedder
from edge_runtime.teaching.examples import (
    Examples,
    Lesson,
    check_label,
    clipped_warnings,
    in_order,
    warnings_of,
)
from edge_runtime.teaching.fitting import Fitted, as_model_file, fit
from edge_runtime.teaching.rejection import LEAST_BACKGROUND
from edge_runtime.teaching.review import Review

MOST_BACKGROUND = 200  # windows that are kept; they lie evenly over the recording


class Teacher:
    """Learns labels from recordings, and makes a model file of them.

    What comes out does not depend on the order of teaching, and a label that is removed and taught
    again leaves no trace. Make one with :meth:`begin`, :meth:`on` or :meth:`load`.

    Args:
        embedder: the network that looks at windows.
        name: of the model, for people.
    """

    def __init__(self, embedder: Embedder, name: str = "taught motions") -> None:
        self._embedder = embedder
        self._draft = replace(embedder.draft, name=name)
        self._examples: dict[str, Examples] = {}
        self._background: Examples | None = None
        self._fitted: Fitted | None = None

    @classmethod
    def begin(
        cls,
        channels: Sequence[str] | str = "acc+gyro",
        rate_hz: float = 50.0,
        window_s: float = 2.0,
        name: str = "taught motions",
        threads: int = 1,
    ) -> Teacher:
        """With the bundled network, which takes any stream.

        Args:
            channels: 1, 3 or 6 names, or ``acc``, ``gyro``, ``acc+gyro``.
            rate_hz: 10 to 400.
            window_s: long enough for one whole motion.
            name: of the model.
            threads: CPU threads of the network.

        Raises:
            DataError: such a stream or window cannot be.
        """
        return cls(Embedder.bundled(channels, rate_hz, window_s, threads), name)

    @classmethod
    def on(
        cls, path: str | os.PathLike[str], name: str = "taught motions", threads: int = 1
    ) -> Teacher:
        """With the network, the stream and the window of a model file; none of its labels.

        Raises:
            ContractError: the file cannot be read_model, or its network is of another kind.
        """
        return cls(Embedder.of_file(path, threads), name)

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int = 1) -> Teacher:
        """Go on with a taught file.

        Raises:
            ContractError: the file cannot be read.
            DataError: it was exported, not taught.
        """
        file = read_model(path)
        spec, taught = file.contract.taught, file.taught
        if spec is None or taught is None:
            raise DataError(
                f"{os.fspath(path)} was exported, not taught, so it holds no examples to go on with: teach "
                "another file, with this one's network if you like (--embedder)"
            )
        if len(file.golden.windows) != len(spec.windows) + (spec.background_windows > 0):
            raise ContractError(
                f"{os.fspath(path)} holds {len(file.golden.windows)} golden windows, expected one of "
                f"each of {len(spec.windows)} labels and one of the background: copy the file again"
            )
        teacher = cls(Embedder(file.tflite, file.contract, threads), file.contract.name)
        teacher._draft = replace(teacher._draft, stream=file.contract.stream)
        begin = 0
        for label, n, window in zip(
            file.contract.labels, spec.windows, file.golden.windows, strict=False
        ):
            teacher._examples[label] = Examples(taught.embeddings[begin : begin + n], window)
            begin += n
        if spec.background_windows:
            teacher._background = Examples(
                taught.background, file.golden.windows[-1], spec.background_s
            )
        return teacher

    @property
    def stream(self) -> StreamSpec:
        """What a source must give; whether with gravity, the first recording says."""
        return self._draft.stream

    @property
    def window_s(self) -> float:
        """Length of a window, seconds."""
        return self._draft.window_s

    @property
    def labels(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted(self._examples))

    @property
    def windows(self) -> dict[str, int]:
        """Examples of each label."""
        return {label: len(self._examples[label].embeddings) for label in self.labels}

    @property
    def background_s(self) -> float:
        """Length of the background recording, seconds; 0 when there is none."""
        return 0.0 if self._background is None else self._background.seconds

    @property
    def why_not_ready(self) -> str:
        """Why nothing can be recognised yet; empty when it can."""
        if len(self._examples) >= 2 or (self._examples and self._background is not None):
            return ""
        if not self._examples:
            return "nothing was taught yet: teach two motions, or one and a background"
        return f"only {self.labels[0]!r} was taught: teach another motion, or record a background"

    @property
    def ready(self) -> bool:
        """Whether there is something to tell apart: two labels, or one and a background."""
        return not self.why_not_ready

    def rename(self, name: str) -> None:
        """Call the model otherwise.

        Raises:
            DataError: not one line of text.
        """
        check_label(name)
        self._draft, self._fitted = replace(self._draft, name=name), None

    def add(self, label: str, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> Lesson:
        """Learn a label from a recording, beside what it was taught already; windows it knows are passed over.

        Args:
            label: a name of one line.
            timestamps_s: (n,) seconds on the sensor's clock.
            samples: (n, channels) in SI units, columns as in ``stream.channels``.

        Raises:
            DataError: a name that cannot be, a recording too short, or too many examples; nothing
            was changed. StreamError: NaN, a wrong rate, or units; nothing was changed.
        """
        return self._learn(label, self._examples.get(label), timestamps_s, samples)

    def redo(self, label: str, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> Lesson:
        """Learn a label anew, in place of all that it was taught; arguments and errors are those of :meth:`add`."""
        self.check_taught(label)
        return self._learn(label, None, timestamps_s, samples)

    def _learn(
        self,
        label: str,
        known: Examples | None,
        timestamps_s: npt.ArrayLike,
        samples: npt.ArrayLike,
    ) -> Lesson:
        check_label(label)
        cut = cut_motion(timestamps_s, samples, self._draft)
        draft = self._checked(cut.windows)
        embeddings = self._embedder.embed(cut.windows)
        old = np.empty((0, embeddings.shape[1]), np.float32) if known is None else known.embeddings
        together = in_order(np.concatenate([old, embeddings]))
        if (len(together) + sum(n for name, n in self.windows.items() if name != label)) * together[
            0
        ].nbytes > MAX_ARRAY_BYTES:
            raise DataError(
                f"{label!r} would be taught {len(together)} examples, more than a file can hold beside the "
                "others: a few of each motion are enough; delete some, or img2imu train from recordings"
            )
        window = min(
            [*cut.windows, *([] if known is None else [known.window])],
            key=lambda each: each.tobytes(),
        )
        self._draft, self._fitted = draft, None
        self._examples[label] = Examples(together, window)
        warnings = warnings_of(label, cut, self.stream)
        new = len(together) - len(old)
        if new < len(embeddings):
            warnings.append(
                f"{len(embeddings) - new} of {len(embeddings)} windows were taught {label!r} before and "
                "are not counted twice"
            )
        return Lesson(new, tuple(warnings))

    def remove(self, label: str) -> None:
        """Forget a label.

        Raises:
            DataError: there is none of that name.
        """
        self.check_taught(label)
        del self._examples[label]
        self._fitted = None

    def check_taught(self, label: str) -> None:
        """Refuse a label that was not taught.

        Raises:
            DataError: see above.
        """
        if label not in self._examples:
            known = ", ".join(map(repr, self.labels)) or "none so far"
            raise DataError(
                f"the label {label!r} was not taught, expected one of those that were ({known}): check the "
                "spelling"
            )

    def set_background(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> Lesson:
        """Learn what is none of the labels: rest, and whatever else is done; in place of an earlier background.

        Args:
            timestamps_s: (n,) seconds on the sensor's clock.
            samples: (n, channels) as in :meth:`add`; the longer and the more varied, the better:
                minutes.

        Raises:
            DataError: a recording too short; nothing was changed.
            StreamError: as :meth:`add`.
        """
        windows, seconds = cut_background(timestamps_s, samples, self._draft, MOST_BACKGROUND)
        if len(windows) < LEAST_BACKGROUND:
            least_s = (LEAST_BACKGROUND + 1) / 2 * self.window_s
            raise DataError(
                f"the background is {seconds:.3g} s long, expected {least_s:g} s or more, better some "
                "minutes: record longer"
            )
        draft = self._checked(windows)
        embeddings = self._embedder.embed(windows)
        self._draft, self._fitted = draft, None
        self._background = Examples(embeddings, windows[0], seconds)
        return Lesson(len(windows), tuple(clipped_warnings("the background", windows, self.stream)))

    def remove_background(self) -> None:
        """Forget the background; every motion is given some label from then on."""
        self._background = self._fitted = None

    def review(self) -> Review:
        """How well it was taught, each example judged by a head that did not see it.

        Raises:
            DataError: it is not ready.
        """
        found = self._fit().review
        if found is None:
            raise DataError(f"nothing can be judged, since {self.why_not_ready}")
        return found

    def model_file(self) -> ModelFile:
        """All of it, as a model file in memory; one without a head while it is not ready.

        Raises:
            DataError: nothing was taught.
        """
        windows = [self._examples[label].window for label in self.labels]
        windows += [] if self._background is None else [self._background.window]
        if not windows:
            raise DataError(f"there is nothing to save, since {self.why_not_ready}")
        return as_model_file(self._fit(), self._embedder, np.stack(windows))

    def recognizer(self, hold_s: float = 0.0, polyphase: bool = False) -> Recognizer:
        """A recogniser of what was taught so far, with an empty window.

        Raises:
            DataError: it is not ready.
        """
        fitted, embedder = self._fit(), self._embedder
        if fitted.head is None:
            raise DataError(f"nothing can be recognised, since {self.why_not_ready}")
        model = Model(embedder.tflite, fitted.contract, embedder.threads, fitted.head)
        return Recognizer(fitted.contract, model, hold_s, polyphase)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all.

        Raises:
            DataError: nothing was taught.
            OutputError: the place cannot be written.
        """
        file = self.model_file()
        with atomic_write(path) as target:
            target.write(pack_model(file.tflite, file.contract, file.golden, file.taught))

    def _checked(self, windows: Float32Array) -> Contract:
        """The draft with what these windows say about gravity; units and sensors are checked."""
        stream = self._draft.stream
        if stream.acc_triple is not None and stream.gravity == "unknown":
            stream = replace(stream, gravity=gravity_of(windows, stream.channels))
        else:
            checks.check_units(windows.reshape(-1, windows.shape[2]), stream)
        for window in windows:
            checks.check_alive(window, stream)
        return replace(self._draft, stream=stream)

    def _fit(self) -> Fitted:
        """What follows from what is known now; computed once."""
        if self._fitted is None:
            self._fitted = fit(self._draft, self._examples, self._background)
        return self._fitted
