"""From a sensor's own axes and units to the contract's: the options ``mount`` and ``units`` of every source.

``mount=-y,x,z`` says which axis of the sensor, with which sign, lies along the contract's x, y and
z. The gyroscope's vector is axial: under a mount that mirrors (an odd number of swaps and signs)
its sign turns the other way, so ``mount=-x,-y,-z`` mends an accelerometer of the opposite sign
(iOS) and leaves the gyroscope as it is. ``units=g,dps`` says what the numbers are in: ``g``, ``mg``
or ``m/s2``, and ``dps`` or ``rad/s``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import UNITS
from edge_runtime.errors import SourceError
from edge_runtime.sources.notes import Notes
from edge_runtime.sources.source import Source
from edge_runtime.stream.checks import STANDARD_GRAVITY
from edge_runtime.stream.chunk import Chunk

AXES = "xyz"
FACTORS = {  # unit to sensor, and what brings it to the contract's
    "m/s2": ("acc", 1.0),
    "g": ("acc", STANDARD_GRAVITY),
    "mg": ("acc", STANDARD_GRAVITY / 1000),
    "rad/s": ("gyro", 1.0),
    "dps": ("gyro", math.pi / 180),
}


@dataclass(frozen=True)
class Mapping:
    """Axes and units.

    Attributes:
        mount: for x, y and z of the contract, the axis of the sensor (0 to 2) and its sign.
        factors: sensor to what its values are multiplied by.
    """

    mount: tuple[tuple[int, float], ...] = ((0, 1.0), (1, 1.0), (2, 1.0))
    factors: tuple[tuple[str, float], ...] = ()

    def needs(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Channels of the sensor from which ``channels`` can be made."""
        return tuple(
            dict.fromkeys(
                f"{sensor}_{AXES[self.mount[AXES.index(axis)][0]]}"
                for sensor, axis in (name.split("_") for name in channels)
            )
        )

    def plan(self, channels: Sequence[str]) -> tuple[list[int], Float32Array]:
        """For each channel, the column of ``needs(channels)`` that it comes from, and the factor."""
        columns, factors = [], []
        for name in channels:
            sensor, axis = name.split("_")
            source_axis, sign = self.mount[AXES.index(axis)]
            columns.append(self.needs(channels).index(f"{sensor}_{AXES[source_axis]}"))
            factors.append(
                sign
                * (self._handedness if sensor == "gyro" else 1.0)
                * dict(self.factors).get(sensor, 1.0)
            )
        return columns, np.array(factors, np.float32)

    @property
    def _handedness(self) -> float:
        """1 for a rotation, -1 for a mirror image."""
        rows = np.zeros((3, 3))
        for i, (axis, sign) in enumerate(self.mount):
            rows[i, axis] = sign
        return float(round(np.linalg.det(rows)))


def parse_mapping(mount: str | None, units: str | None) -> Mapping:
    """Read the two options.

    Raises:
        SourceError: not such axes or units.
    """
    mapping = Mapping()
    if mount is not None:
        axes = re.fullmatch(
            r"([+-]?[xyz]),([+-]?[xyz]),([+-]?[xyz])", mount.replace(" ", "").lower()
        )
        found_axes = axes.groups() if axes else ()
        parsed = tuple(
            (AXES.index(axis[-1]), -1.0 if axis[0] == "-" else 1.0) for axis in found_axes
        )
        if len({axis for axis, _ in parsed}) != 3:
            raise SourceError(
                f"mount is {mount!r}, expected the sensor's axes that lie along x, y and z, each once, "
                "with a minus where they point the other way: write for example mount=-y,x,z"
            )
        mapping = Mapping(parsed)
    if units is not None:
        found = dict(FACTORS.get(unit.strip().lower(), ("", 0.0)) for unit in units.split(","))
        if not found.keys() <= UNITS.keys() or len(found) != len(units.split(",")):
            raise SourceError(
                f"units is {units!r}, expected one of m/s2, g, mg for the accelerometer, one of rad/s, "
                "dps for the gyroscope, or both: write for example units=g,dps"
            )
        mapping = Mapping(mapping.mount, tuple(found.items()))
    return mapping


class MappedSource:
    """Another source in the contract's axes and units.

    Args:
        source: gives ``mapping.needs(channels)``.
        mapping: axes and units.
        channels: columns to give, in order.
    """

    def __init__(self, source: Source, mapping: Mapping, channels: Sequence[str]) -> None:
        self._source = source
        self._columns, self._factors = mapping.plan(channels)

    @property
    def notes(self) -> Notes:
        """Those of the other source."""
        return self._source.notes

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._source:
            yield Chunk(chunk.timestamps_s, chunk.samples[:, self._columns] * self._factors)
