"""What ``MotionClassifier`` is measured against: one module and one class for each baseline, one interface for all."""

from __future__ import annotations

import importlib

from edge_runtime.errors import DataError, MissingExtraError
from img2imu.baselines.interface import Baseline

__all__ = ["BASELINES", "Baseline", "make"]

# name -> module and class, imported when it is made: most want torch, scikit-learn or aeon
BASELINES: dict[str, str] = {
    "statistics_lr": "img2imu.baselines.statistics_lr:StatisticsLogisticRegression",
    "statistics_forest": "img2imu.baselines.statistics_forest:StatisticsForest",
    "minirocket": "img2imu.baselines.minirocket:MiniRocketRidge",
    "multirocket_hydra": "img2imu.baselines.multirocket_hydra:MultiRocketHydra",
    "cnn": "img2imu.baselines.cnn:ConvolutionalNetwork",
    "deep_conv_lstm": "img2imu.baselines.deep_conv_lstm:DeepConvLSTM",
    "random_network": "img2imu.baselines.random_network:RandomNetwork",
    "spectra_no_network": "img2imu.baselines.spectra_no_network:SpectraNoNetwork",
    "limu_bert_frozen": "img2imu.baselines.limu_bert_frozen:LimuBertFrozen",
    "limu_bert_finetuned": "img2imu.baselines.limu_bert_finetuned:LimuBertFinetuned",
    "paper_literal": "img2imu.baselines.paper_literal:PaperLiteral",
}
DRAWS_AT_MOST = {
    "limu_bert_finetuned": 3,
    "paper_literal": 2,
}  # 10 to 60 s a cell: few draws show where they stand
EXTRA_OF = {"aeon": "bench"}  # the others come with the trainer


def make(name: str, rate_hz: float, channels: tuple[str, ...], seed: int) -> Baseline:
    """A baseline, not yet fitted.

    Args:
        name: a key of :data:`BASELINES`.
        rate_hz: samples per second of the windows.
        channels: names of their columns.
        seed: of every random choice.

    Raises:
        DataError: no such baseline, or one that cannot use these channels.
        MissingExtraError: a package that it needs is not installed.
    """
    if name not in BASELINES:
        raise DataError(
            f"there is no baseline {name!r}, expected one of {', '.join(BASELINES)}: check the spelling"
        )
    module, _, class_name = BASELINES[name].partition(":")
    try:
        baseline: type[Baseline] = getattr(importlib.import_module(module), class_name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise MissingExtraError(package, EXTRA_OF.get(package, "train")) from error
    return baseline(rate_hz, channels, seed)
