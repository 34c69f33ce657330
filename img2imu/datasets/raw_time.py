"""From timestamps as a sensor gave them to pieces on a uniform grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import RATE_HZ_LIMITS, StreamSpec
from edge_runtime.errors import DataError
from edge_runtime.recordings import Recording
from edge_runtime.stream.checks import first_bad_sample
from edge_runtime.stream.resampler import LinearResampler
from img2imu.datasets.data_set import Clock, LabelledRecording

MAX_GAP_S = StreamSpec.max_gap_s  # where the runtime, too, begins a new window
RATE_TOLERANCE = StreamSpec.rate_tolerance  # what the runtime, too, would refuse


def check_samples(recording: Recording) -> None:
    """Refuse NaN, infinity and time that runs back.

    Raises:
        DataError: names the first such sample.
    """
    spec = StreamSpec(
        recording.channels, RATE_HZ_LIMITS[0], "unknown"
    )  # for the names of the channels
    bad = first_bad_sample(recording.timestamps_s, recording.samples, None, spec)
    if bad is not None:
        raise DataError(
            f"{recording.name}, sample {bad[0] + 1} of {len(recording.samples)}: {bad[1]}"
        )


def measured_rate(clock: Clock) -> float:
    """Mean rate outside the gaps, as the runtime measures it.

    The median step would be off on clocks of whole milliseconds: at 400 Hz they tick 2 or 3 ms,
    never 2.5.

    Raises:
        DataError: no two samples follow each other within :data:`MAX_GAP_S`.
    """
    steps = np.diff(clock.times_s)
    steps = steps[(steps > 0) & (steps <= MAX_GAP_S)]
    if not len(steps):
        low, high = RATE_HZ_LIMITS
        raise DataError(
            f"{clock.name} has {len(clock.times_s)} samples, no two of them within {MAX_GAP_S:g} s, "
            f"expected a recording at {low:g} to {high:g} Hz: check that time_s is in seconds"
        )
    return len(steps) / float(steps.sum())


def common_rate(clocks: Sequence[Clock]) -> float:
    """The rate to bring recordings to: the median of their own, in whole Hz (0.1 Hz below 20).

    Raises:
        DataError: one recording's rate is more than 10 % off the others'.
    """
    rates = [measured_rate(clock) for clock in clocks]
    median = float(np.median(rates))
    odd = int(np.argmax(np.abs(np.array(rates) / median - 1)))
    others = rates[:odd] + rates[odd + 1 :]
    if others and abs(rates[odd] / float(np.median(others)) - 1) > RATE_TOLERANCE:
        raise DataError(
            f"{clocks[odd].name} comes at {rates[odd]:.4g} Hz, the other recordings at "
            f"{np.median(others):.4g} Hz, expected the same within {RATE_TOLERANCE:.0%}: record all at "
            "one rate, or leave that one out"
        )
    return round(median, 0 if median >= 20 else 1)


def labelled_pieces(
    name: str,
    subject: str,
    times_s: Float64Array,
    samples: Float32Array,
    labels: npt.NDArray[np.int16],
    rate_hz: float,
) -> Iterator[LabelledRecording]:
    """The pieces of one recording between gaps, resampled linearly.

    A sample of the grid has the label of the recorded sample that is nearest in time.

    Args:
        name: of the recording; a piece after a gap has its first second added.
        subject: the person.
        times_s: (n,) as recorded.
        samples: (n, channels).
        labels: (n,) index into the label names, -1 for none.
        rate_hz: of the grid.
    """
    steps = np.diff(times_s)
    cuts = np.flatnonzero((steps > MAX_GAP_S) | (steps < 0)) + 1  # time that runs back is a gap too
    bounds = [0, *cuts.tolist(), len(times_s)]
    for begin, end in itertools.pairwise(bounds):
        times = times_s[begin:end]
        piece = LinearResampler(rate_hz, samples.shape[1]).resample(times, samples[begin:end])
        if len(piece.times_s):
            nearest = begin + nearest_index(times, piece.times_s)
            full_name = f"{name} from {piece.times_s[0]:.1f} s" if len(cuts) else name
            yield LabelledRecording(full_name, subject, piece.samples, labels[nearest])


def nearest_index(times_s: Float64Array, wanted_s: Float64Array) -> npt.NDArray[np.int64]:
    """(m,) position in ``times_s`` (n,), which does not decrease, of the time nearest to each of ``wanted_s`` (m,)."""
    right = np.clip(np.searchsorted(times_s, wanted_s), 1, max(1, len(times_s) - 1))
    right = np.minimum(right, len(times_s) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(wanted_s - times_s[left] <= times_s[right] - wanted_s, left, right)


def join_sensors(
    times_s: Float64Array,
    samples: Float32Array,
    other_times_s: Float64Array,
    other_samples: Float32Array,
) -> tuple[npt.NDArray[np.bool_], Float32Array]:
    """Two sensors with clocks of their own as one, on the times of the first.

    Args:
        times_s: (n,) of the first sensor.
        samples: (n, a).
        other_times_s: (m,) of the second, on the same clock, in any order.
        other_samples: (m, b).

    Returns:
        (n,) which samples of the first have the second within half a gap on both sides, and (kept,
        a + b) those.
    """
    order = np.unique(other_times_s, return_index=True)[1]
    other_times_s, other_samples = other_times_s[order], other_samples[order]
    if not len(other_times_s):
        return np.zeros(len(times_s), bool), np.empty(
            (0, samples.shape[1] + other_samples.shape[1]), np.float32
        )
    kept = np.abs(other_times_s[nearest_index(other_times_s, times_s)] - times_s) <= MAX_GAP_S / 2
    kept &= (times_s >= other_times_s[0]) & (times_s <= other_times_s[-1])
    others = [np.interp(times_s[kept], other_times_s, column) for column in other_samples.T]
    return kept, np.column_stack([samples[kept], *others]).astype(np.float32)


def runs(*columns: npt.ArrayLike) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch of rows in which no column (n,) changes; there is at least one row."""
    arrays = [np.asarray(column) for column in columns]
    changes = np.flatnonzero(np.any([array[1:] != array[:-1] for array in arrays], axis=0)) + 1
    bounds = [0, *changes.tolist(), len(arrays[0])]
    yield from itertools.pairwise(bounds)
