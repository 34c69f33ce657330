"""Between the shades of a spectrogram image and what they stand for."""

from __future__ import annotations

import math

import torch

RANGE_DB = 80.0  # from the shade -1 to +1: both spans of edge_runtime.frontend.design.LIMITS_DB
SHADES_PER_DB = 2 / RANGE_DB
_NEPERS_PER_SHADE = math.log(10) / 10 / SHADES_PER_DB


def to_power(shades: torch.Tensor) -> torch.Tensor:
    """Shades to power, of which the shade 0 is the unit."""
    return torch.exp(shades * _NEPERS_PER_SHADE)


def to_shades(power: torch.Tensor) -> torch.Tensor:
    """Power to shades, clipped to -1..1 as the front end clips."""
    return (torch.log(power) / _NEPERS_PER_SHADE).clamp(-1, 1)
