"""Momentum contrast, version 2.

He et al. 2020, arXiv 1911.05722; Chen et al. 2020, arXiv 2003.04297.

The network learns to give similar features for two views of one picture, and different features
for views of other pictures. The other views come from a queue of recent views, encoded by a slowly
moving copy of the network.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from img2imu.pretrain.encoders import feature_width


class Projector(nn.Module):
    """An encoder and the two layers that version 2 adds to it during pre-training.

    Args:
        encoder: images (B, 3, H, W) to features (B, D).
        dimensions: length of the vectors that are compared.
    """

    def __init__(self, encoder: nn.Module, dimensions: int) -> None:
        super().__init__()
        width = feature_width(encoder)
        self.encoder = encoder
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dimensions))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (B, dimensions) of images (B, 3, H, W)."""
        return functional.normalize(self.mlp(self.encoder(images)).float(), dim=1)


class MoCo(nn.Module):
    """The network that learns (``query``), its slow copy (``key``), and the queue of keys.

    Args:
        encoder: the network to pre-train.
        queue_size: number of keys to compare with; 65,536 in the paper.
        dimensions: of a key.
        momentum: share of its weights that the slow copy keeps in a step.
        temperature: of the softmax; 0.2 in version 2.
    """

    queue: torch.Tensor
    position: torch.Tensor

    def __init__(
        self,
        encoder: nn.Module,
        *,
        queue_size: int = 65536,
        dimensions: int = 128,
        momentum: float = 0.999,
        temperature: float = 0.2,
    ) -> None:
        super().__init__()
        self.momentum = momentum
        self.temperature = temperature
        self.query = Projector(encoder, dimensions)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.register_buffer(
            "queue", functional.normalize(torch.randn(queue_size, dimensions), dim=1)
        )
        self.register_buffer("position", torch.zeros((), dtype=torch.long))
        self.train()

    def logits(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return the similarity of queries (B, D) to their own keys (B, D) and to the queue (K, D).

        Returns:
            (B, 1 + K), divided by the temperature. The own key comes first.
        """
        to_own_key = (queries * keys).sum(1, keepdim=True)
        return torch.cat([to_own_key, queries @ self.queue.T], 1) / self.temperature

    def loss(self, queries: torch.Tensor, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return InfoNCE (van den Oord et al. 2018) and the accuracy.

        Accuracy is the share of queries whose own key is the most similar.
        """
        logits = self.logits(queries, keys)
        target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)  # the own key
        accuracy = (logits.argmax(1) == 0).float().mean()
        return functional.cross_entropy(logits, target), accuracy

    @torch.no_grad()
    def move_key(self) -> None:
        """Move the slow copy one step towards the network.

        Running statistics of batch norm are not copied.
        """
        for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)

    @torch.no_grad()
    def encode_keys(
        self, images: torch.Tensor, groups: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Return keys (B, D) of views (B, 3, H, W), computed in shuffled groups.

        If keys were computed in the same batches as their queries, batch norm's statistics would
        give away which key belongs to which query. Section 3.3 of the paper therefore shuffles keys
        among GPUs. Groups do the same on one GPU.
        """
        order = torch.randperm(len(images), generator=generator, device=images.device)
        keys = torch.cat([self.key(group) for group in images[order].chunk(groups)])
        return keys[order.argsort()]

    @torch.no_grad()
    def enqueue(self, keys: torch.Tensor) -> None:
        """Replace the oldest keys by new ones (B, D)."""
        size = len(self.queue)
        places = (self.position + torch.arange(len(keys), device=keys.device)) % size
        self.queue[places[-size:]] = keys[-size:]
        self.position.copy_((self.position + len(keys)) % size)
