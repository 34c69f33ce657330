"""A worse sensor, and no two repetitions alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from img2imu.pretrain.augmentations.decibels import SHADES_PER_DB, to_power, to_shades


@dataclass(frozen=True)
class SensorNoise:
    """A floor of white noise on each axis, and levels that waver.

    Physically: a cheap sensor's noise has the same power at all frequencies; power adds, so that it
    fills what is dark and leaves what is bright. The power of noise in one bin of one frame is
    exponentially distributed. Levels of a repeated motion waver by some decibels from bin to bin.

    Args:
        max_floor_db: mean power of the noise, above the darkest shade.
        waver_db: standard deviation of the levels.
    """

    max_floor_db: float = 30.0
    waver_db: float = 2.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        axes = (*images.shape[:2], 1, 1)
        floor_db = torch.rand(axes, generator=generator, device=images.device) * self.max_floor_db
        noise = torch.empty_like(images).exponential_(generator=generator) * to_power(
            floor_db * SHADES_PER_DB - 1
        )
        waver = (
            torch.randn(images.shape, generator=generator, device=images.device)
            * self.waver_db
            * SHADES_PER_DB
        )
        return (to_shades(to_power(images) + noise) + waver).clamp(-1, 1)
