"""Whole image networks of torchvision on the same spectrogram images: what people reach for first, to compare with.

They are fine-tuned on the labelled windows and go through the same export. Weights of photographs
are not in torchvision's wheel; without a file of them a network begins at random, which is enough
for what an export matrix asks (size, speed, what quantising changes) and says nothing about how
well such a network can recognise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision import models

from edge_runtime.errors import DataError
from edge_runtime.frontend import Features, FrontEnd
from export.pipeline import Exportable, build_contract
from img2imu.baselines.training import seeded
from img2imu.classifier import MotionClassifier
from img2imu.progress import track
from img2imu.storage import Header

BATCH_WINDOWS = 16
# torch's default; with MobileNetV3's own 0.01, so few steps leave the running statistics near where
# they began
NORM_MOMENTUM = 0.1


@dataclass(frozen=True)
class Candidate:
    """A torchvision network, and how it is fine-tuned.

    Attributes:
        make: the network without weights.
        last: name of its last layers, which know the thousand classes of ImageNet.
        steps: batches to learn from.
        rate: of AdamW, falling to nothing along a cosine.
    """

    make: Callable[[], nn.Module]
    last: str
    steps: int
    rate: float


NETWORKS = {
    "resnet18": Candidate(models.resnet18, "fc", 60, 1e-3),
    "mobilenet_v3_small": Candidate(models.mobilenet_v3_small, "classifier", 150, 3e-3),
}


class ImageNetwork(nn.Module):
    """A torchvision network over every image of a window, and a linear layer over all that they gave.

    Args:
        name: out of :data:`NETWORKS`.
        features: of the windows to learn from; they give the sizes, and the scale of the
            statistics.
        classes: to tell apart.
        weights: a state dict as torchvision publishes them; None begins at random.

    Raises:
        DataError: the weights are missing or do not fit.
    """

    def __init__(
        self, name: str, features: Features, classes: int, weights: Path | None = None
    ) -> None:
        super().__init__()
        candidate = NETWORKS[name]
        self.backbone = candidate.make()
        if weights is not None:
            _load(self.backbone, weights)
        setattr(self.backbone, candidate.last, nn.Identity())
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = NORM_MOMENTUM
        n_images, size = features.images.shape[1], self._size(features)
        self.register_buffer("mean", torch.from_numpy(features.statistics.mean(0)))
        self.register_buffer("std", torch.from_numpy(features.statistics.std(0) + 1e-3))
        self.linear = nn.Linear(n_images * size + features.statistics.shape[1], classes)

    def forward(
        self, images: torch.Tensor, statistics: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (windows * n_images, H, W, 3), statistics (windows, s) to probabilities and embedding, by window."""
        seen = self.backbone(images.permute(0, 3, 1, 2)).reshape(len(statistics), -1)
        embedding = torch.cat([seen, (statistics - self.mean) / self.std], 1)
        return torch.softmax(self.linear(embedding), 1), embedding

    @torch.inference_mode()
    def _size(self, features: Features) -> int:
        self.backbone.eval()
        return int(
            self.backbone(torch.from_numpy(features.images[0, :1]).permute(0, 3, 1, 2)).numel()
        )


def fine_tuned(
    name: str,
    classifier: MotionClassifier,
    header: Header,
    weights: Path | None = None,
    show_progress: bool = True,
) -> Exportable:
    """A network fine-tuned on the windows that a classifier learnt from, ready to be exported.

    Args:
        name: out of :data:`NETWORKS`.
        classifier: fitted; gives windows, classes, front end and seed.
        header: where the windows come from.
        weights: see :class:`ImageNetwork`.
        show_progress: draw a bar.
    """
    candidate, contract = NETWORKS[name], build_contract(classifier, header)
    features = FrontEnd.of(contract).compute_batch(classifier.support_windows_)
    truth = torch.from_numpy(classifier.support_classes_)
    with seeded(classifier.seed):
        network = ImageNetwork(name, features, len(contract.labels), weights)
        optimiser = torch.optim.AdamW(network.parameters(), candidate.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, candidate.steps)
        network.train()
        for _ in track(
            range(candidate.steps), f"fine-tuning {name}", candidate.steps, show=show_progress
        ):
            chosen = torch.randint(len(truth), (BATCH_WINDOWS,))
            images = torch.from_numpy(features.images[chosen.numpy()]).flatten(0, 1)
            probabilities, _ = network(
                images, torch.from_numpy(features.statistics[chosen.numpy()])
            )
            loss = nn.functional.nll_loss(torch.log(probabilities + 1e-9), truth[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval().requires_grad_(False)
    return Exportable(
        network, contract, classifier.support_windows_, np.asarray(classifier.support_classes_)
    )


def _load(network: nn.Module, path: Path) -> None:
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise DataError(
            f"{path} holds no weights of this network ({(str(error).splitlines() or [''])[0][:120]}), "
            "expected a state dict as torchvision publishes them: check the file"
        ) from error
