"""The training loop of the baselines that are networks: seeded, with a fixed number of steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

PREDICT_WINDOWS = 64  # windows in a batch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's random numbers inside the block and restore their state after it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def train(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    inputs: torch.Tensor,
    classes: torch.Tensor,
    *,
    steps: int,
    batch: int,
) -> None:
    """Minimise the cross-entropy with a rate that falls to zero along a cosine.

    One window per class leaves no data for early stopping, so the number of steps is fixed. The
    network is in eval mode afterwards.

    Args:
        network: inputs (B, ...) to logits (B, classes).
        optimiser: optimiser of the parameters to train.
        inputs: (n, ...).
        classes: (n,) numbers from 0.
        steps: number of optimiser steps.
        batch: inputs in a step, drawn at random; all of them if there are fewer.
    """
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    network.train()
    for _ in range(steps):
        drawn = torch.randperm(len(inputs))[:batch]
        loss = nn.functional.cross_entropy(network(inputs[drawn]), classes[drawn])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    network.eval()


@torch.inference_mode()
def predicted_classes(network: nn.Module, inputs: torch.Tensor) -> npt.NDArray[np.int64]:
    """Return the class with the largest logit for each input: (n,)."""
    return np.concatenate(
        [network(part).argmax(1).numpy() for part in torch.split(inputs, PREDICT_WINDOWS)]
    )
