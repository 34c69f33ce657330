"""Count what became of every sample of a stream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StreamCounts:
    """Samples counted since the stream was opened.

    ``received`` is the sum of ``used``, ``waiting``, ``late``, ``duplicate`` and ``refused``.

    Attributes:
        received: came from the source.
        used: went into windows, or will with the sample that follows.
        waiting: held back in case an earlier sample is still to come.
        late: dropped, because newer samples had been used already.
        duplicate: dropped, because a sample with the same timestamp had come before.
        refused: dropped with the stream, because one of them broke the contract.
        interpolated: made up on the model's grid between two received samples that lie farther
            apart than the grid's step.
        gaps: pauses too long to interpolate, and clocks set back. Each empties the window.
    """

    received: int = 0
    used: int = 0
    waiting: int = 0
    late: int = 0
    duplicate: int = 0
    refused: int = 0
    interpolated: int = 0
    gaps: int = 0

    @property
    def dropped(self) -> int:
        """Samples that were received and never used."""
        return self.late + self.duplicate + self.refused

    def summary(self) -> str:
        """Return the counts as one line."""
        return (
            f"{self.received} samples received, {self.interpolated} interpolated, "
            f"{self.dropped} dropped ({self.late} late, {self.duplicate} duplicate, "
            f"{self.refused} refused), {self.gaps} gap{'' if self.gaps == 1 else 's'}"
        )
