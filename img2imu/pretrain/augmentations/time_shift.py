"""The same motion, earlier or later in the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from img2imu.pretrain.augmentations.columns import take_columns


@dataclass(frozen=True)
class TimeShift:
    """Translation along x.

    Physically: windows are cut from a stream without regard to where a motion begins.

    Args:
        max_share: of the width, in either direction.
        mode: what enters at one side: ``"wrap"``, what left at the other, which suits repeated
            motions; ``"edge"``, the outermost column held.
    """

    max_share: float = 0.5
    mode: Literal["wrap", "edge"] = "wrap"

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        b, w = images.shape[0], images.shape[3]
        furthest = int(self.max_share * w)
        shift = torch.randint(
            -furthest, furthest + 1, (b, 1), generator=generator, device=images.device
        )
        columns = torch.arange(w, device=images.device) - shift
        return take_columns(images, columns % w if self.mode == "wrap" else columns.clamp(0, w - 1))
