"""The classifier on frozen features: a linear head in closed form.

It works from one window per class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float64Array

STD_PRIOR_WINDOWS = 0.5  # weight of the block's median variance, in windows
TINY_VARIANCE = 1e-12  # of a feature that never changes
CLIP = 5.0  # standardised features are clipped to this many deviations
MAX_FOLDS = 5
SHARPNESS_GRID: tuple[float, ...] = tuple(np.geomspace(0.01, 10, 61).tolist())
# With one window per class nothing can be held out. Best on average over our development draws.
SHARPNESS_OF_ONE_WINDOW = 2.0
COVARIANCE_SHRINKAGE = 0.1  # towards a sphere of the total variance; see docs/method.md
NUISANCE_WINDOWS = 16.0  # weight of the scatter between windows and their copies, in windows


@dataclass(frozen=True)
class LinearHead:
    """``softmax(weights @ clip((features - mean) * inverse_std, -CLIP, CLIP) + bias)``.

    Attributes:
        mean: (d,) of the training windows.
        inverse_std: (d,) 1 / shrunk standard deviation.
        weights: (classes, d).
        bias: (classes,).
    """

    mean: Float64Array
    inverse_std: Float64Array
    weights: Float64Array
    bias: Float64Array

    def standardise(self, features: npt.ArrayLike) -> Float64Array:
        """Convert features (n, d) to standard deviations from the mean, clipped."""
        return np.clip(
            (np.asarray(features, np.float64) - self.mean) * self.inverse_std, -CLIP, CLIP
        )

    def probabilities(self, features: npt.ArrayLike) -> Float64Array:
        """Convert features (n, d) to probabilities (n, classes)."""
        return _softmax(self.standardise(features) @ self.weights.T + self.bias)


def fit_head(
    features: npt.ArrayLike,
    classes: npt.NDArray[np.int64],
    blocks: Sequence[int],
    copies: npt.ArrayLike | None = None,
) -> LinearHead:
    """Fit linear discriminant analysis with a shrunk covariance, in closed form.

    Features are standardised. Their variances are shrunk towards the median of the block, because n
    is small. Each block is scaled to the same total variance, so that 1,440 image features do not
    outweigh 12 means.

    The within-class covariance is that of the windows together with that of the differences between
    a window and its copies. It is shrunk towards a sphere (Friedman 1989, "Regularized Discriminant
    Analysis") that has the mean total variance. One window per class without copies has no
    within-class scatter, so only the sphere remains and the nearest prototype decides.

    Everything is computed in the span of the n windows and their copies: O(n^2 d).

    Args:
        features: (n, d).
        classes: (n,) class numbers from 0; each occurs.
        blocks: sizes of the feature blocks, in order; they add up to d.
        copies: (copies, n, d) features of the same windows after changes that do not change the
            class.
    """
    x = np.asarray(features, np.float64)  # (n, d)
    scale = _scale(x, blocks)
    z = scale.apply(x)
    if copies is None:
        copies = np.empty((0, *z.shape))
    changes = scale.apply(np.asarray(copies, np.float64)) - z  # (copies, n, d)
    centre = z.mean(0)
    rows = np.concatenate([z - centre, changes.reshape(-1, x.shape[1])])  # (n + copies * n, d)
    coordinates, basis = _span(rows)  # (n + copies * n, r), (r, d)
    t = coordinates[: len(x)]
    nuisance = coordinates[len(x) :].reshape(*changes.shape[:2], basis.shape[0])
    weights, bias = _discriminants(t, classes, nuisance)
    sharpness = _sharpness(t, classes, nuisance)
    full = sharpness * weights @ basis  # (classes, d)
    return LinearHead(
        mean=scale.mean,
        inverse_std=scale.inverse_std,
        weights=full * scale.block_weight,
        bias=sharpness * bias - full @ centre,
    )


def held_out_probabilities(
    features: npt.ArrayLike,
    classes: npt.NDArray[np.int64],
    blocks: Sequence[int],
    folds: npt.NDArray[np.int64],
) -> Float64Array:
    """Return the probabilities of each window from a head that was fitted without it.

    The scale and the sharpness are those of :func:`fit_head` on all windows and serve every fold,
    so that one head per window costs little. The label of a held-out window has an influence only
    through the sharpness.

    Args:
        features: (n, d).
        classes: (n,) class numbers from 0.
        blocks: sizes of the feature blocks.
        folds: (n,) windows with the same number, 0 or more, are held out together; -1 is never held
            out. A class must not lose all its windows at once.

    Returns:
        (n, classes), NaN for windows that are never held out.
    """
    x = np.asarray(features, np.float64)
    z = _scale(x, blocks).apply(x)
    t, _ = _span(z - z.mean(0))
    nuisance = np.empty((0, *t.shape))
    sharpness = _sharpness(t, classes, nuisance)
    probabilities = np.full((len(t), int(classes.max()) + 1), np.nan)
    for fold in np.unique(folds[folds >= 0]):
        out = folds == fold
        weights, bias = _discriminants(t[~out], classes[~out], nuisance[:, ~out])
        probabilities[out] = _softmax(sharpness * (t[out] @ weights.T + bias))
    return probabilities


@dataclass(frozen=True)
class _Scale:
    """How features are standardised and weighted by block. Each array is (d,)."""

    mean: Float64Array
    inverse_std: Float64Array
    block_weight: Float64Array

    def apply(self, features: Float64Array) -> Float64Array:
        """Convert features (..., d); the shape stays."""
        return np.asarray(
            np.clip((features - self.mean) * self.inverse_std, -CLIP, CLIP) * self.block_weight
        )


def _scale(x: Float64Array, blocks: Sequence[int]) -> _Scale:
    variance = x.var(0)
    inverse_std = np.empty(x.shape[1])
    block_weight = np.empty(x.shape[1])
    begin = 0
    for size in blocks:
        block = slice(begin, begin + size)
        pooled = float(np.median(variance[block])) + TINY_VARIANCE
        shrunk = (len(x) * variance[block] + STD_PRIOR_WINDOWS * pooled) / (
            len(x) + STD_PRIOR_WINDOWS
        )
        inverse_std[block] = 1 / np.sqrt(shrunk)
        block_weight[block] = 1 / np.sqrt(size)
        begin += size
    return _Scale(x.mean(0), inverse_std, block_weight)


def _span(rows: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return coordinates (m, r) of rows (m, d) in an orthonormal basis (r, d) of their span."""
    # of an (m, m) matrix: many times faster than an SVD where m << d
    eigenvalues, u = np.linalg.eigh(rows @ rows.T)
    kept = eigenvalues > 1e-11 * max(float(eigenvalues[-1]), TINY_VARIANCE)
    singular = np.sqrt(eigenvalues[kept])
    return u[:, kept] * singular, (u[:, kept] / singular).T @ rows


def _discriminants(
    t: Float64Array, classes: npt.NDArray[np.int64], nuisance: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return weights (classes, r) and bias (classes,) of the shrunk discriminant, equal priors.

    They are scaled so that the logits of the training windows have unit deviation. A sharpness
    found on one fit then suits another.

    Args:
        t: (n, r) the windows.
        classes: (n,).
        nuisance: (copies, n, r) difference between each copy and its window.
    """
    n = len(t)
    k = int(classes.max()) + 1
    means = np.stack([t[classes == c].mean(0) for c in range(k)])  # (k, r)
    scatter = np.zeros((t.shape[1], t.shape[1]))
    observed = float(n - k)  # windows' worth of scatter
    if n > k:
        within = t - means[classes]
        scatter += within.T @ within
    if nuisance.size:
        changes = nuisance.reshape(-1, t.shape[1])
        scatter += NUISANCE_WINDOWS / len(changes) * changes.T @ changes
        observed += NUISANCE_WINDOWS
    axes = max(1, min(n - 1, t.shape[1]))  # spanned by the windows; their copies span more
    total = float(np.square(t - t.mean(0)).sum()) / n / axes
    shrinkage = COVARIANCE_SHRINKAGE if observed else 1.0
    covariance = shrinkage * (total + TINY_VARIANCE) * np.eye(t.shape[1])
    if observed:
        covariance += (1 - shrinkage) / observed * scatter
    weights = np.linalg.solve(covariance, means.T).T
    bias = -0.5 * np.einsum("kr,kr->k", weights, means)
    logits = t @ weights.T + bias
    spread = float((logits - logits.mean(1, keepdims=True)).std()) + TINY_VARIANCE
    return weights / spread, bias / spread


def _sharpness(t: Float64Array, classes: npt.NDArray[np.int64], nuisance: Float64Array) -> float:
    """Return the factor on the logits that makes the probabilities well calibrated.

    A discriminant fitted on few windows is overconfident. This is temperature scaling (Guo et al.
    2017, "On Calibration of Modern Neural Networks") with cross-validation instead of a validation
    set.
    """
    counts = np.bincount(classes)
    if counts.min() < 2:
        return SHARPNESS_OF_ONE_WINDOW
    ordinal = np.empty(len(classes), np.int64)  # of a window within its class
    for c, count in enumerate(counts):
        ordinal[classes == c] = np.arange(count)
    folds = min(MAX_FOLDS, int(counts.min()))
    logits = np.empty((len(t), len(counts)))
    for fold in range(folds):
        out = ordinal % folds == fold
        weights, bias = _discriminants(t[~out], classes[~out], nuisance[:, ~out])
        logits[out] = t[out] @ weights.T + bias
    return min(SHARPNESS_GRID, key=lambda sharpness: _log_loss(sharpness * logits, classes))


def _softmax(logits: Float64Array) -> Float64Array:
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(exponents / exponents.sum(1, keepdims=True))


def _log_loss(logits: Float64Array, classes: npt.NDArray[np.int64]) -> float:
    logits = logits - logits.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(classes)), classes]))
