"""What happens to sensors, done to pictures: x is time, y frequency, the colours a sensor's axes.

There is no vertical flip, rotation or vertical crop here, and there must be none: they pass one
frequency off as another, and which frequency it was is what recognition lives on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from edge_runtime.errors import DataError
from img2imu.pretrain.augmentations.axis_mixing import AxisMixing
from img2imu.pretrain.augmentations.gain import Gain
from img2imu.pretrain.augmentations.resolution_loss import ResolutionLoss
from img2imu.pretrain.augmentations.sensor_noise import SensorNoise
from img2imu.pretrain.augmentations.time_crop import TimeCrop, centre_columns
from img2imu.pretrain.augmentations.time_masking import TimeMasking
from img2imu.pretrain.augmentations.time_permutation import TimePermutation
from img2imu.pretrain.augmentations.time_shift import TimeShift

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

# In the order in which they are applied: the motion, then how the sensor is worn, then what it and
# the link lose.
AUGMENTATIONS: dict[str, Callable[[], Augmentation]] = {
    "time-crop": TimeCrop,
    "time-shift": TimeShift,
    "time-permutation": TimePermutation,
    "axis-mixing": AxisMixing,
    "gain": Gain,
    "sensor-noise": SensorNoise,
    "resolution-loss": ResolutionLoss,
    "time-masking": TimeMasking,
}
APPLIED_SHARE = 0.8  # SimCLR's and MoCo v2's probability of colour jitter


class Augmenter:
    """Makes a view of each picture; two calls make two different views.

    Args:
        names: out of :data:`AUGMENTATIONS`; applied in the table's order.
        share: of the images that each augmentation is applied to. A ``time-crop`` is applied to
            all.

    Raises:
        DataError: an unknown name.
    """

    def __init__(
        self, names: Sequence[str] = tuple(AUGMENTATIONS), share: float = APPLIED_SHARE
    ) -> None:
        unknown = [name for name in names if name not in AUGMENTATIONS]
        if unknown:
            raise DataError(
                f"there is no augmentation {unknown[0]!r}, expected some of {', '.join(AUGMENTATIONS)}: "
                "correct the name or leave it out"
            )
        self.names = tuple(name for name in AUGMENTATIONS if name in names)
        self.share = share
        self._crop: Augmentation | None = TimeCrop() if "time-crop" in names else None
        self._others = [AUGMENTATIONS[name]() for name in self.names if name != "time-crop"]

    def __call__(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Pictures (B, 3, IMAGE_HEIGHT, PICTURE_WIDTH) to views (B, 3, IMAGE_HEIGHT, IMAGE_WIDTH), in -1..1.

        Args:
            pictures: in -1..1, on any device.
            generator: of all draws, on the same device.
        """
        views = self._crop(pictures, generator) if self._crop else centre_columns(pictures)
        for augmentation in self._others:
            chosen = (
                torch.rand(len(views), 1, 1, 1, generator=generator, device=views.device)
                < self.share
            )
            views = torch.where(chosen, augmentation(views, generator), views)
        return views
