"""Picking columns of an image: all that may be done along time without touching frequency."""

from __future__ import annotations

import torch


def take_columns(images: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Columns of each image, whole.

    Args:
        images: (B, C, H, W).
        columns: (B, V) int64 in 0..W - 1.

    Returns:
        (B, C, H, V).
    """
    b, c, h, _ = images.shape
    return images.gather(3, columns[:, None, None, :].expand(b, c, h, columns.shape[1]))
