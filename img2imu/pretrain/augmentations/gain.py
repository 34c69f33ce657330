"""The same motion, done harder or felt elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from img2imu.pretrain.augmentations.decibels import SHADES_PER_DB


@dataclass(frozen=True)
class Gain:
    """Brightness and contrast.

    Physically: shades are decibels, so that brightness is the level (a vigorous or a weak person, a
    sensor at the wrist or at the elbow) and contrast the range between loud and soft (a tight strap
    or a loose pocket). Shades beyond -1..1 are clipped, as the front end clips.

    Args:
        max_db: added to the level, in either direction.
        max_contrast: by which differences from the image's mean are multiplied; at least its
            reciprocal.
    """

    max_db: float = 12.0
    max_contrast: float = 1.3

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        level, spread = (
            2 * torch.rand(2, len(images), 1, 1, 1, generator=generator, device=images.device) - 1
        )
        mean = images.mean((1, 2, 3), keepdim=True)
        contrasted = mean + (images - mean) * torch.exp(spread * math.log(self.max_contrast))
        changed: torch.Tensor = contrasted + level * self.max_db * SHADES_PER_DB
        return changed.clamp(-1, 1)
