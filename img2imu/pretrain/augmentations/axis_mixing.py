"""The sensor worn another way round."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from img2imu.pretrain.augmentations.decibels import to_power, to_shades


@dataclass(frozen=True)
class AxisMixing:
    """The colours of every pixel mixed as a rotation of the sensor mixes its axes.

    Physically: a rotation R turns a sample's axes a into R a. The power of uncorrelated axes then
    becomes (R * R) p, with R's elements squared; their rows and columns sum to 1, so that every
    pixel keeps its total power and no shade leaves the range. On the picture it is a turn of the
    hue, and with a permutation of the axes (a sensor put in upside down or sideways) an exchange of
    red, green and blue.

    Args:
        max_degrees: of the rotation, about a random axis.
        permuted_share: of the images whose axes also change places.
    """

    max_degrees: float = 45.0
    permuted_share: float = 0.5

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        mixing = self.draw(len(images), generator, images.device)
        return to_shades(torch.einsum("bij,bjhw->bihw", mixing, to_power(images)))

    def draw(self, n: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
        """What becomes of the axes' powers: (n, 3, 3), rows and columns of which sum to 1."""
        axis = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator, device=device))
        angle = torch.rand(n, generator=generator, device=device) * math.radians(self.max_degrees)
        places = torch.rand(n, 3, generator=generator, device=device).argsort(1)
        kept = torch.rand(n, 1, generator=generator, device=device) >= self.permuted_share
        places = torch.where(kept, torch.arange(3, device=device), places)
        return rotations(axis, angle).square().gather(1, places[:, :, None].expand(n, 3, 3))


def rotations(axis: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Rotations (n, 3, 3) about unit vectors (n, 3) by angles (n,) in radians, by Rodrigues' formula."""
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    return torch.eye(3, device=axis.device) + sine * cross + (1 - cosine) * cross @ cross
