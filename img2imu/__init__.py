"""img2imu: from a few labelled IMU recordings to a model file that recognises motions on a device.

Everything loads on first use: ``import img2imu`` alone imports neither torch nor scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_runtime import __version__
    from img2imu.classifier import MotionClassifier

__all__ = ["MotionClassifier", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from edge_runtime import __version__

        return __version__
    if name == "MotionClassifier":
        try:
            from img2imu.classifier import MotionClassifier
        except ModuleNotFoundError as error:
            from edge_runtime.errors import MissingExtraError

            raise MissingExtraError(error.name or "", "train") from error
        return MotionClassifier
    raise AttributeError(f"module 'img2imu' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
