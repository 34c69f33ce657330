"""Options of ``img2imu run`` that take the place of the contract's settings."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_runtime.contract import Contract


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options; without them the model file rules."""
    group = parser.add_argument_group("settings", "in place of the model file's own; docs/live.md explains them")
    group.add_argument("--max-gap-s", type=number, metavar="S", help="a longer pause between samples empties "
                       "the window")
    group.add_argument("--hold-s", type=number, default=0.0, metavar="S", help="let samples wait so long for earlier "
                       "ones that are still under way (default: 0)")
    group.add_argument("--resample", choices=("linear", "polyphase"), default="linear", help="polyphase takes a sensor "
                       "faster than the model's rate and filters it down (default: linear)")


def adapted(contract: Contract, arguments: argparse.Namespace) -> Contract:
    """The contract with the settings that were given.

    Raises:
        UserError: a setting makes no sense.
    """
    from edge_runtime.errors import ContractError, UserError

    try:
        if arguments.max_gap_s is not None:
            contract = replace(contract, stream=replace(contract.stream, max_gap_s=arguments.max_gap_s))
    except ContractError as error:
        sentence = str(error).removeprefix("the model's contract has ").removesuffix(": export the model again")
        raise UserError(f"the options ask for {sentence}: choose another value") from error
    return contract


def number(text: str) -> float:
    """A finite number, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a number, 0 or more")
    return value
