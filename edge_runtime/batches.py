"""Batches of features, taken apart window by window as the device sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from edge_runtime.frontend import Features
from edge_runtime.model import Model


def one(features: Features, i: int) -> Features:
    """Window ``i`` of a batch."""
    return Features(**{field.name: getattr(features, field.name)[i] for field in fields(Features)})


def one_by_one(features: Features) -> Iterator[Features]:
    """Every window of a batch."""
    return (one(features, i) for i in range(len(features.images)))


def infer_all(model: Model, features: Features) -> np.ndarray:
    """Probabilities (n, classes) of n windows' features, one at a time as on the device."""
    return np.stack([model.infer(window)[0] for window in one_by_one(features)])
