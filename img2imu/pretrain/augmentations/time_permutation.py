"""The parts of a motion in another order."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from img2imu.pretrain.augmentations.columns import take_columns


@dataclass(frozen=True)
class TimePermutation:
    """Cuts along x, and the pieces shuffled.

    Physically: activities repeat, and which repetition or phase a window begins with says nothing
    about which activity it is (permutation of Um et al. 2017, there on raw signals). Leave it out
    where order is the class, as in gestures.

    Args:
        max_pieces: 2 to this many, of random lengths.
    """

    max_pieces: int = 4

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        b, w = images.shape[0], images.shape[3]
        device = images.device
        # Of the w - 1 places between columns the first few of a random order are cut.
        order = torch.rand(b, w - 1, generator=generator, device=device).argsort(1).argsort(1)
        cuts = torch.randint(1, self.max_pieces, (b, 1), generator=generator, device=device)
        piece = torch.nn.functional.pad(
            (order < cuts).long().cumsum(1), (1, 0)
        )  # of each column, (B, W)
        turn = torch.rand(b, w, generator=generator, device=device).argsort(1)  # of each piece
        return take_columns(
            images, (turn.gather(1, piece) * w + torch.arange(w, device=device)).argsort(1)
        )
