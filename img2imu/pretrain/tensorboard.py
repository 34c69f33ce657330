"""Curves for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import MissingExtraError

if TYPE_CHECKING:
    from img2imu.pretrain.trainer import Step

CURVES = ("loss", "accuracy", "learning_rate", "images_per_s", "damaged")


class Curves:
    """Writes every step to a directory that ``tensorboard --logdir`` shows.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or "tensorboard", "train") from None
        self._writer = SummaryWriter(str(directory))

    def add(self, step: Step) -> None:
        """One point of each curve."""
        for name in CURVES:
            self._writer.add_scalar(name, getattr(step, name), step.step)

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()
