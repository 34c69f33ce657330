"""What a run is, and how fast, how slowly and how far back it learns: the paper's values, fitted to short runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from img2imu.pretrain.augmentations import AUGMENTATIONS
from img2imu.pretrain.moco import MoCo

# Rates for batches of 256; larger batches get proportionally more (Goyal et al. 2017). SGD's is the
# paper's.
LEARNING_RATES = {"sgd": 0.03, "adamw": 1e-3}
WEIGHT_DECAY = {
    "sgd": 1e-4,
    "adamw": 0.05,
}  # the paper's; MoCo v3 uses 0.1 for transformers, ConvNeXt 0.05
SGD_MOMENTUM = 0.9
MAX_QUEUE = 65536  # the paper's
MAX_MOMENTUM, MIN_MOMENTUM = (
    0.999,
    0.9,
)  # the paper's, and the least that it found to learn nearly as well
MEMORY_SHARE = 0.1  # of a short run, for the slow copy to look back; the paper's 1,000 steps are 0.1 % of its run


@dataclass(frozen=True)
class Run:
    """What is trained, and how: two runs with the same values and images give the same weights.

    Attributes:
        encoder: a name out of ``ENCODERS``.
        start: weights to start from, imagenet or random.
        epochs: times that the images are gone through.
        batch_size: of all processes together.
        optimiser: sgd or adamw.
        augmentations: names out of ``AUGMENTATIONS``.
        seed: of every draw.
        learning_rate: peak, for batches of 256; None takes the optimiser's of
            :data:`LEARNING_RATES`.
        precision: float32, bf16 (autocast, wherever it is safe), or auto: bf16 on GPUs that have
            it.
    """

    encoder: str = "early-blocks"
    start: str = "imagenet"
    epochs: int = 200
    batch_size: int = 256
    optimiser: str = "sgd"
    augmentations: tuple[str, ...] = tuple(AUGMENTATIONS)
    seed: int = 0
    learning_rate: float | None = None
    precision: str = "auto"

    @property
    def peak_rate(self) -> float:
        """Learning rate of the first step."""
        rate = LEARNING_RATES[self.optimiser] if self.learning_rate is None else self.learning_rate
        return rate * self.batch_size / 256


def cosine(step: int, steps: int) -> float:
    """Share of the peak rate: from 1 down to 0 by half a cosine (Loshchilov & Hutter 2017)."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def key_momentum(steps: int) -> float:
    """Share that the slow copy keeps of itself in a step.

    The paper's 0.999 looks back 1,000 steps. In a run of 100 steps the copy would stay where it
    began, and the network would learn to answer as its own beginning did. So a short run looks back
    a tenth of itself.
    """
    return max(MIN_MOMENTUM, min(MAX_MOMENTUM, 1 - 1 / (MEMORY_SHARE * steps)))


def queue_size(n_images: int, batch_size: int, steps: int) -> int:
    """Keys in the queue: the paper's 65,536, less in short runs and with few images.

    A key much older than what the slow copy looks back on was made by another network. And never
    more than half the images, so that a picture's own earlier views are seldom what it shall differ
    from.
    """
    return min(
        MAX_QUEUE,
        max(1, n_images // 2),
        max(batch_size, math.ceil(MEMORY_SHARE * steps) * batch_size),
    )


def make_optimiser(moco: MoCo, run: Run) -> torch.optim.Optimizer:
    """The optimiser of what learns; the slow copy has no gradients."""
    parameters, decay = moco.query.parameters(), WEIGHT_DECAY[run.optimiser]
    if run.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, lr=run.peak_rate, momentum=SGD_MOMENTUM, weight_decay=decay
        )
    return torch.optim.AdamW(parameters, lr=run.peak_rate, weight_decay=decay)
