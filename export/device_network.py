"""Backbone and head of a trained model as one torch module, ready to be converted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from edge_runtime.contract.head import CLIP, LinearHead
from edge_runtime.frontend import Features
from edge_runtime.network.interpreter import as_tensors

# Names of the head's blocks. The converter keeps them in its tensors' names, where they tell what
# comes from the images and what does not.
FROM_IMAGES = "from_images"
FROM_OTHERS = "from_others"


class DeviceNetwork(nn.Module):
    """The network that runs on the device: features in, probabilities and embedding out.

    The head is split into blocks, one for each part of the embedding. The weights within a part are
    similar in size, so int8 with one scale per class and part names the same class as float on 99
    to 100 % of the windows. With one scale per class over the whole embedding, int8 changed up to
    one decision in ten.

    Args:
        backbone: images (B, H, W, 3) to parts (B, ...) of the embedding.
        head: standardisation and linear classifier over these parts, followed by the features other
            than images.
        example: features of one window; they give the sizes of the parts.
    """

    def __init__(self, backbone: nn.Module, head: LinearHead, example: Features) -> None:
        super().__init__()
        self.backbone = backbone.eval()
        images, *others = map(torch.from_numpy, as_tensors(example).values())
        with torch.inference_mode():
            image_sizes = [part.numel() for part in backbone(images)]
        other_sizes = [values.numel() for values in others]
        names = [
            *(f"{FROM_IMAGES}_{i}" for i in range(len(image_sizes))),
            *(f"{FROM_OTHERS}_{i}" for i in range(len(other_sizes))),
        ]
        blocks = _split(head, [*image_sizes, *other_sizes])
        self.blocks = nn.ModuleDict(dict(zip(names, blocks, strict=True)))
        self.bias = nn.Parameter(_tensor(head.bias))
        self.eval().requires_grad_(False)

    def forward(
        self, images: torch.Tensor, *others: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Map one window's features to probabilities (1, classes) and embedding (1, d).

        Args:
            images: (n_images, H, W, 3).
            others: (1, ...) each.
        """
        parts = [part.reshape(1, -1) for part in (*self.backbone(images), *others)]
        logits = self.bias
        for block, part in zip(self.blocks.values(), parts, strict=True):
            logits = logits + block(part)
        return torch.softmax(logits, 1), torch.cat(parts, 1)


def _split(head: LinearHead, sizes: Sequence[int]) -> list[_HeadBlock]:
    """Split a head into blocks of consecutive columns with these sizes."""
    ends = np.cumsum(sizes).tolist()
    return [_HeadBlock(head, slice(end - size, end)) for size, end in zip(sizes, ends, strict=True)]


class _HeadBlock(nn.Module):
    """Standardises one part of the embedding and computes its share of the logits."""

    mean: torch.Tensor  # (size,)
    inverse_std: torch.Tensor  # (size,)

    def __init__(self, head: LinearHead, columns: slice) -> None:
        super().__init__()
        weights = head.weights[:, columns]
        self.register_buffer("mean", _tensor(head.mean[columns]))
        self.register_buffer("inverse_std", _tensor(head.inverse_std[columns]))
        self.linear = nn.Linear(weights.shape[1], weights.shape[0], bias=False)
        self.linear.weight.data = _tensor(weights)

    def forward(self, part: torch.Tensor) -> torch.Tensor:
        standardised = torch.clamp((part - self.mean) * self.inverse_std, -CLIP, CLIP)
        logits: torch.Tensor = self.linear(standardised)
        return logits


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
