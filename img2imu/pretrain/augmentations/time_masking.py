"""A stretch of the stream that never arrived."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class TimeMasking:
    """Some neighbouring columns made silent (SpecAugment's time mask, Park et al. 2019).

    Physically: a radio link that drops out, and a motion that pauses.

    Args:
        max_share: of the width.
        shade: of the silence.
    """

    max_share: float = 0.25
    shade: float = -1.0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images (B, 3, H, W) to images of the same shape."""
        b, w = images.shape[0], images.shape[3]
        share, place = torch.rand(2, b, 1, generator=generator, device=images.device)
        length = (share * self.max_share * w).round()
        start = (place * (w - length)).round()
        columns = torch.arange(w, device=images.device)
        masked = (columns >= start) & (columns < start + length)  # (B, W)
        return images.masked_fill(masked[:, None, None, :], self.shade)
