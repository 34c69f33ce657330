"""img2imu: from a few labelled IMU recordings to a model file that recognises motions on a device.

Heavy modules load when they are first used: ``import img2imu`` alone needs neither torch nor
scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2imu.classifier import MotionClassifier

__all__ = ["MotionClassifier"]


def __getattr__(name: str) -> Any:
    if name == "MotionClassifier":
        try:
            from img2imu.classifier import MotionClassifier
        except ModuleNotFoundError as error:
            from edge_runtime.errors import MissingExtraError

            raise MissingExtraError(error.name or "", "train") from error
        return MotionClassifier
    raise AttributeError(f"module 'img2imu' has no attribute {name!r}")
