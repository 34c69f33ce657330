"""Momentum contrast, version 2 (He et al. 2020, arXiv 1911.05722; Chen et al. 2020, arXiv 2003.04297).

Two views of a picture shall look alike to the network, and unlike the views of other pictures. The
others come from a queue of views seen lately, encoded by a slowly moving copy of the network.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from img2imu.pretrain.encoders import feature_width


class Projector(nn.Module):
    """An encoder, and the two layers that version 2 puts behind it while pre-training.

    Args:
        encoder: images (B, 3, H, W) to features (B, D).
        dimensions: of the space in which views are compared.
    """

    def __init__(self, encoder: nn.Module, dimensions: int) -> None:
        super().__init__()
        width = feature_width(encoder)
        self.encoder = encoder
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dimensions))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W) to unit vectors (B, dimensions)."""
        return functional.normalize(self.mlp(self.encoder(images)).float(), dim=1)


class MoCo(nn.Module):
    """The network that learns (``query``), its slow copy (``key``), and the queue of keys.

    Args:
        encoder: what is to be pre-trained.
        queue_size: keys to compare with; the paper's 65,536.
        dimensions: of a key.
        momentum: share that the slow copy keeps of itself in a step.
        temperature: of the softmax; version 2's 0.2.
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
        """How much alike queries (B, D), their own keys (B, D) and the queue (K, D) are: (B, 1 + K), own key first."""
        own = (queries * keys).sum(1, keepdim=True)
        return torch.cat([own, queries @ self.queue.T], 1) / self.temperature

    def loss(self, queries: torch.Tensor, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """InfoNCE (van den Oord et al. 2018), and the share of queries whose own key is the most alike."""
        logits = self.logits(queries, keys)
        own = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        return functional.cross_entropy(logits, own), (logits.argmax(1) == 0).float().mean()

    @torch.no_grad()
    def move_key(self) -> None:
        """One step of the slow copy towards the network; running statistics of batch norm are each one's own."""
        for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)

    @torch.no_grad()
    def encode_keys(
        self, images: torch.Tensor, groups: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Keys (B, D) of views (B, 3, H, W), computed in shuffled groups.

        In one batch with its query, a key would be known by the statistics that batch norm took of
        both; section 3.3 of the paper therefore shuffles keys among GPUs. Groups do the same on
        one.
        """
        order = torch.randperm(len(images), generator=generator, device=images.device)
        keys = torch.cat([self.key(group) for group in images[order].chunk(groups)])
        return keys[order.argsort()]

    @torch.no_grad()
    def enqueue(self, keys: torch.Tensor) -> None:
        """Put keys (B, D) in the place of the oldest."""
        size = len(self.queue)
        places = (self.position + torch.arange(len(keys), device=keys.device)) % size
        self.queue[places[-size:]] = keys[-size:]
        self.position.copy_((self.position + len(keys)) % size)
