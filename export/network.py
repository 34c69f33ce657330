"""The whole network as one torch module: images and statistics in, probabilities and embedding out."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from img2imu.backbone import EarlyBlocks
from img2imu.head import CLIP, LinearHead


class DeviceNetwork(nn.Module):
    """Backbone and head of a trained model.

    Args:
        backbone: the early blocks.
        head: standardisation and linear classifier.
    """

    mean: torch.Tensor  # (d,), as inverse_std
    inverse_std: torch.Tensor

    def __init__(self, backbone: EarlyBlocks, head: LinearHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", _tensor(head.mean))
        self.register_buffer("inverse_std", _tensor(head.inverse_std))
        self.linear = nn.Linear(head.weights.shape[1], head.weights.shape[0])
        self.linear.weight.data = _tensor(head.weights)
        self.linear.bias.data = _tensor(head.bias)
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor, statistics: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One window: images (n_images, H, W, 3), statistics (1, s) to probabilities (1, classes), embedding (1, d)."""
        seen = [part.reshape(1, -1) for part in self.backbone(images)]
        embedding = torch.cat([*seen, statistics], 1)
        standard = torch.clamp((embedding - self.mean) * self.inverse_std, -CLIP, CLIP)
        return torch.softmax(self.linear(standard), 1), embedding


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
