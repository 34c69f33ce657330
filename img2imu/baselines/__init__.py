"""The methods of the few-shot benchmark: ``MotionClassifier`` and the baselines to compare it with.

All have the interface :class:`Baseline`. The class of a method is imported when the method is made,
since most of them need torch, scikit-learn or aeon.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence

from edge_runtime.errors import DataError, MissingExtraError
from img2imu.baselines.interface import Baseline

__all__ = ["BASELINES", "METHODS", "OURS", "Baseline", "Factory", "make", "pick_methods"]

Factory = Callable[[float, tuple[str, ...], int], Baseline]  # rate_hz, channels, seed

OURS = "img2imu"
# name -> "module:class", in the order of the tables
METHODS: dict[str, str] = {
    OURS: "img2imu.baselines.variants:Img2Imu",
    "statistics_lr": "img2imu.baselines.signal_statistics:StatisticsLogisticRegression",
    "statistics_forest": "img2imu.baselines.signal_statistics:StatisticsForest",
    "minirocket": "img2imu.baselines.rocket:MiniRocketRidge",
    "multirocket_hydra": "img2imu.baselines.rocket:MultiRocketHydra",
    "cnn": "img2imu.baselines.from_scratch:ConvolutionalNetwork",
    "deep_conv_lstm": "img2imu.baselines.from_scratch:DeepConvLSTM",
    "random_network": "img2imu.baselines.variants:RandomNetwork",
    "spectra_no_network": "img2imu.baselines.variants:SpectraNoNetwork",
    "limu_bert_frozen": "img2imu.baselines.limu_bert:LimuBertFrozen",
    "limu_bert_finetuned": "img2imu.baselines.limu_bert:LimuBertFinetuned",
    "paper_literal": "img2imu.baselines.paper_literal:PaperLiteral",
}
BASELINES = tuple(name for name in METHODS if name != OURS)
# One cell of these takes 10 to 60 s. A few draws show where they stand.
MAX_DRAWS = {"limu_bert_finetuned": 3, "paper_literal": 2}
EXTRA_OF = {"aeon": "bench"}  # every other package comes with the extra "train"


def pick_methods(names: Sequence[str] | None) -> dict[str, Factory]:
    """Return the named methods in the order of the tables, or all methods without names.

    Raises:
        DataError: there is no method of a given name.
    """
    for name in names or ():
        _check_name(name)
    return {name: functools.partial(make, name) for name in METHODS if not names or name in names}


def make(name: str, rate_hz: float, channels: tuple[str, ...], seed: int) -> Baseline:
    """Make a method, not yet fitted.

    Args:
        name: a key of :data:`METHODS`.
        rate_hz: samples per second of the windows.
        channels: names of their columns.
        seed: seed of every random choice.

    Raises:
        DataError: there is no such method, or it cannot use these channels.
        MissingExtraError: a package that it needs is not installed.
    """
    _check_name(name)
    module, _, class_name = METHODS[name].partition(":")
    try:
        method: type[Baseline] = getattr(importlib.import_module(module), class_name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise MissingExtraError(package, EXTRA_OF.get(package, "train")) from error
    return method(rate_hz, channels, seed)


def _check_name(name: str) -> None:
    if name not in METHODS:
        raise DataError(
            f"there is no method {name!r}, expected one of {', '.join(METHODS)}: check the spelling"
        )
