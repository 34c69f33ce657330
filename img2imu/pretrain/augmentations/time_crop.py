"""A window cut at another moment, from a motion of another pace."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge_runtime.frontend.design import IMAGE_WIDTH
from img2imu.pretrain.augmentations.columns import take_columns


@dataclass(frozen=True)
class TimeCrop:
    """Part of a picture's columns, stretched to the width of an image; every row stays where it is.

    Physically: when a window begins is chance, and the same motion is done faster or slower. A
    slower repetition stretches what comes and goes along x. This is SimCLR's random resized crop
    (Chen et al. 2020) in x alone: in y it would pass one frequency off as another.

    Args:
        min_share: of the picture's columns in a view, at least.
        max_share: at most.
        width: of a view, columns.
    """

    min_share: float = 0.5
    max_share: float = 1.0
    width: int = IMAGE_WIDTH

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Pictures (B, 3, H, W) to views (B, 3, H, width)."""
        b, w = images.shape[0], images.shape[3]
        share, place = torch.rand(2, b, 1, generator=generator, device=images.device)
        taken = (self.min_share + (self.max_share - self.min_share) * share) * w  # columns, (B, 1)
        steps = (torch.arange(self.width, device=images.device) + 0.5) / self.width
        centres = (place * (w - taken) + taken * steps - 0.5).clamp(0, w - 1)  # (B, width)
        left = centres.floor()
        weight = (centres - left)[:, None, None, :]
        after = take_columns(images, (left + 1).clamp(max=w - 1).long())
        return torch.lerp(take_columns(images, left.long()), after, weight)


def centre_columns(images: torch.Tensor, width: int = IMAGE_WIDTH) -> torch.Tensor:
    """The middle of pictures (B, 3, H, W): what views show without a ``TimeCrop``."""
    start = (images.shape[3] - width) // 2
    return images[..., start : start + width]
