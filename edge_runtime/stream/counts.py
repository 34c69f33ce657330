"""What became of every sample of a stream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StreamCounts:
    """Samples, counted since the stream was opened; ``received`` is all the others together, less what is interpolated.

    Attributes:
        received: came from the source.
        used: went into windows, or wait for their successor to do so.
        waiting: held back in case an earlier one is still to come.
        late: dropped, since newer ones had been used already.
        duplicate: dropped, since one of the same time had come before.
        refused: dropped with the stream, since one of them broke the contract.
        interpolated: on the model's grid, made up between two received ones farther apart than the
            grid's step.
        gaps: pauses too long to interpolate, and clocks set back: the window was emptied.
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
        """Received, and never used."""
        return self.late + self.duplicate + self.refused

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.received} samples received, {self.interpolated} interpolated, {self.dropped} dropped "
            f"({self.late} late, {self.duplicate} duplicate, {self.refused} refused), {self.gaps} "
            f"gap{'' if self.gaps == 1 else 's'}"
        )
