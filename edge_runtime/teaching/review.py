"""How well was it taught? Every example judged by a head that did not see it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.head import held_out_probabilities
from edge_runtime.teaching.rejection import Rejection, choose, rarest

MAX_FOLDS = 20  # examples beyond so many of a label are held out by twos and threes
BACKGROUND_STRETCHES, BACKGROUND_FOLDS = (
    20,
    5,
)  # every fifth stretch of the background is held out together
ALIKE_SHARE = (
    0.3  # of two labels' examples taken for the other; the same motion twice gives half or more
)
FEW = 3  # examples
MANY_MISSED = 0.5  # of the examples
WORTH_SAYING = 1.0  # false triggers per hour


@dataclass(frozen=True)
class Confusion:
    """Examples of one label that were taken for something else.

    Attributes:
        truth: what they are.
        given: the label they were given, or ``unknown``.
        windows: how many.
    """

    truth: str
    given: str
    windows: int


@dataclass(frozen=True)
class Review:
    """What can be expected of what was known.

    Attributes:
        accuracy: share of the examples that a head names right that did not see them; None when
            none could be held out.
        of_label: label to how many were right, and of how many; a label with one example cannot be
            judged, (0, 0).
        confused: most windows first.
        rejection: the threshold, where there is a background.
        warnings: sentences for people, with remedies.
    """

    accuracy: float | None
    of_label: dict[str, tuple[int, int]]
    confused: tuple[Confusion, ...]
    rejection: Rejection | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Known:
    """What a review looks at.

    Attributes:
        embeddings: (n, d), the examples label by label, then the background in the order of time.
        labels: in order.
        windows: examples of each label.
        blocks: sizes of the embedding's blocks.
        background_s: length of the background, seconds; 0 when there is none.
        window_s: length of a window.
    """

    embeddings: Float32Array
    labels: tuple[str, ...]
    windows: tuple[int, ...]
    blocks: tuple[int, ...]
    background_s: float
    window_s: float

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """(n,) index of the label; the background is the class after the last label."""
        background = len(self.embeddings) - sum(self.windows)
        return np.asarray(
            np.repeat(np.arange(len(self.labels) + 1), (*self.windows, background)), np.int64
        )


def review(known: Known) -> Review:
    """Hold every example out once, one of each label at a time, and the background stretch by stretch.

    The examples of a recording resemble each other: on another day it will do worse.
    """
    classes, labels = known.classes, len(known.labels)
    folds = _folds(known.windows, len(classes) - sum(known.windows))
    answers = held_out_probabilities(known.embeddings, classes, known.blocks, folds)[:, :labels]
    judged, is_background = folds >= 0, classes == labels
    scores = answers.max(1)
    rejection = None
    if is_background.any():
        rejection = choose(
            scores[is_background],
            known.background_s,
            known.window_s,
            scores[judged & ~is_background],
        )
    given = np.where(
        scores >= (rejection.chosen.threshold if rejection else 0.0), answers.argmax(1), labels
    )
    names = (*known.labels, "unknown")
    of_label = {
        name: (
            int((judged & (classes == i) & (given == i)).sum()),
            int((judged & (classes == i)).sum()),
        )
        for i, name in enumerate(known.labels)
    }
    wrong = judged & ~is_background & (given != classes)
    counts = Counter(zip(classes[wrong].tolist(), given[wrong].tolist(), strict=True))
    confused = tuple(
        Confusion(names[truth], names[other], n)
        for (truth, other), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    right, of = (sum(column) for column in zip(*of_label.values(), strict=True))
    return Review(
        right / of if of else None,
        of_label,
        confused,
        rejection,
        tuple(_warnings(known.labels, of_label, confused, rejection)),
    )


def _folds(windows: tuple[int, ...], background: int) -> npt.NDArray[np.int64]:
    """(n,) which windows are held out together; -1 for a label's only example."""
    examples = [np.arange(n) % MAX_FOLDS if n > 1 else np.full(n, -1) for n in windows]
    stretch = np.arange(background) * BACKGROUND_STRETCHES // max(background, 1) % BACKGROUND_FOLDS
    return np.asarray(np.concatenate([*examples, stretch]), np.int64)


def _warnings(
    labels: tuple[str, ...],
    of_label: dict[str, tuple[int, int]],
    confused: tuple[Confusion, ...],
    rejection: Rejection | None,
) -> Iterator[str]:
    taken = {(c.truth, c.given): c.windows for c in confused}
    alike = set()
    for one, other in itertools.combinations(labels, 2):
        wrong, of = (
            taken.get((one, other), 0) + taken.get((other, one), 0),
            of_label[one][1] + of_label[other][1],
        )
        if of and wrong >= ALIKE_SHARE * of:
            alike |= {one, other}
            yield (
                f"{one!r} and {other!r} look alike ({wrong} of {of} examples are taken for the other): if they are "
                "the same motion, delete one; else do them more differently, and redo both"
            )
    for label, (right, of) in of_label.items():
        if not of:
            yield (
                f"{label!r} has one example, which shows nothing about how well it is recognised: add some, {FEW} "
                "are a good start"
            )
        elif 2 * right < of and label not in alike:
            yield (
                f"only {right} of {of} examples of {label!r} are recognised by the others: they are unlike each "
                "other, or like the background; do the motion the same way each time, and redo it"
            )
    if rejection is not None and (rejection.chosen.missed or 0) > MANY_MISSED:
        yield (
            f"{rejection.chosen.missed:.0%} of the examples would be called unknown: the background seems to hold "
            "the motions too; record one without them, or choose a lower threshold with img2imu run --threshold"
        )
    if rejection is not None and rarest(rejection.background_s) > WORTH_SAYING:
        yield (
            f"{rejection.background_s:.0f} s of background speak of no fewer than "
            f"{rarest(rejection.background_s):.2g} false triggers an hour: ten minutes of what else you do "
            "would say more"
        )
    if rejection is None:
        yield (
            "no background was recorded, so every motion is given some label: record what else you do, and it can "
            "say unknown"
        )
