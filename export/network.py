"""The whole network as one torch module: the front end's features in, probabilities and embedding out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from edge_runtime.contract.head import CLIP, LinearHead
from edge_runtime.frontend import Features
from edge_runtime.network.interpreter import as_tensors

SEEN = "seen"  # in the names of the head's pieces for what comes from the images


class DeviceNetwork(nn.Module):
    """Backbone and head of a trained model.

    The head stands here in pieces, one for each part of the embedding: the weights of a part are
    alike in size, and int8 with one scale per class and part names the class that float names on 99
    to 100 % of the windows. Over the whole embedding at once, int8 changed up to one decision in
    ten.

    Args:
        backbone: images (B, H, W, 3) to parts (B, ...) of the embedding.
        head: standardisation and linear classifier over the parts, then what comes beside the
            images.
        example: of one window; gives the sizes of the parts.
    """

    def __init__(self, backbone: nn.Module, head: LinearHead, example: Features) -> None:
        super().__init__()
        self.backbone = backbone.eval()
        images, *others = map(torch.from_numpy, as_tensors(example).values())
        with torch.inference_mode():
            seen = [part.numel() for part in backbone(images)]
        told = [values.numel() for values in others]
        names = [
            *(f"{SEEN}_{i}" for i in range(len(seen))),
            *(f"told_{i}" for i in range(len(told))),
        ]
        self.blocks = nn.ModuleDict(dict(zip(names, _blocks(head, [*seen, *told]), strict=True)))
        self.bias = nn.Parameter(_tensor(head.bias))
        self.eval().requires_grad_(False)

    def forward(
        self, images: torch.Tensor, *others: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One window: images (n_images, H, W, 3), others (1, ...) to probabilities (1, classes), embedding (1, d)."""
        parts = [part.reshape(1, -1) for part in (*self.backbone(images), *others)]
        logits = self.bias
        for block, part in zip(self.blocks.values(), parts, strict=True):
            logits = logits + block(part)
        return torch.softmax(logits, 1), torch.cat(parts, 1)


class _HeadBlock(nn.Module):
    """A stretch of the embedding: its standardisation and its share of the logits."""

    mean: torch.Tensor  # (size,), as inverse_std
    inverse_std: torch.Tensor

    def __init__(self, head: LinearHead, stretch: slice) -> None:
        super().__init__()
        weights = head.weights[:, stretch]
        self.register_buffer("mean", _tensor(head.mean[stretch]))
        self.register_buffer("inverse_std", _tensor(head.inverse_std[stretch]))
        self.linear = nn.Linear(weights.shape[1], weights.shape[0], bias=False)
        self.linear.weight.data = _tensor(weights)

    def forward(self, part: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(
            torch.clamp((part - self.mean) * self.inverse_std, -CLIP, CLIP)
        )
        return logits


def _blocks(head: LinearHead, sizes: Sequence[int]) -> list[_HeadBlock]:
    ends = np.cumsum(sizes).tolist()
    return [_HeadBlock(head, slice(end - size, end)) for size, end in zip(sizes, ends, strict=True)]


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
