"""A spectrogram of longer frames or fewer of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class ResolutionLoss:
    """Down along x by a random factor, and up again; rows are left alone.

    Physically: a longer frame or a larger step smears what happens in time, and short windows give
    few frames that are stretched to the image's width. The same in y would move energy from one
    frequency to its neighbours.

    Args:
        max_factor: the width is divided by 1 to this.
    """

    max_factor: int = 4

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        w = images.shape[3]
        blurs = torch.stack([blur(w, factor) for factor in range(1, self.max_factor + 1)]).to(
            images.device
        )
        chosen = torch.randint(
            len(blurs), (len(images),), generator=generator, device=images.device
        )
        return torch.einsum("bchw,bwv->bchv", images, blurs[chosen])


def blur(width: int, factor: int) -> torch.Tensor:
    """What shrinking by ``factor`` and stretching again does to columns: (width, width), each of which sums to 1."""
    narrow = functional.adaptive_avg_pool1d(torch.eye(width)[None], -(-width // factor))
    return functional.interpolate(narrow, width, mode="linear")[0]
