"""Turn recordings as a sensor gave them into checked pieces on a uniform time grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import RATE_HZ_LIMITS, StreamSpec, acc_triple
from edge_runtime.errors import DataError
from edge_runtime.recordings import Recording
from edge_runtime.stream.checks import (
    GYRO_LIMIT,
    REMEDIES,
    STANDARD_GRAVITY,
    acceleration_kind,
    first_bad_sample,
)
from edge_runtime.stream.resampler import LinearResampler
from img2imu.data_set import Clock, LabelledRecording

MAX_GAP_S = StreamSpec.max_gap_s  # the runtime, too, starts a new window after such a gap
RATE_TOLERANCE = StreamSpec.rate_tolerance  # the runtime refuses a larger deviation too
# The fastest values of a gyroscope, this share of all, are not judged. One corrupt sample does not
# mean another unit.
FASTEST_SHARE = 0.001


def check_samples(recording: Recording) -> None:
    """Refuse NaN, infinity and time that runs backwards.

    Raises:
        DataError: names the first such sample.
    """
    # Only the names of the channels are used.
    spec = StreamSpec(recording.channels, RATE_HZ_LIMITS[0], "unknown")
    bad = first_bad_sample(recording.timestamps_s, recording.samples, None, spec)
    if bad is not None:
        index, sentence = bad
        raise DataError(
            f"{recording.name}, sample {index + 1} of {len(recording.samples)}: {sentence}"
        )


def check_units(recordings: Iterable[tuple[str, Float32Array]], channels: Sequence[str]) -> None:
    """Refuse units other than m/s^2 and rad/s, dead sensors, and a mix with and without gravity.

    A model that learnt from other units would fit no device. Gravity may be missing in all
    recordings: the model then takes linear acceleration. Nothing can be said about fewer than three
    accelerometer axes.

    Args:
        recordings: name and samples (n, channels) of each, finite.
        channels: names of the columns.

    Raises:
        DataError: names the first such recording.
    """
    acc_columns = acc_triple(channels)
    gyro_columns = [i for i, name in enumerate(channels) if name.startswith("gyro_")]
    example: dict[str, str] = {}  # kind of acceleration to the first recording of that kind
    for name, samples in recordings:
        if acc_columns is not None:
            example.setdefault(_checked_kind(name, samples[:, acc_columns]), name)
        if gyro_columns:
            _check_gyroscope(name, samples[:, gyro_columns])
    if len(example) > 1:
        raise DataError(
            f"{example['si']} holds gravity and {example['no gravity']} does not, expected all "
            "recordings alike: record the raw accelerometer in all of them, not linear acceleration"
        )


def _checked_kind(name: str, acc: Float32Array) -> str:
    kind = acceleration_kind(acc)
    if kind in REMEDIES:
        median = float(np.median(np.linalg.norm(acc, axis=1)))
        raise DataError(
            f"{name} has a median |acc| of {median:.3g}, expected about {STANDARD_GRAVITY:.3g} "
            f"m/s^2 with gravity; {REMEDIES[kind]}"
        )
    return kind


def _check_gyroscope(name: str, gyro: Float32Array) -> None:
    fastest = float(np.quantile(np.abs(gyro), 1 - FASTEST_SHARE))
    if fastest > GYRO_LIMIT:
        raise DataError(
            f"{name} has a gyroscope that gives {fastest:.3g}, expected rad/s, at most "
            f"{GYRO_LIMIT:g}; {REMEDIES['dps']}"
        )


def measured_rate(clock: Clock) -> float:
    """Return the mean rate outside the gaps in Hz, as the runtime measures it.

    The median step would be wrong on clocks of whole milliseconds: at 400 Hz they tick 2 or 3 ms,
    never 2.5.

    Raises:
        DataError: no two samples follow each other within :data:`MAX_GAP_S`.
    """
    steps = np.diff(clock.times_s)
    steps = steps[(steps > 0) & (steps <= MAX_GAP_S)]
    if not len(steps):
        low, high = RATE_HZ_LIMITS
        raise DataError(
            f"{clock.name} has {len(clock.times_s)} samples, no two of them within {MAX_GAP_S:g} "
            f"s, expected a recording at {low:g} to {high:g} Hz: check that time_s is in seconds"
        )
    return len(steps) / float(steps.sum())


def common_rate(clocks: Sequence[Clock]) -> float:
    """Return the rate to resample recordings to: the median of their rates.

    It is rounded to whole Hz, or to 0.1 Hz below 20 Hz.

    Raises:
        DataError: the rate of one recording differs by more than 10 % from the others.
    """
    rates = [measured_rate(clock) for clock in clocks]
    median = float(np.median(rates))
    odd = int(np.argmax(np.abs(np.array(rates) / median - 1)))
    others = rates[:odd] + rates[odd + 1 :]
    if others and abs(rates[odd] / float(np.median(others)) - 1) > RATE_TOLERANCE:
        raise DataError(
            f"{clocks[odd].name} comes at {rates[odd]:.4g} Hz, the other recordings at "
            f"{np.median(others):.4g} Hz, expected the same within {RATE_TOLERANCE:.0%}: record "
            "all at one rate, or leave that one out"
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
    """Cut one recording at its gaps, and resample the pieces linearly.

    A sample of the grid has the label of the recorded sample that is nearest in time.

    Args:
        name: of the recording. If there are gaps, each piece's start in seconds is added.
        subject: the person.
        times_s: (n,) as recorded.
        samples: (n, channels).
        labels: (n,) index into the label names, -1 for none.
        rate_hz: of the grid.
    """
    steps = np.diff(times_s)
    # Time that runs backwards counts as a gap.
    cuts = np.flatnonzero((steps > MAX_GAP_S) | (steps < 0)) + 1
    bounds = [0, *cuts.tolist(), len(times_s)]
    for begin, end in itertools.pairwise(bounds):
        times = times_s[begin:end]
        piece = LinearResampler(rate_hz, samples.shape[1]).resample(times, samples[begin:end])
        if len(piece.times_s):
            nearest = begin + nearest_index(times, piece.times_s)
            piece_name = f"{name} from {piece.times_s[0]:.1f} s" if len(cuts) else name
            yield LabelledRecording(piece_name, subject, piece.samples, labels[nearest])


def nearest_index(times_s: Float64Array, queries_s: Float64Array) -> npt.NDArray[np.int64]:
    """Return the position of the time that is nearest to each query.

    Args:
        times_s: (n,), not decreasing.
        queries_s: (m,).

    Returns:
        (m,) index into ``times_s``.
    """
    right = np.clip(np.searchsorted(times_s, queries_s), 1, max(1, len(times_s) - 1))
    right = np.minimum(right, len(times_s) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(queries_s - times_s[left] <= times_s[right] - queries_s, left, right)


def join_sensors(
    times_s: Float64Array,
    samples: Float32Array,
    other_times_s: Float64Array,
    other_samples: Float32Array,
) -> tuple[npt.NDArray[np.bool_], Float32Array]:
    """Join two sensors with their own timestamps, at the times of the first sensor.

    Args:
        times_s: (n,) of the first sensor.
        samples: (n, a).
        other_times_s: (m,) of the second sensor, on the same clock, in any order.
        other_samples: (m, b).

    Returns:
        A mask (n,) of the samples that are kept: those with a sample of the second sensor within
        half a gap. And the joined samples (kept, a + b).
    """
    order = np.unique(other_times_s, return_index=True)[1]
    other_times_s = other_times_s[order]
    other_samples = other_samples[order]
    if not len(other_times_s):
        columns = samples.shape[1] + other_samples.shape[1]
        return np.zeros(len(times_s), bool), np.empty((0, columns), np.float32)
    kept = np.abs(other_times_s[nearest_index(other_times_s, times_s)] - times_s) <= MAX_GAP_S / 2
    kept &= (times_s >= other_times_s[0]) & (times_s <= other_times_s[-1])
    others = [np.interp(times_s[kept], other_times_s, column) for column in other_samples.T]
    return kept, np.column_stack([samples[kept], *others]).astype(np.float32)


def runs(*columns: npt.ArrayLike) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each stretch of rows in which no column (n,) changes; n >= 1."""
    arrays = [np.asarray(column) for column in columns]
    changes = np.flatnonzero(np.any([array[1:] != array[:-1] for array in arrays], axis=0)) + 1
    bounds = [0, *changes.tolist(), len(arrays[0])]
    yield from itertools.pairwise(bounds)
