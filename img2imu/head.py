"""The classifier on top of the frozen features: a closed-form linear head that works from one window per class on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STD_PRIOR_WINDOWS = 3.0  # weight of the pooled deviation beside a feature's own, in windows
CLIP = 5.0  # standardised features beyond this many deviations say no more
COVARIANCE_SHRINKAGE = 0.1  # towards a sphere of the total variance; see docs/method.md


@dataclass(frozen=True)
class LinearHead:
    """``softmax(weights @ clip((features - mean) * inverse_std, -CLIP, CLIP) + bias)``.

    Attributes:
        mean: (d,) of the training windows.
        inverse_std: (d,) one over the shrunk deviation, times the weight of the feature's block.
        clip: (d,) limits after that scaling.
        weights: (classes, d).
        bias: (classes,).
    """

    mean: Array
    inverse_std: Array
    clip: Array
    weights: Array
    bias: Array

    def standardise(self, features: npt.ArrayLike) -> Array:
        """Features (n, d) on the scale that the weights were fitted on."""
        scaled = (np.asarray(features, np.float64) - self.mean) * self.inverse_std
        return np.clip(scaled, -self.clip, self.clip)

    def probabilities(self, features: npt.ArrayLike) -> Array:
        """(n, d) to (n, classes)."""
        logits = self.standardise(features) @ self.weights.T + self.bias
        exponents = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(exponents / exponents.sum(1, keepdims=True))


def fit_head(features: npt.ArrayLike, classes: npt.NDArray[np.int64], blocks: Sequence[int]) -> LinearHead:
    """Linear discriminant analysis with a shrunk covariance, in closed form.

    Features are standardised (their deviations shrunk towards the block's median, for small n), and every block is
    scaled to the same total variance, so that 1,440 image features do not drown 12 means. The within-class covariance
    is shrunk towards a sphere (Friedman 1989, "Regularized Discriminant Analysis"; the sphere has the mean total
    variance, so that one window per class, which has no within-class scatter, gives nearest prototypes). Everything
    is computed in the span of the n training windows: O(n^2 d).

    Args:
        features: (n, d).
        classes: (n,) numbers from 0, each of which occurs.
        blocks: sizes of the feature blocks, in order; they add up to d.
    """
    x = np.asarray(features, np.float64)
    mean, inverse_std = x.mean(0), np.empty(x.shape[1])
    clip = np.empty(x.shape[1])
    variance = x.var(0)
    begin = 0
    for size in blocks:
        block = slice(begin, begin + size)
        pooled = float(np.median(variance[block])) + 1e-12
        shrunk = (len(x) * variance[block] + STD_PRIOR_WINDOWS * pooled) / (len(x) + STD_PRIOR_WINDOWS)
        inverse_std[block] = 1 / np.sqrt(shrunk * size)
        clip[block] = CLIP / np.sqrt(size)
        begin += size
    z = np.clip((x - mean) * inverse_std, -clip, clip)
    weights, bias = _discriminants(z, classes)
    return LinearHead(mean, inverse_std, clip, weights, bias)


def _discriminants(z: Array, classes: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Weights (classes, d) and bias (classes,) of the shrunk discriminant, equal priors."""
    n, k = len(z), int(classes.max()) + 1
    centre = z.mean(0)
    u, s, basis = np.linalg.svd(z - centre, full_matrices=False)
    held = s > 1e-9 * max(float(s[0]), 1e-300)
    if not held.any():  # every window is the same
        return np.zeros((k, z.shape[1])), np.zeros(k)
    t = u[:, held] * s[held]  # (n, r) coordinates in the span
    means = np.stack([t[classes == c].mean(0) for c in range(k)])
    within = t - means[classes]
    sphere = float(np.mean(t**2)) * np.eye(t.shape[1])
    if n > k:
        covariance = (1 - COVARIANCE_SHRINKAGE) * within.T @ within / (n - k) + COVARIANCE_SHRINKAGE * sphere
    else:
        covariance = sphere
    weights = np.linalg.solve(covariance, means.T).T  # (k, r)
    bias = -0.5 * np.einsum("kr,kr->k", weights, means)
    full = weights @ basis[held]
    return full, bias - full @ centre
