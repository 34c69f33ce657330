"""Batches of what a network takes, gone through window by window as a device sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.frontend import Features
from edge_runtime.model import Model

Inputs: TypeAlias = (
    Features | npt.NDArray[np.float32]
)  # raw windows, for a network with the front end inside


def one(batch: Inputs, i: int) -> Inputs:
    """Window ``i`` of a batch."""
    if not isinstance(batch, Features):
        return np.asarray(batch[i])
    return Features(**{field.name: getattr(batch, field.name)[i] for field in fields(Features)})


def one_by_one(batch: Inputs) -> Iterator[Inputs]:
    """Every window of a batch."""
    return (
        one(batch, i) for i in range(len(batch.images if isinstance(batch, Features) else batch))
    )


def infer_all(model: Model, batch: Inputs) -> npt.NDArray[np.float32]:
    """Probabilities (n, classes) of n windows, one at a time as on the device."""
    return np.stack([model.infer(window)[0] for window in one_by_one(batch)])
