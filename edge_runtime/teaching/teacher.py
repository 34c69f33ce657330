"""``Teacher``: learns motions on the device, in a second, from a few examples each."""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import metadata

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.container import (
    MAX_ARRAY_BYTES,
    ModelFile,
    Taught,
    pack_model,
    read_model,
)
from edge_runtime.contract.head import LinearHead, fit_head
from edge_runtime.contract.spec import Contract, DecisionSpec, Provenance, StreamSpec
from edge_runtime.errors import ContractError, DataError
from edge_runtime.files import atomic_write
from edge_runtime.frontend.design import gravity_of
from edge_runtime.network.interpreter import Model
from edge_runtime.network.verification import golden_vectors
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream import checks
from edge_runtime.teaching.embedder import Embedder
from edge_runtime.teaching.examples import (
    Examples,
    Lesson,
    check_label,
    clipping_warnings,
    cut_background,
    cut_motion,
    motion_warnings,
    unique_rows,
)
from edge_runtime.teaching.review import (
    MIN_BACKGROUND_WINDOWS,
    Review,
    TrainingSet,
    cross_validate,
)

MAX_BACKGROUND_WINDOWS = 200  # more are thinned out evenly over the recording
DEFAULT_NAME = "taught motions"


class Teacher:
    """Learns labels from recordings, and makes a model file of them.

    Make one with :meth:`begin`, :meth:`on` or :meth:`load`. The result does not depend on the order
    of teaching. A label that is removed and taught again leaves no trace.

    Args:
        embedder: turns windows into embeddings.
        name: human-readable name of the model.

    Examples:
        >>> teacher = Teacher.begin(channels="acc+gyro", rate_hz=50, window_s=2)
        >>> teacher.add("punch", punch_times_s, punch_samples)  # (n,) s; (n, 6) m/s^2, rad/s
        Lesson(windows=3, warnings=())
        >>> teacher.set_background(other_times_s, other_samples)
        Lesson(windows=8, warnings=())
        >>> teacher.review().accuracy
        1.0
        >>> teacher.save("my.tflite")
    """

    def __init__(self, embedder: Embedder, name: str = DEFAULT_NAME) -> None:
        self._embedder = embedder
        self._draft = replace(embedder.draft, name=name)
        self._examples: dict[str, Examples] = {}
        self._background: Examples | None = None
        self._fit_so_far: _Fit | None = None

    @classmethod
    def begin(
        cls,
        channels: Sequence[str] | str = "acc+gyro",
        rate_hz: float = 50.0,
        window_s: float = 2.0,
        name: str = DEFAULT_NAME,
        threads: int = 1,
    ) -> Teacher:
        """Start with the bundled network, which takes any stream.

        Args:
            channels: 1, 3 or 6 names, or ``acc``, ``gyro``, ``acc+gyro``.
            rate_hz: 10 to 400.
            window_s: long enough for the whole motion.
            name: human-readable name of the model.
            threads: CPU threads used by the interpreter.

        Raises:
            DataError: the stream or the window is not supported.
        """
        return cls(Embedder.bundled(channels, rate_hz, window_s, threads), name)

    @classmethod
    def on(
        cls, path: str | os.PathLike[str], name: str = DEFAULT_NAME, threads: int = 1
    ) -> Teacher:
        """Start with the network, the stream and the window of a model file, without its labels.

        Raises:
            ContractError: the file cannot be read, or its network is of another kind.
        """
        return cls(Embedder.of_file(path, threads), name)

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int = 1) -> Teacher:
        """Continue with a taught file.

        Raises:
            ContractError: the file cannot be read.
            DataError: the file was exported, not taught.
        """
        file = read_model(path)
        spec = file.contract.taught
        taught = file.taught
        if spec is None or taught is None:
            raise DataError(
                f"{os.fspath(path)} was exported, not taught, so it holds no examples to add to: "
                "teach another file, with this one's network if you like (--embedder)"
            )
        if len(file.golden.windows) != len(spec.windows) + (spec.background_windows > 0):
            raise ContractError(
                f"{os.fspath(path)} holds {len(file.golden.windows)} golden windows, expected one "
                f"of each of {len(spec.windows)} labels and one of the background: copy the file "
                "again"
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
            window = file.golden.windows[-1]
            teacher._background = Examples(taught.background, window, spec.background_s)
        return teacher

    @property
    def stream(self) -> StreamSpec:
        """The stream that a source must give; the first recording settles if it has gravity."""
        return self._draft.stream

    @property
    def window_s(self) -> float:
        """Length of a window, seconds."""
        return self._draft.window_s

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels taught so far, sorted."""
        return tuple(sorted(self._examples))

    @property
    def windows(self) -> dict[str, int]:
        """Number of examples of each label."""
        return {label: len(self._examples[label].embeddings) for label in self.labels}

    @property
    def background_s(self) -> float:
        """Length of the background recording, seconds; 0 without one."""
        return 0.0 if self._background is None else self._background.seconds

    @property
    def why_not_ready(self) -> str:
        """Why nothing can be recognised yet, with a remedy; empty when something can."""
        if len(self._examples) >= 2 or (self._examples and self._background is not None):
            return ""
        if not self._examples:
            return "nothing was taught yet: teach two motions, or one and a background"
        return f"only {self.labels[0]!r} was taught: teach another motion, or record a background"

    @property
    def ready(self) -> bool:
        """Whether something can be recognised: two labels, or one and a background."""
        return not self.why_not_ready

    def rename(self, name: str) -> None:
        """Change the name of the model.

        Raises:
            DataError: the name is not one line of text.
        """
        check_label(name)
        self._draft = replace(self._draft, name=name)
        self._fit_so_far = None

    def add(self, label: str, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> Lesson:
        """Add the examples in a recording to those of a label.

        Windows that were taught before are ignored.

        Args:
            label: a name of one line.
            timestamps_s: (n,) seconds on the sensor's clock.
            samples: (n, channels) in SI units, columns as in ``stream.channels``.

        Raises:
            DataError: the label is no name, the recording is too short, or there are too many
                examples. Nothing was changed.
            StreamError: NaN, or a wrong rate or unit. Nothing was changed.
        """
        return self._learn(label, self._examples.get(label), timestamps_s, samples)

    def redo(self, label: str, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> Lesson:
        """Replace all examples of a label; see :meth:`add` for arguments and errors."""
        self.check_taught(label)
        return self._learn(label, None, timestamps_s, samples)

    def _learn(
        self,
        label: str,
        kept: Examples | None,
        timestamps_s: npt.ArrayLike,
        samples: npt.ArrayLike,
    ) -> Lesson:
        """Set the examples of a label to those kept and those in the recording."""
        check_label(label)
        cut = cut_motion(timestamps_s, samples, self._draft)
        draft = self._checked_draft(cut.windows)
        embeddings = self._embedder.embed(cut.windows)
        n_kept = 0
        windows = list(cut.windows)
        together = embeddings
        if kept is not None:
            n_kept = len(kept.embeddings)
            windows.append(kept.window)
            together = np.concatenate([kept.embeddings, embeddings])
        together = unique_rows(together)
        n_others = sum(n for other, n in self.windows.items() if other != label)
        if (len(together) + n_others) * together[0].nbytes > MAX_ARRAY_BYTES:
            raise DataError(
                f"{label!r} would have {len(together)} examples, more than a file can hold with "
                "those of the other labels: a few of each motion are enough; delete some, or "
                "img2imu train from recordings"
            )
        self._draft = draft
        self._fit_so_far = None
        self._examples[label] = Examples(together, min(windows, key=lambda w: w.tobytes()))
        warnings = motion_warnings(label, cut, self.stream)
        n_new = len(together) - n_kept
        if n_new < len(embeddings):
            warnings.append(
                f"{len(embeddings) - n_new} of {len(embeddings)} windows were taught {label!r} "
                "before and are not counted twice"
            )
        return Lesson(n_new, tuple(warnings))

    def remove(self, label: str) -> None:
        """Forget a label.

        Raises:
            DataError: the label was not taught.
        """
        self.check_taught(label)
        del self._examples[label]
        self._fit_so_far = None

    def check_taught(self, label: str) -> None:
        """Check that a label was taught.

        Raises:
            DataError: it was not.
        """
        if label not in self._examples:
            labels = ", ".join(map(repr, self.labels)) or "none so far"
            raise DataError(
                f"the label {label!r} was not taught, expected one of those that were ({labels}): "
                "check the spelling"
            )

    def set_background(self, timestamps_s: npt.ArrayLike, samples: npt.ArrayLike) -> Lesson:
        """Learn the background: rest, and everything else that is none of the labels.

        It replaces an earlier background. The longer and the more varied, the better: minutes.

        Args:
            timestamps_s: (n,) seconds on the sensor's clock.
            samples: (n, channels), see :meth:`add`.

        Raises:
            DataError: the recording is too short. Nothing was changed.
            StreamError: see :meth:`add`.
        """
        windows, seconds = cut_background(
            timestamps_s, samples, self._draft, MAX_BACKGROUND_WINDOWS
        )
        if len(windows) < MIN_BACKGROUND_WINDOWS:
            least_s = (MIN_BACKGROUND_WINDOWS + 1) / 2 * self.window_s
            raise DataError(
                f"the background is {seconds:.3g} s long, expected {least_s:g} s or more, better "
                "some minutes: record longer"
            )
        draft = self._checked_draft(windows)
        embeddings = self._embedder.embed(windows)
        self._draft = draft
        self._fit_so_far = None
        self._background = Examples(embeddings, windows[0], seconds)
        warnings = clipping_warnings("the background", windows, self.stream)
        return Lesson(len(windows), tuple(warnings))

    def review(self) -> Review:
        """Cross-validate what was taught.

        Raises:
            DataError: it is not ready.
        """
        review = self._fit().review
        if review is None:
            raise DataError(f"nothing can be judged, since {self.why_not_ready}")
        return review

    def model_file(self) -> ModelFile:
        """Return everything as a model file in memory; without a head while it is not ready.

        Raises:
            DataError: nothing was taught.
        """
        windows = [self._examples[label].window for label in self.labels]
        if self._background is not None:
            windows.append(self._background.window)
        if not windows:
            raise DataError(f"there is nothing to save, since {self.why_not_ready}")
        fit = self._fit()
        model = None
        if fit.head is not None:
            embedder = self._embedder
            model = Model(embedder.tflite, fit.contract, embedder.threads, fit.head)
        golden = golden_vectors(np.stack(windows), fit.contract, model)
        return ModelFile(self._embedder.tflite, fit.contract, golden, fit.taught)

    def recognizer(self, hold_s: float = 0.0, polyphase: bool = False) -> Recognizer:
        """Return a recogniser of what was taught so far, with an empty window.

        Args:
            hold_s: how long samples wait for late ones, seconds.
            polyphase: filter a faster sensor down to the model's rate.

        Raises:
            DataError: it is not ready.
        """
        fit = self._fit()
        if fit.head is None:
            raise DataError(f"nothing can be recognised, since {self.why_not_ready}")
        model = Model(self._embedder.tflite, fit.contract, self._embedder.threads, fit.head)
        return Recognizer(fit.contract, model, hold_s, polyphase)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, completely or not at all.

        Raises:
            DataError: nothing was taught.
            OutputError: the file cannot be written.
        """
        file = self.model_file()
        with atomic_write(path) as target:
            target.write(pack_model(file.tflite, file.contract, file.golden, file.taught))

    def _checked_draft(self, windows: Float32Array) -> Contract:
        """Check the units and that every axis is alive.

        Returns:
            The draft; with the gravity setting that the windows show, if it was unknown.
        """
        stream = self._draft.stream
        if stream.acc_triple is not None and stream.gravity == "unknown":
            stream = replace(stream, gravity=gravity_of(windows, stream.channels))
        else:
            checks.check_units(windows.reshape(-1, windows.shape[2]), stream)
        for window in windows:
            checks.check_alive(window, stream)
        return replace(self._draft, stream=stream)

    def _fit(self) -> _Fit:
        """Return the fit to everything taught so far; computed once."""
        if self._fit_so_far is None:
            self._fit_so_far = _fit_examples(self._draft, self._examples, self._background)
        return self._fit_so_far


@dataclass(frozen=True, eq=False)
class _Fit:
    """What follows from the examples.

    Attributes:
        contract: with their labels.
        head: rounded to float32, so that a file that was read answers exactly like the teacher that
            wrote it; None while there is nothing to tell apart.
        review: what to expect; None likewise.
        taught: the arrays for the file.
    """

    contract: Contract
    head: LinearHead | None
    review: Review | None
    taught: Taught


def _fit_examples(
    draft: Contract, examples: Mapping[str, Examples], background: Examples | None
) -> _Fit:
    """Fit the head, cross-validate it, and choose the threshold.

    Args:
        draft: a contract in which nothing is taught.
        examples: by label.
        background: windows that are none of the labels.
    """
    assert draft.taught is not None
    labels = tuple(sorted(examples))
    empty = np.empty((0, draft.taught.embedding_size), np.float32)
    embeddings = np.concatenate([empty, *(examples[label].embeddings for label in labels)])
    background_embeddings = empty
    background_s = 0.0
    if background is not None:
        background_embeddings = background.embeddings
        background_s = background.seconds
    spec = replace(
        draft.taught,
        windows=tuple(len(examples[label].embeddings) for label in labels),
        background_windows=len(background_embeddings),
        background_s=background_s,
    )
    contract = replace(
        draft, labels=labels, provenance=_provenance(embeddings, spec.windows), taught=spec
    )
    if not spec.rows:
        return _Fit(contract, None, None, Taught(embeddings, background_embeddings, None))
    training = TrainingSet(
        embeddings=np.concatenate([embeddings, background_embeddings]),
        labels=labels,
        windows=spec.windows,
        blocks=spec.blocks,
        background_s=background_s,
        window_s=draft.window_s,
    )
    head = _rounded(fit_head(training.embeddings, training.classes, spec.blocks))
    review = cross_validate(training)
    if review.rejection is not None:
        chosen = review.rejection.chosen
        spec = replace(
            spec, false_triggers_per_hour=chosen.false_triggers_per_hour, missed=chosen.missed
        )
        contract = replace(contract, taught=spec, decision=DecisionSpec(threshold=chosen.threshold))
    return _Fit(contract, head, review, Taught(embeddings, background_embeddings, head))


def _provenance(embeddings: Float32Array, windows: tuple[int, ...]) -> Provenance:
    return Provenance(
        data_set="examples taught on the device",
        split_sha256=hashlib.sha256(embeddings.tobytes()).hexdigest(),
        windows_per_class=min(windows, default=0),
        seed=0,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        versions={name: metadata.version(name) for name in ("img2imu", "numpy")},
    )


def _rounded(head: LinearHead) -> LinearHead:
    """Round a head to float32, as a file stores it."""
    return LinearHead(
        **{
            field.name: getattr(head, field.name).astype(np.float32).astype(np.float64)
            for field in fields(LinearHead)
        }
    )
