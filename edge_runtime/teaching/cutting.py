"""A recording of one motion, as it came from the sensor, cut into windows to learn from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import Contract, StreamSpec
from edge_runtime.errors import DataError, StreamError
from edge_runtime.stream import checks
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.order import SampleOrder, Stretch
from edge_runtime.stream.resampler import LinearResampler, PolyphaseResampler

LATE_S = 1.0  # samples that come so late are put in their place; here nobody waits for them
STILL = 0.15  # root of the summed variance of all axes, m/s^2 and rad/s; sensors at rest give 0.01 to 0.1
LITTLE = 0.5  # windows with less motion than this share of the liveliest are a pause before, between or after


@dataclass(frozen=True, eq=False)
class Cut:
    """Windows of a recording.

    Attributes:
        windows: (n, window_samples, channels), on the model's grid, without overlap.
        activity: (n,) how much moves in each: root of the summed variance of all axes.
        left_out: windows' worth of samples that hold far less motion than the others.
    """

    windows: Float32Array
    activity: Float64Array
    left_out: int


def cut_motion(times_s: npt.ArrayLike, samples: npt.ArrayLike, contract: Contract) -> Cut:
    """The windows of a recorded motion.

    A motion that goes on is cut from end to end. One that comes in bursts is cut where the bursts
    are: window by window where most moves, as long as at least half as much moves there as in the
    liveliest.

    Args:
        times_s: (n,) seconds on the sensor's clock.
        samples: (n, channels), SI units, columns as in the contract.
        contract: its stream and window.

    Raises:
        DataError: not one window is whole.
        StreamError: NaN, a wrong rate, or shapes that do not fit.
    """
    n = contract.window_samples
    pieces = [piece for piece in on_grid(times_s, samples, contract.stream) if len(piece) >= n]
    if not pieces:
        raise _too_short(times_s, contract)
    windows = np.concatenate([_end_to_end(piece, n) for piece in pieces])
    activity = _activity(windows)
    if activity.min() >= LITTLE * activity.max() or activity.max() < STILL:
        return Cut(windows, activity, 0)
    starts = [
        (i, start, moves)
        for i, piece in enumerate(pieces)
        for start, moves in enumerate(_activity_everywhere(piece, n))
    ]
    least = LITTLE * max(moves for _, _, moves in starts)
    taken: list[tuple[int, int]] = []
    for i, start, moves in sorted(starts, key=lambda each: -each[2]):
        if moves >= least and all(i != other or abs(start - begin) >= n for other, begin in taken):
            taken.append((i, start))
    bursts = np.stack([pieces[i][start : start + n] for i, start in sorted(taken)])
    return Cut(bursts, _activity(bursts), max(0, len(windows) - len(bursts)))


def cut_background(
    times_s: npt.ArrayLike, samples: npt.ArrayLike, contract: Contract, most: int
) -> tuple[Float32Array, float]:
    """Windows (n, window_samples, channels) of whatever else is done, in the order of time, and seconds in all.

    They overlap by half, or lie so far apart that there are ``most`` of them.

    Raises:
        DataError: not one window is whole.
        StreamError: as :func:`cut_motion`.
    """
    n = contract.window_samples
    pieces = [piece for piece in on_grid(times_s, samples, contract.stream) if len(piece) >= n]
    if not pieces:
        raise _too_short(times_s, contract)
    every = [
        (i, start)
        for i, piece in enumerate(pieces)
        for start in range(0, len(piece) - n + 1, max(1, n // 2))
    ]
    chosen = [
        every[at]
        for at in np.unique(
            np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int)
        )
    ]
    seconds = sum(map(len, pieces)) / contract.stream.rate_hz
    return np.stack([pieces[i][start : start + n] for i, start in chosen]), seconds


def on_grid(times_s: npt.ArrayLike, samples: npt.ArrayLike, spec: StreamSpec) -> list[Float32Array]:
    """Samples in order of time on the model's grid, a piece (n, channels) for each stretch without a gap.

    A sensor that is faster than the model is filtered down.

    Raises:
        StreamError: NaN, a wrong rate, or shapes that do not fit.
    """
    times, values = np.atleast_1d(np.asarray(times_s, np.float64)), np.asarray(samples, np.float32)
    if times.ndim != 1 or values.shape != (len(times), len(spec.channels)):
        raise StreamError(
            f"timestamps of shape {times.shape} came with samples of shape {values.shape}, expected (n,) "
            f"and (n, {len(spec.channels)}) with the columns {', '.join(spec.channels)}"
        )
    if not len(times):
        return []
    if (bad := checks.first_bad_sample(times, values, None, spec, ordered=False)) is not None:
        raise StreamError(bad[1])
    order = SampleOrder(
        len(spec.channels), math.ceil(spec.max_gap_s * spec.rate_hz), LATE_S, StreamCounts()
    )
    runs: list[list[Stretch]] = [[]]
    for run in [*order.sort(times, values), *order.flush()]:
        if run.restart_s is not None:
            runs.append([])
        runs[-1].append(run)
    pieces = []
    for together in filter(None, runs):
        times, values = (
            np.concatenate(parts)
            for parts in zip(*((run.times_s, run.values) for run in together), strict=True)
        )
        cuts = np.flatnonzero(np.diff(times) > spec.max_gap_s) + 1
        for some_times, some in zip(np.split(times, cuts), np.split(values, cuts), strict=True):
            if len(some_times) > 1:
                pieces.append(_resampled(some_times, some, spec))
    return pieces


def _resampled(times: Float64Array, values: Float32Array, spec: StreamSpec) -> Float32Array:
    measured_hz = (len(times) - 1) / float(times[-1] - times[0])
    checks.check_rate(measured_hz, spec, faster=True)
    kind = LinearResampler if checks.rate_fits(measured_hz, spec) else PolyphaseResampler
    return kind(spec.rate_hz, len(spec.channels)).resample(times, values).samples


def _end_to_end(piece: Float32Array, n: int) -> Float32Array:
    """As many windows as fit without overlap, in the middle of the piece."""
    count = len(piece) // n
    first = (len(piece) - count * n) // 2
    return piece[first : first + count * n].reshape(count, n, -1)


def _activity(windows: Float32Array) -> Float64Array:
    return np.asarray(np.sqrt(windows.astype(np.float64).var(1).sum(1)))


def _activity_everywhere(piece: Float32Array, n: int) -> list[float]:
    """The activity of the window that begins at each sample, by running sums."""
    centred = piece.astype(np.float64) - piece.mean(0, dtype=np.float64)
    sums, squares = (
        np.concatenate([np.zeros((1, piece.shape[1])), np.cumsum(values, 0)])
        for values in (centred, centred**2)
    )
    variance = (squares[n:] - squares[:-n]) / n - ((sums[n:] - sums[:-n]) / n) ** 2
    return [float(moves) for moves in np.sqrt(np.maximum(variance, 0).sum(1))]


def _too_short(times_s: npt.ArrayLike, contract: Contract) -> DataError:
    times = np.atleast_1d(np.asarray(times_s, np.float64))
    seconds = float(np.ptp(times)) if len(times) else 0.0
    return DataError(
        f"the recording is {seconds:.3g} s long, expected {contract.window_s:g} s or more without a gap: "
        "record longer, or teach with a shorter window"
    )
