"""Heads on the frozen backbone, and views of the windows to learn from, for ``finetuning.py``.

All look at windows through the front end and the backbone of ``MotionClassifier`` and differ in
what comes after, or before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.head import fit_head
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import block_sizes, design_front_end
from img2imu.backbone import embed, pretrained_backbone
from img2imu.baselines.memory import WindowMemory
from img2imu.fewshot.methods import Factory
from img2imu.nuisances import nuisance_copies

Samples = Float32Array  # (n, samples, channels)
Classes = npt.NDArray[np.int64]
Answer = Callable[[Float64Array], Classes]  # standardised features (n, d) to classes (n,)
View = Callable[[Samples], Samples]

REFERENCE_WINDOWS = 128  # unlabelled ones, to standardise or to estimate batch norm on
LDA_SHRINKAGE = 0.1  # as the default head's


# ---- views: other windows that the same motion might have given


def resampled(windows: Samples, speed: float = 1.0, shift: float = 0.0) -> Samples:
    """Windows played ``speed`` times as fast about their middle, ``shift`` of a length later; mirrored at the ends."""
    last = windows.shape[1] - 1
    at = (np.arange(last + 1) - last / 2) * speed + last / 2 + shift * last
    at = np.abs(at)
    at = last - np.abs(last - at)
    below = np.minimum(at.astype(int), last - 1)
    share = (at - below).astype(np.float32)[None, :, None]
    return windows[:, below] * (1 - share) + windows[:, below + 1] * share


def amplified(windows: Samples, gain: float) -> Samples:
    """The motion ``gain`` times as strong; the mean, and with it gravity, stays."""
    mean = windows.mean(1, keepdims=True)
    return mean + np.float32(gain) * (windows - mean)


SHIFTS: tuple[View, ...] = tuple(functools.partial(resampled, shift=shift) for shift in (-0.1, 0.1))
STRETCHES: tuple[View, ...] = tuple(
    functools.partial(resampled, speed=speed) for speed in (0.85, 1.15)
)
GAINS: tuple[View, ...] = tuple(functools.partial(amplified, gain=gain) for gain in (0.8, 1.25))


# ---- heads: from standardised features and their classes to a rule that answers


def prototypes(z: Float64Array, classes: Classes, prior_windows: float) -> Answer:
    """Nearest class mean, each shrunk to the mean of all as if ``prior_windows`` more windows lay there."""
    centre = z.mean(0)
    means = np.stack(
        [
            (z[classes == c] - centre).sum(0) / ((classes == c).sum() + prior_windows)
            for c in range(classes.max() + 1)
        ]
    )
    return lambda new: ((new - centre) @ means.T - 0.5 * (means**2).sum(1)).argmax(1)


def ridge(z: Float64Array, classes: Classes, strength: float) -> Answer:
    """Least squares on one-against-all targets; the penalty in multiples of the mean squared length of a window."""
    alpha = strength * float(np.mean(((z - z.mean(0)) ** 2).sum(1)))
    return RidgeClassifier(alpha=alpha).fit(z, classes).predict  # type: ignore[no-any-return]


def logistic(z: Float64Array, classes: Classes, c: float) -> Answer:
    """Multinomial logistic regression, in the span of the windows, where its optimum lies."""
    centre = z.mean(0)
    _, s, basis = np.linalg.svd(z - centre, full_matrices=False)
    axes = basis[s > 1e-9 * s[0]].T
    model = LogisticRegression(C=c, max_iter=1000).fit((z - centre) @ axes, classes)
    return lambda new: model.predict((new - centre) @ axes)  # type: ignore[no-any-return]


def discriminant(z: Float64Array, classes: Classes) -> Answer:
    """The default head's linear discriminant, on features that are standardised already."""
    centre = z.mean(0)
    u, s, basis = np.linalg.svd(z - centre, full_matrices=False)
    held = s > 1e-9 * s[0]
    t, axes = u[:, held] * s[held], basis[held].T
    means = np.stack([t[classes == c].mean(0) for c in range(classes.max() + 1)])
    covariance = np.mean(t**2) * np.eye(t.shape[1])
    if len(t) > len(means):
        within = t - means[classes]
        covariance = LDA_SHRINKAGE * covariance + (1 - LDA_SHRINKAGE) * within.T @ within / (
            len(t) - len(means)
        )
    weights = np.linalg.solve(covariance, means.T)
    bias = 0.5 * np.einsum("kr,rk->k", means, weights)
    return lambda new: ((new - centre) @ axes @ weights - bias).argmax(1)


# ---- rules on the frozen backbone


@dataclass(frozen=True)
class Frozen:
    """What to do with the features of the frozen backbone.

    Attributes:
        head: None takes the default one, :func:`edge_runtime.contract.head.fit_head`.
        views: of each labelled window, to learn from beside it.
        copies: of each labelled window show the default head what does not matter, as
            ``MotionClassifier`` does.
        unlabelled: standardise on 128 unlabelled windows of the training people, not on the
            labelled alone.
        test_views: of each window to judge; probabilities are averaged over it and these. With the
            default head only.
    """

    head: Callable[[Float64Array, Classes], Answer] | None = None
    views: tuple[View, ...] = ()
    copies: bool = False
    unlabelled: bool = False
    test_views: tuple[View, ...] = ()


