"""Which pictures come in which step: a function of the seed alone, so that any step can be the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


def seed_of(*parts: int) -> int:
    """One seed from several numbers; different numbers give unrelated seeds."""
    numbers = len(parts), *parts  # zeros at the end count for nothing in a SeedSequence
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


@dataclass(frozen=True)
class Order:
    """Batches of indices, each epoch shuffled anew; what does not fill a batch is left for another epoch.

    Attributes:
        n_images: to draw from.
        batch_size: of all processes together.
        epochs: times that the images are gone through.
        seed: of the shuffling.
        first_step: to begin with.
        process: which of the processes this is, and how many there are.
    """

    n_images: int
    batch_size: int
    epochs: int
    seed: int
    first_step: int = 0
    process: tuple[int, int] = (0, 1)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return self.n_images // self.batch_size

    def __len__(self) -> int:
        return self.steps_per_epoch * self.epochs - self.first_step

    def __iter__(self) -> Iterator[list[int]]:
        index, count = self.process
        for epoch in range(self.first_step // self.steps_per_epoch, self.epochs):
            shuffled = np.random.default_rng(seed_of(self.seed, epoch)).permutation(self.n_images)
            first = max(0, self.first_step - epoch * self.steps_per_epoch)
            for step in range(first, self.steps_per_epoch):
                yield shuffled[step * self.batch_size : (step + 1) * self.batch_size][
                    index::count
                ].tolist()
