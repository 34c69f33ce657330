"""One recording in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.errors import SourceError


@dataclass(frozen=True, eq=False)
class Recording:
    """The timestamps and samples of one recorded file.

    Attributes:
        name: file name, for messages.
        timestamps_s: (n,) float64, seconds on the sensor's clock, as recorded. It may pause or run
            backwards.
        samples: (n, channels) float32, SI units. NaN where the file has NaN.
        channels: names of the columns of ``samples``.
        ignored: columns of the file that are not channels. Messages list them, because one of them
            may be a misspelt channel.

    Raises:
        SourceError: the shapes disagree, a channel is repeated, or there are no samples.
    """

    name: str
    timestamps_s: Float64Array
    samples: Float32Array
    channels: tuple[str, ...]
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.timestamps_s.ndim != 1 or self.samples.shape != (
            len(self.timestamps_s),
            len(self.channels),
        ):
            raise SourceError(
                f"{self.name} holds timestamps of shape {self.timestamps_s.shape}, samples of "
                f"shape {self.samples.shape} and {len(self.channels)} channel names, expected "
                "(n,), (n, channels) and one name per column: write the file again"
            )
        if len(set(self.channels)) < len(self.channels):
            raise SourceError(
                f"{self.name} names a channel twice ({', '.join(self.channels)}), expected each "
                "once: rename or remove one of them"
            )
        if len(self.timestamps_s) == 0:
            raise SourceError(
                f"{self.name} holds no samples, expected at least one: record it again"
            )

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the last, in seconds."""
        return float(self.timestamps_s[-1] - self.timestamps_s[0])

    def select(self, channels: Sequence[str]) -> Recording:
        """Return this recording with only the named channels, in that order.

        Raises:
            SourceError: the recording lacks one of them.
        """
        missing = [name for name in channels if name not in self.channels]
        if missing:
            columns = ", ".join((*self.channels, *self.ignored)) or "none"
            raise SourceError(
                f"{self.name} lacks the channels {', '.join(missing)}, its columns are {columns}: "
                "rename the column in the header if it is there under another name (acc in m/s^2 "
                "with gravity, gyro in rad/s), or record that sensor too"
            )
        indices = [self.channels.index(name) for name in channels]
        samples = np.ascontiguousarray(self.samples[:, indices])
        return replace(self, samples=samples, channels=tuple(channels))


def as_float32(numbers: npt.NDArray[Any]) -> Float32Array:
    """Convert to float32. A number too large becomes infinite, which the recogniser refuses."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)
