"""``replay:PATH``: a recorded file, played back as if it came from a sensor.

Options: ``speed`` (1, the default, is real time, 2.5 is faster, ``max`` does not wait), ``lead_s``
(seconds at the beginning that come at once), ``rate_hz`` (for a file without timestamps),
``recording`` (number of a recording in a data set).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence

import numpy as np

from edge_runtime.arrays import Float64Array
from edge_runtime.errors import SourceError
from edge_runtime.recordings import Recording, read_recording
from edge_runtime.sources.notes import Notes
from edge_runtime.stream.chunk import Chunk
from edge_runtime.uri import parse_source_uri

CHUNK_S = 0.02  # waiting time covered by a chunk; a chunk has at least one sample
UNPACED_CHUNK_SAMPLES = 1024
LONGEST_SLEEP_S = 3600.0  # a damaged timestamp can ask for more than time.sleep accepts


class ReplaySource:
    """Yields chunks of a recording, each when its last sample is due.

    Args:
        recording: the recording to play.
        channels: names of the columns to return, in order.
        speed: 1 is real time, ``math.inf`` does not wait.
        lead_s: this much of the beginning comes at once, so that the first decision does not have
            to wait for a whole window.

    Attributes:
        recording: the recording, with the columns in the order of ``channels``.
        notes: always empty.

    Raises:
        SourceError: the recording lacks a channel, or the speed or lead is out of range.
    """

    def __init__(
        self, recording: Recording, channels: Sequence[str], speed: float = 1.0, lead_s: float = 0.0
    ) -> None:
        if not speed > 0:
            raise SourceError(
                f"{recording.name} is to be played at speed {speed:g}, expected above 0 or max: "
                "use 1 for real time"
            )
        if not 0 <= lead_s < math.inf:
            raise SourceError(
                f"{recording.name} is to be played with lead_s={lead_s:g}, expected 0 or more "
                "seconds: use 0 to play all of it in real time"
            )
        self.recording = recording.select(channels)
        self.notes = Notes(recording.name)
        times_s = recording.timestamps_s
        # Infinite timestamps are refused later, by the recogniser.
        with np.errstate(invalid="ignore", over="ignore"):
            self._due_s = (times_s - times_s[0] - lead_s) / speed
        self._boundaries = _chunk_boundaries(self._due_s, speed)

    @staticmethod
    def from_uri(rest: str, channels: Sequence[str], rate_hz: float | None = None) -> ReplaySource:
        """Open ``PATH[?speed=..&lead_s=..&rate_hz=..&recording=..]``.

        The argument ``rate_hz`` has no effect: the rate of a recording cannot be set.

        Raises:
            SourceError: the file cannot be read, lacks a channel, or an option is invalid.
        """
        target = parse_source_uri(rest, ("speed", "lead_s", "rate_hz", "recording"))
        speed = math.inf if target.options.get("speed") == "max" else target.number("speed")
        lead_s = target.number("lead_s") or 0.0
        recording = read_recording(
            target.name,
            rate_hz=target.number("rate_hz"),
            recording=target.whole_number("recording"),
        )
        return ReplaySource(recording, channels, 1.0 if speed is None else speed, lead_s)

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the last, on the recording's clock, in seconds."""
        return self.recording.duration_s

    def __iter__(self) -> Iterator[Chunk]:
        started_s = time.monotonic()
        for start, stop in itertools.pairwise(self._boundaries):
            _wait_until(started_s + float(self._due_s[stop - 1]))
            yield Chunk(self.recording.timestamps_s[start:stop], self.recording.samples[start:stop])


def _chunk_boundaries(due_s: Float64Array, speed: float) -> list[int]:
    """Return the index at which each chunk starts, and the end of the last."""
    n = len(due_s)
    if speed == math.inf:
        return [*range(0, n, UNPACED_CHUNK_SAMPLES), n]
    with np.errstate(invalid="ignore"):
        # The millionth keeps timestamps that are a rounding error early in their chunk. -1 makes
        # the lead one chunk.
        slot = np.maximum(np.floor(due_s / CHUNK_S + 1e-6), -1)
        starts = np.flatnonzero(np.diff(slot) != 0) + 1
    return [0, *starts.tolist(), n]


def _wait_until(moment_s: float) -> None:
    """Wait, unless the moment is past or not finite."""
    while math.isfinite(moment_s) and (wait_s := moment_s - time.monotonic()) > 0:
        time.sleep(min(wait_s, LONGEST_SLEEP_S))
