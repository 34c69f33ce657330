"""The options ``mount`` and ``units`` of every source: a sensor's axes and units to the contract's.

``mount=-y,x,z`` says which axis of the sensor, with which sign, lies along the contract's x, y and
z. The gyroscope's vector is axial: under a mount that mirrors (an odd number of swaps and signs)
its sign turns the other way. So ``mount=-x,-y,-z`` corrects an accelerometer of the opposite sign
(iOS) and leaves the gyroscope unchanged.

``units=g,dps`` gives the units of the numbers: ``g``, ``mg`` or ``m/s2``, and ``dps`` or ``rad/s``.
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

RADIANS_PER_DEGREE = math.pi / 180
FACTORS = {  # unit to its sensor, and to the factor that converts to the contract's unit
    "m/s2": ("acc", 1.0),
    "g": ("acc", STANDARD_GRAVITY),
    "mg": ("acc", STANDARD_GRAVITY / 1000),
    "rad/s": ("gyro", 1.0),
    "dps": ("gyro", RADIANS_PER_DEGREE),
}


@dataclass(frozen=True)
class AxisMapping:
    """Axes and units of a sensor.

    Attributes:
        mount: for x, y and z of the contract, the axis of the sensor (0 to 2) and its sign.
        factors: pairs of a sensor and the factor for its values.
    """

    mount: tuple[tuple[int, float], ...] = ((0, 1.0), (1, 1.0), (2, 1.0))
    factors: tuple[tuple[str, float], ...] = ()

    def needs(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Return the channels of the sensor from which ``channels`` are made."""
        return tuple(dict.fromkeys(self._sensor_channel(name) for name in channels))

    def plan(self, channels: Sequence[str]) -> tuple[list[int], Float32Array]:
        """Return, for each channel, its column of ``needs(channels)`` and its factor."""
        needed = self.needs(channels)
        unit_factors = dict(self.factors)
        columns = []
        factors = []
        for name in channels:
            sensor, axis = name.split("_")
            _, sign = self.mount["xyz".index(axis)]
            handedness = self._handedness if sensor == "gyro" else 1.0
            columns.append(needed.index(self._sensor_channel(name)))
            factors.append(sign * handedness * unit_factors.get(sensor, 1.0))
        return columns, np.array(factors, np.float32)

    def _sensor_channel(self, channel: str) -> str:
        """Return the sensor's channel that lies along a channel of the contract."""
        sensor, axis = channel.split("_")
        sensor_axis, _ = self.mount["xyz".index(axis)]
        return f"{sensor}_{'xyz'[sensor_axis]}"

    @property
    def _handedness(self) -> float:
        """1 for a rotation, -1 for a mirror image."""
        matrix = np.zeros((3, 3))
        for i, (axis, sign) in enumerate(self.mount):
            matrix[i, axis] = sign
        return float(round(np.linalg.det(matrix)))


def parse_mapping(mount: str | None, units: str | None) -> AxisMapping:
    """Parse the two options.

    Raises:
        SourceError: an option is malformed.
    """
    mapping = AxisMapping()
    if mount is not None:
        mapping = AxisMapping(_parse_mount(mount))
    if units is not None:
        mapping = AxisMapping(mapping.mount, _parse_units(units))
    return mapping


def _parse_mount(mount: str) -> tuple[tuple[int, float], ...]:
    axis = "([+-]?[xyz])"
    match = re.fullmatch(f"{axis},{axis},{axis}", mount.replace(" ", "").lower())
    signed_axes = match.groups() if match else ()
    parsed = tuple(("xyz".index(text[-1]), -1.0 if text[0] == "-" else 1.0) for text in signed_axes)
    if len({axis for axis, _ in parsed}) != 3:
        raise SourceError(
            f"mount is {mount!r}, expected the sensor's axes that lie along x, y and z, each once, "
            "with a minus where they point the other way: write for example mount=-y,x,z"
        )
    return parsed


def _parse_units(units: str) -> tuple[tuple[str, float], ...]:
    names = [name.strip().lower() for name in units.split(",")]
    factors = dict(FACTORS.get(name, ("", 0.0)) for name in names)
    if not factors.keys() <= UNITS.keys() or len(factors) != len(names):
        raise SourceError(
            f"units is {units!r}, expected one of m/s2, g, mg for the accelerometer, one of rad/s, "
            "dps for the gyroscope, or both: write for example units=g,dps"
        )
    return tuple(factors.items())


class MappedSource:
    """A source converted to the contract's axes and units.

    Args:
        source: yields the channels ``mapping.needs(channels)``.
        mapping: axes and units of the source.
        channels: names of the columns to return, in order.
    """

    def __init__(self, source: Source, mapping: AxisMapping, channels: Sequence[str]) -> None:
        self._source = source
        self._columns, self._factors = mapping.plan(channels)

    @property
    def notes(self) -> Notes:
        """The notes of the wrapped source."""
        return self._source.notes

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._source:
            yield Chunk(chunk.timestamps_s, chunk.samples[:, self._columns] * self._factors)
