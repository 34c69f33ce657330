"""Options that several commands share: types of values, and the settings of a model."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_runtime.contract.spec import Contract

# ---- types for argparse


def number(text: str) -> float:
    """Parse a finite number, 0 or more."""
    value = _float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a number, 0 or more")
    return value


def positive(text: str, limit: float = math.inf) -> float:
    """Parse a number above 0 and below ``limit``."""
    value = _float(text)
    if not 0 < value < limit:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a number above 0")
    return value


def count(text: str) -> int:
    """Parse a whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a whole number, 1 or more")
    return int(text)


def label_and_number(text: str) -> tuple[str, float]:
    """Parse ``LABEL=P``; the label may hold an equals sign."""
    label, equals, value = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError(
            f"is {text!r}, expected a label and a threshold, such as walk=0.8"
        )
    return label, number(value)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


# ---- settings


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings of ``img2imu run``; those not given are taken from the model file."""
    group = parser.add_argument_group(
        "settings", "replace those in the model file; docs/live.md explains them"
    )
    add_contract_arguments(group)
    group.add_argument(
        "--hold-s",
        type=number,
        default=0.0,
        metavar="S",
        help="wait up to S seconds for late samples (default: 0)",
    )
    group.add_argument(
        "--resample",
        choices=("linear", "polyphase"),
        default="linear",
        help="polyphase filters a faster sensor down to the model's rate (default: linear)",
    )


def add_contract_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the settings that a model file holds, for ``img2imu run`` and ``img2imu export``."""
    group.add_argument(
        "--max-gap-s",
        type=number,
        metavar="S",
        help="empty the window after a pause longer than S seconds",
    )
    group.add_argument(
        "--smoothing-windows",
        type=count,
        metavar="N",
        help="average the probabilities of N windows",
    )
    group.add_argument(
        "--threshold",
        type=number,
        metavar="P",
        help="show a label only from this probability on, 0 to 1",
    )
    group.add_argument(
        "--class-threshold",
        type=label_and_number,
        metavar="LABEL=P",
        action="append",
        default=[],
        help="threshold of one label; can be given more than once",
    )
    group.add_argument(
        "--debounce",
        type=count,
        metavar="N",
        help="show a label only after N equal decisions in a row",
    )
    group.add_argument(
        "--refractory-s",
        type=number,
        metavar="S",
        help="start no new label for S seconds after one has started",
    )


def apply_settings(contract: Contract, arguments: argparse.Namespace) -> Contract:
    """Return the contract with the settings of the command line.

    Raises:
        UserError: a setting makes no sense.
    """
    from edge_runtime.errors import ContractError, UserError

    settings: dict[str, Any] = {
        "smoothing_windows": arguments.smoothing_windows,
        "threshold": arguments.threshold,
        "debounce_decisions": arguments.debounce,
        "refractory_s": arguments.refractory_s,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    if arguments.class_threshold:
        of_file = contract.decision.class_thresholds
        settings["class_thresholds"] = of_file | dict(arguments.class_threshold)
    elif arguments.threshold is not None:
        settings["class_thresholds"] = {}  # --threshold alone is one threshold for all labels
    stream = contract.stream
    try:
        decision = replace(contract.decision, **settings)
        if arguments.max_gap_s is not None:
            stream = replace(stream, max_gap_s=arguments.max_gap_s)
        return replace(contract, stream=stream, decision=decision)
    except ContractError as error:
        problem = str(error).removeprefix("the model's contract has ")
        problem = problem.removesuffix(": export the model again")
        raise UserError(f"the options ask for {problem}: choose another value") from error