class FrozenMethod:
    """A :class:`Frozen` rule as a method of the few-shot benchmark."""

    def __init__(self, rule: Frozen, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._rule, self._rate_hz, self._channels, self._seed = rule, rate_hz, channels, seed

    def fit(
        self, windows: Samples, labels: npt.NDArray[Any], unlabelled: Samples | None = None
    ) -> Self:
        """Learn from the windows and their views."""
        self._names, classes = np.unique(labels, return_inverse=True)
        seen = [windows, *(view(windows) for view in self._rule.views)]
        x, sizes = self._features(np.concatenate(seen))
        classes = np.tile(classes, len(seen))
        copies = None
        if self._rule.copies:
            changed = nuisance_copies(windows, self._channels)
            copies = self._features(np.concatenate([*changed]))[0].reshape(*changed.shape[:2], -1)
        self._scaler = self._default = fit_head(x, classes, sizes, copies)
        self._block_weights = np.repeat(1 / np.sqrt(sizes), sizes)
        if self._rule.unlabelled:
            assert unlabelled is not None
            reference, _ = self._features(reference_windows(unlabelled, self._seed))
            self._scaler = fit_head(
                reference, np.arange(len(reference)) % 2, sizes
            )  # for its standardise alone
        if self._rule.head is not None:
            self._answer = self._rule.head(self._standardised(x), classes)
        return self

    def predict(self, windows: Samples) -> npt.NDArray[Any]:
        """Most probable class of each window."""
        if self._rule.head is not None:
            return np.asarray(
                self._names[self._answer(self._standardised(self._features(windows)[0]))]
            )
        seen = [windows, *(view(windows) for view in self._rule.test_views)]
        probabilities = [self._default.probabilities(self._features(each)[0]) for each in seen]
        return np.asarray(self._names[np.mean(probabilities, 0).argmax(1)])

    def _standardised(self, x: Samples) -> Float64Array:
        return np.asarray(self._scaler.standardise(x) * self._block_weights)

    def _features(self, windows: Samples) -> tuple[Samples, list[int]]:
        """Features (n, d) and the sizes of their blocks; no window is looked at twice."""
        memory = _memory(self._rate_hz, self._channels, windows.shape[1])
        columns = [
            np.stack(column) for column in zip(*memory.recall(windows, self._see), strict=True)
        ]
        return np.concatenate(columns, 1), block_sizes(columns, len(self._channels))

    def _see(self, windows: Samples) -> Iterator[tuple[Samples, ...]]:
        front_end = front_end_of(self._rate_hz, self._channels, windows.shape[1])
        return zip(*embed(pretrained_backbone(), front_end.compute_batch(windows)), strict=True)


@functools.lru_cache(maxsize=1)  # one task at a time: the grid goes through them in order
def _memory(
    rate_hz: float, channels: tuple[str, ...], window_samples: int
) -> WindowMemory[tuple[Samples, ...]]:
    return WindowMemory()


def front_end_of(rate_hz: float, channels: tuple[str, ...], samples: int) -> FrontEnd:
    """The front end that ``MotionClassifier`` would design."""
    return FrontEnd(design_front_end(rate_hz, samples, channels), samples, len(channels), rate_hz)


def reference_windows(unlabelled: Samples, seed: int) -> Samples:
    """Some of the unlabelled windows."""
    return unlabelled[np.random.default_rng(seed).permutation(len(unlabelled))[:REFERENCE_WINDOWS]]


HEADS = {
    "lda": Frozen(),
    "lda, copies": Frozen(copies=True),  # the default of MotionClassifier
    **{
        f"prototypes {prior:g}": Frozen(functools.partial(prototypes, prior_windows=prior))
        for prior in (0, 1, 4)
    },
    **{
        f"ridge {strength:g}": Frozen(functools.partial(ridge, strength=strength))
        for strength in (0.1, 1, 10)
    },
    **{f"logistic {c:g}": Frozen(functools.partial(logistic, c=c)) for c in (1, 10, 100)},
    "lda, unlabelled": Frozen(discriminant, unlabelled=True),
}
VIEWED = {
    "lda + shift": Frozen(views=SHIFTS),
    "lda + stretch": Frozen(views=STRETCHES),
    "lda + gain": Frozen(views=GAINS),
    "lda + all views": Frozen(views=SHIFTS + STRETCHES + GAINS),
    "lda, unlabelled + stretch": Frozen(discriminant, STRETCHES, unlabelled=True),
    "lda, test shifts": Frozen(test_views=SHIFTS),
}


def frozen_methods() -> Mapping[str, Factory]:
    """Heads and views: seconds for a task."""
    return {name: functools.partial(FrozenMethod, rule) for name, rule in (HEADS | VIEWED).items()}
