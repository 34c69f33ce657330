"""Fine-tuning of the backbone after the head, for ``finetuning.py``."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from finetuning_heads import Samples, front_end_of, reference_windows
from torch import nn

from edge_runtime.contract.head import CLIP, LinearHead, fit_head
from edge_runtime.frontend.design import block_sizes
from img2imu.backbone import EarlyBlocks, embed
from img2imu.baselines.random_network import estimate_batch_norm
from img2imu.baselines.training import seeded
from img2imu.fewshot.methods import Factory


@dataclass(frozen=True)
class Tuning:
    """How to fine-tune: head first, then both (LP-FT, Kumar et al. 2022), the backbone at a tenth of the head's rate.

    Attributes:
        steps: of Adam after the closed-form head; 0 leaves it at that.
        estimate_norm: batch-norm statistics are those of 128 unlabelled windows, not ImageNet's.
            Fixed either way.
        average: the weights are the mean over the second half of the steps (Izmailov et al. 2018).
        mixup: parameter of the Beta distribution of two windows' shares (Zhang et al. 2018); 0
            mixes none.
    """

    steps: int = 30
    estimate_norm: bool = False
    average: bool = False
    mixup: float = 0.0


HEAD_RATE, BACKBONE_RATE = 1e-3, 1e-4
BATCH_WINDOWS = 12
ROLL_COLUMNS = 4  # of 32: windows are shown up to an eighth of their length earlier or later


class Network(nn.Module):
    """Backbone and head, to be trained together; starts as the closed-form head on the given backbone."""

    def __init__(self, backbone: EarlyBlocks, head: LinearHead, sizes: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        scale = np.repeat(1 / np.sqrt(sizes), sizes)  # blocks of equal weight learn at equal pace
        self.register_buffer("mean", torch.tensor(head.mean, dtype=torch.float32))
        self.register_buffer("inverse_std", torch.tensor(head.inverse_std, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.weights = nn.Parameter(torch.tensor(head.weights / scale, dtype=torch.float32))
        self.bias = nn.Parameter(torch.tensor(head.bias, dtype=torch.float32))

    def forward(self, images: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
        """Images (B, n_images, H, W, 3) and statistics (B, n_statistics) to logits (B, classes)."""
        seen = self.backbone(images.flatten(0, 1))
        features = torch.cat([*(part.reshape(len(images), -1) for part in seen), statistics], 1)
        z = ((features - self.mean) * self.inverse_std).clamp(-CLIP, CLIP) * self.scale
        return z @ self.weights.T + self.bias


class TunedMethod:
    """A :class:`Tuning` as a method of the few-shot benchmark."""

    def __init__(self, rule: Tuning, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._rule, self._rate_hz, self._channels, self._seed = rule, rate_hz, channels, seed

    def fit(
        self, windows: Samples, labels: npt.NDArray[Any], unlabelled: Samples | None = None
    ) -> Self:
        """Head in closed form, then head and backbone together."""
        self._names, classes = np.unique(labels, return_inverse=True)
        self._front_end = front_end_of(self._rate_hz, self._channels, windows.shape[1])
        backbone = EarlyBlocks()
        if self._rule.estimate_norm:
            assert unlabelled is not None
            estimate_batch_norm(
                backbone, self._front_end.compute_batch(reference_windows(unlabelled, self._seed))
            )
        features = self._front_end.compute_batch(windows)
        blocks = embed(backbone, features)
        sizes = block_sizes(blocks, len(self._channels))
        network = Network(backbone, fit_head(np.concatenate(blocks, 1), classes, sizes), sizes)
        with seeded(self._seed):
            self._network = tune(
                network,
                torch.from_numpy(features.images),
                torch.from_numpy(features.statistics),
                torch.from_numpy(classes),
                self._rule,
            )
        return self

    @torch.inference_mode()
    def predict(self, windows: Samples) -> npt.NDArray[Any]:
        """Most probable class of each window."""
        answers = []
        for begin in range(0, len(windows), 64):
            features = self._front_end.compute_batch(windows[begin : begin + 64])
            logits = self._network(
                torch.from_numpy(features.images), torch.from_numpy(features.statistics)
            )
            answers.append(logits.argmax(1).numpy())
        return np.asarray(self._names[np.concatenate(answers)])


def tune(
    network: Network,
    images: torch.Tensor,
    statistics: torch.Tensor,
    classes: torch.Tensor,
    rule: Tuning,
) -> nn.Module:
    """Train; batch norm stays in eval mode throughout. The network, or its average."""
    head = [network.weights, network.bias]
    optimiser = torch.optim.Adam(
        [
            {"params": head, "lr": HEAD_RATE},
            {"params": network.backbone.parameters(), "lr": BACKBONE_RATE},
        ]
    )
    average = torch.optim.swa_utils.AveragedModel(network)
    targets = nn.functional.one_hot(classes).float()
    network.eval()
    for step in range(rule.steps):
        drawn = torch.randperm(len(images))[:BATCH_WINDOWS]
        shift = int(torch.randint(-ROLL_COLUMNS, ROLL_COLUMNS + 1, ()))
        x, extra, target = images[drawn].roll(shift, 3), statistics[drawn], targets[drawn]
        if rule.mixup:
            share = float(torch.distributions.Beta(rule.mixup, rule.mixup).sample())
            x, extra, target = (
                share * part + (1 - share) * part.flip(0) for part in (x, extra, target)
            )
        loss = nn.functional.cross_entropy(network(x, extra), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if 2 * step >= rule.steps:
            average.update_parameters(network)
    return average if rule.average else network


TUNED = {
    "norm": Tuning(steps=0, estimate_norm=True),
    "lp-ft": Tuning(),
    "lp-ft, norm": Tuning(estimate_norm=True),
    "lp-ft, average": Tuning(average=True),
    "lp-ft, mixup": Tuning(mixup=0.4),
}


def tuned_methods() -> Mapping[str, Factory]:
    """Fine-tuning: seconds for every cell."""
    return {name: functools.partial(TunedMethod, rule) for name, rule in TUNED.items()}
