"""One recording in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.errors import SourceError


@dataclass(frozen=True, eq=False)
class Recording:
    """Everything that one file says about one motion.

    Attributes:
        name: file name, for messages.
        timestamps_s: (n,) float64, seconds on the sensor's clock, as recorded: it may pause or run
            back.
        samples: (n, channels) float32, SI units; NaN where the file says so.
        channels: names of the columns.
        ignored: columns of the file that are no channel; messages name them, since one may be a
            channel misspelt.

    Raises:
        SourceError: the shapes disagree, a channel comes twice, or there is no sample.
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
                f"{self.name} holds timestamps of shape {self.timestamps_s.shape}, samples of shape "
                f"{self.samples.shape} and {len(self.channels)} channel names, expected (n,), (n, channels) and one "
                "name a column: write the file again"
            )
        if len(set(self.channels)) < len(self.channels):
            raise SourceError(
                f"{self.name} names a channel twice ({', '.join(self.channels)}), expected each once: "
                "rename or remove one of them"
            )
        if len(self.timestamps_s) == 0:
            raise SourceError(
                f"{self.name} holds no samples, expected at least one: record it again"
            )

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the last, seconds."""
        return float(self.timestamps_s[-1] - self.timestamps_s[0])

    def select(self, channels: Sequence[str]) -> Recording:
        """The same recording with just these columns, in this order.

        Raises:
            SourceError: the recording lacks one of them.
        """
        missing = [name for name in channels if name not in self.channels]
        if missing:
            found = ", ".join((*self.channels, *self.ignored)) or "none"
            raise SourceError(
                f"{self.name} lacks the channels {', '.join(missing)}, its columns are {found}: rename the column in "
                "the header if it is there under another name (acc in m/s^2 with gravity, gyro in rad/s), or record "
                "that sensor too"
            )
        columns = [self.channels.index(name) for name in channels]
        return replace(
            self, samples=np.ascontiguousarray(self.samples[:, columns]), channels=tuple(channels)
        )
