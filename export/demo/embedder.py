"""The network that ships with the runtime for teaching on the device: ``python -m export.demo.embedder`` makes it anew.

It knows no classes: the early blocks of EfficientNet-Lite0 as photographs taught them, one
spectrogram image in, its texture out. Any number of images makes an embedding, so it serves windows
of any length, rate and axes. The ranges of its int8 activations are those of the watch data's
images, at windows of several lengths.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import design_front_end
from edge_runtime.teaching.embedder import EMBEDDER
from export.converters.litert_torch import LitertTorch
from export.recipes import RECIPES
from img2imu.backbone import EarlyBlocks, pretrained_backbone
from img2imu.datasets import load_data_set
from img2imu.windows import cut_windows

SEED = 0
WINDOWS_S = (1.0, 2.0, 5.0)
WINDOWS_EACH = 40


class ImageEmbedder(nn.Module):
    """The texture of one image.

    Args:
        backbone: whose first output it is.
    """

    def __init__(self, backbone: EarlyBlocks) -> None:
        super().__init__()
        self.backbone = backbone
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Image (1, H, W, 3) to texture (1, H / 8 * 40)."""
        texture, _, _ = self.backbone(images)
        return torch.as_tensor(texture)


def calibration_images() -> Float32Array:
    """Images (n, H, W, 3) of the watch data."""
    data_set, random = load_data_set("watch"), np.random.default_rng(SEED)
    images = []
    for window_s in WINDOWS_S:
        windows = cut_windows(data_set, window_s)
        n, channels = windows.samples.shape[1:]
        front_end = FrontEnd(
            design_front_end(data_set.rate_hz, n, data_set.channels), n, channels, data_set.rate_hz
        )
        drawn = front_end.compute_batch(
            windows.samples[random.choice(len(windows), WINDOWS_EACH, replace=False)]
        )
        images.append(drawn.images.reshape(-1, *drawn.images.shape[2:]))
    return np.concatenate(images)


def main() -> None:
    """Convert, quantise and write."""
    made = LitertTorch(ImageEmbedder(pretrained_backbone()), calibration_images()).to_tflite(
        RECIPES["int8"]
    )
    with atomic_write(EMBEDDER) as file:
        file.write(made)
    print(f"wrote {EMBEDDER.name}: {len(made) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
