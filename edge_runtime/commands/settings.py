"""Options for the contract's settings: ``img2imu export`` writes them into the model file, ``run`` takes others."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import number

if TYPE_CHECKING:
    from edge_runtime.contract.spec import Contract


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``img2imu run``; without them the model file rules."""
    group = parser.add_argument_group(
        "settings", "in place of the model file's own; docs/live.md explains them"
    )
    add_contract_arguments(group)
    group.add_argument(
        "--hold-s",
        type=number,
        default=0.0,
        metavar="S",
        help="let samples wait so long for earlier ones that are still under way (default: 0)",
    )
    group.add_argument(
        "--resample",
        choices=("linear", "polyphase"),
        default="linear",
        help="polyphase takes a sensor "
        "faster than the model's rate and filters it down (default: linear)",
    )


def add_contract_arguments(group: argparse._ArgumentGroup) -> None:
    """The options for what a model file holds."""
    group.add_argument(
        "--max-gap-s",
        type=number,
        metavar="S",
        help="a longer pause between samples empties the window",
    )
    group.add_argument(
        "--smoothing-windows",
        type=count,
        metavar="N",
        help="average the probabilities of so many windows",
    )
    group.add_argument(
        "--threshold", type=number, metavar="P", help="smallest probability of a label, 0 to 1"
    )
    group.add_argument(
        "--class-threshold",
        type=label_and_number,
        metavar="LABEL=P",
        action="append",
        default=[],
        help="another threshold for this label; can be given more than once",
    )
    group.add_argument(
        "--debounce",
        type=count,
        metavar="N",
        help="give a label when so many decisions agree in a row",
    )
    group.add_argument(
        "--refractory-s",
        type=number,
        metavar="S",
        help="after a label has begun, let none begin for so long",
    )


def adapted(contract: Contract, arguments: argparse.Namespace) -> Contract:
    """The contract with the settings that were given.

    Raises:
        UserError: a setting makes no sense.
    """
    from edge_runtime.errors import ContractError, UserError

    own = contract.decision.class_thresholds
    given = {
        "smoothing_windows": arguments.smoothing_windows,
        "threshold": arguments.threshold,
        "class_thresholds": own | dict(arguments.class_threshold)
        if arguments.class_threshold
        else None,
        "debounce_decisions": arguments.debounce,
        "refractory_s": arguments.refractory_s,
    }
    if arguments.threshold is not None and not arguments.class_threshold:
        given["class_thresholds"] = {}  # one threshold for all was asked for
    decision = replace(
        contract.decision, **{name: value for name, value in given.items() if value is not None}
    )
    stream = contract.stream
    if arguments.max_gap_s is not None:
        stream = replace(stream, max_gap_s=arguments.max_gap_s)
    try:
        return replace(contract, stream=stream, decision=decision)
    except ContractError as error:
        sentence = (
            str(error)
            .removeprefix("the model's contract has ")
            .removesuffix(": export the model again")
        )
        raise UserError(f"the options ask for {sentence}: choose another value") from error


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a whole number, 1 or more")
    return int(text)


def label_and_number(text: str) -> tuple[str, float]:
    """``LABEL=P``; the label may hold an equals sign."""
    label, equals, value = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError(
            f"is {text!r}, expected a label and a threshold, such as walk=0.8"
        )
    return label, number(value)
