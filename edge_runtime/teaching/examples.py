"""From recordings to examples: find the files, cut them into windows, warn about faults."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import Contract, StreamSpec, is_line
from edge_runtime.errors import DataError, SourceError, StreamError
from edge_runtime.stream import checks
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.diagnosis import clipped_axes
from edge_runtime.stream.order import SampleOrder, Stretch
from edge_runtime.stream.resampler import LinearResampler, PolyphaseResampler

MAX_LABEL_CHARACTERS = 80
SUFFIXES = (".csv", ".npz", ".json", ".zip")  # of recordings
MAX_LATE_S = 1.0  # samples up to this late are sorted into place; nobody waits for them here
# Activity is the root of the variance summed over all axes, in m/s^2 and rad/s.
STILL_ACTIVITY = 0.15  # below it nothing moves; sensors at rest give 0.01 to 0.1
PAUSE_SHARE = 0.5  # a window with less than this share of the highest activity is a pause

TimedSamples = tuple[Float64Array, Float32Array]  # (n,) seconds, (n, channels)


@dataclass(frozen=True)
class Lesson:
    """What one recording added.

    Attributes:
        windows: number of examples, or of background windows, that were added.
        warnings: human-readable sentences with remedies.
    """

    windows: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of one label, or of the background.

    Attributes:
        embeddings: (n, d). The order does not depend on the order of teaching.
        window: (window_samples, channels), one of the windows, kept for the golden vectors.
        seconds: length of the background recording; 0 for a label.
    """

    embeddings: Float32Array
    window: Float32Array
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Cut:
    """Windows of a recording.

    Attributes:
        windows: (n, window_samples, channels), at the model's rate, without overlap.
        activity: (n,) how much each window moves: root of the variance summed over all axes.
        left_out: number of windows left out because they move much less than the others.
    """

    windows: Float32Array
    activity: Float64Array
    left_out: int


def check_label(label: str) -> None:
    """Check that a text can be the name of a label.

    Raises:
        DataError: the text is not one line, has characters that cannot be printed, or is too long.
    """
    if (
        not is_line(label)
        or label != label.strip()
        or len(label) > MAX_LABEL_CHARACTERS
        or not label.isprintable()
    ):
        shown = ascii(label[:MAX_LABEL_CHARACTERS])
        raise DataError(
            f"the label is {shown}, expected one line of 1 to {MAX_LABEL_CHARACTERS} printable "
            "characters without spaces at the ends: choose another name"
        )


def labelled_files(directory: Path, others: Sequence[Path] = ()) -> list[tuple[str, Path]]:
    """Return label and path of every recording in a directory, sorted by label.

    A recording's label is the name of its folder: DIR/LABEL/ or DIR/SUBJECT/LABEL/.

    Args:
        directory: searched with everything below it.
        others: files and directories to skip, such as the background.

    Raises:
        SourceError: the directory does not exist, holds no recordings, or holds a recording that
            is not in the folder of a label.
    """
    skipped = {path.resolve() for path in others}
    labelled = []
    for path in recordings_in(directory):
        if skipped & {path.resolve(), *path.resolve().parents}:
            continue
        if path.parent == directory:
            raise SourceError(
                f"{path} lies in {directory} itself, expected {directory}/LABEL/{path.name}: move "
                "it into a folder named after its motion, or give it to --background"
            )
        labelled.append((path.parent.name, path))
    if not labelled:
        raise SourceError(
            f"{directory} holds no recordings to teach, expected {directory}/LABEL/*.csv: make "
            "some with img2imu record"
        )
    return sorted(labelled)


def recordings_in(place: Path) -> list[Path]:
    """Return a file as it is, or every recording below a directory.

    Raises:
        SourceError: there is no such place, or it holds no recordings.
    """
    if not place.is_dir():
        if not place.exists():
            raise SourceError(
                f"there is no {place}: check the path, it is looked up from {Path.cwd()}"
            )
        return [place]
    recordings = sorted(
        path
        for path in place.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(place).parts)
    )
    if not recordings:
        raise SourceError(
            f"{place} holds no recordings, expected files that end in {', '.join(SUFFIXES)}: make "
            "some with img2imu record"
        )
    return recordings


def read_for(stream: StreamSpec, path: Path) -> TimedSamples:
    """Read timestamps and samples of a recording, with the columns of a stream.

    Raises:
        SourceError: the recording cannot be read, or lacks a column.
    """
    # Imported here: a device that runs a model reads no recordings.
    from edge_runtime.recordings import read_recording

    recording = read_recording(path).select(stream.channels)
    return recording.timestamps_s, recording.samples


def read_joined(stream: StreamSpec, paths: Sequence[Path]) -> TimedSamples:
    """Read several recordings one after the other, with gaps between them that no window crosses.

    Raises:
        SourceError: see :func:`read_for`.
    """
    times: list[Float64Array] = []
    samples: list[Float32Array] = []
    begin_s = 0.0
    for path in paths:
        recorded_s, values = read_for(stream, path)
        times.append(recorded_s - recorded_s.min() + begin_s)
        samples.append(values)
        begin_s = float(times[-1].max()) + 2 * stream.max_gap_s + 1
    return np.concatenate(times), np.concatenate(samples)


def cut_motion(times_s: npt.ArrayLike, samples: npt.ArrayLike, contract: Contract) -> Cut:
    """Cut the recording of a motion into windows.

    A motion that goes on is cut from end to end. A motion that comes in bursts is cut where the
    bursts are: the window with the highest activity first, then the next that does not overlap,
    down to half of the highest activity.

    Args:
        times_s: (n,) seconds on the sensor's clock.
        samples: (n, channels), SI units, columns as in the contract.
        contract: stream and window to cut for.

    Raises:
        DataError: the recording holds no whole window.
        StreamError: NaN, a wrong rate, or shapes that do not fit.
    """
    n = contract.window_samples
    pieces = _pieces_with_windows(times_s, samples, contract)
    windows = np.concatenate([_end_to_end(piece, n) for piece in pieces])
    activity = _activity(windows)
    goes_on = activity.min() >= PAUSE_SHARE * activity.max()
    if goes_on or activity.max() < STILL_ACTIVITY:
        return Cut(windows, activity, left_out=0)
    bursts = np.stack([pieces[i][start : start + n] for i, start in _burst_starts(pieces, n)])
    return Cut(bursts, _activity(bursts), left_out=max(0, len(windows) - len(bursts)))


def cut_background(
    times_s: npt.ArrayLike, samples: npt.ArrayLike, contract: Contract, max_windows: int
) -> tuple[Float32Array, float]:
    """Cut a background recording into windows that overlap by half.

    If that gives more than ``max_windows``, only that many are kept, evenly over the recording.

    Returns:
        Windows (n, window_samples, channels) in the order of time, and the length of the recording
        in seconds, without gaps.

    Raises:
        DataError: the recording holds no whole window.
        StreamError: see :func:`cut_motion`.
    """
    n = contract.window_samples
    pieces = _pieces_with_windows(times_s, samples, contract)
    starts = [
        (i, start)
        for i, piece in enumerate(pieces)
        for start in range(0, len(piece) - n + 1, max(1, n // 2))
    ]
    evenly = np.linspace(0, len(starts) - 1, min(max_windows, len(starts))).round().astype(int)
    chosen = [starts[k] for k in np.unique(evenly)]
    seconds = sum(map(len, pieces)) / contract.stream.rate_hz
    return np.stack([pieces[i][start : start + n] for i, start in chosen]), seconds


def resample_pieces(
    times_s: npt.ArrayLike, samples: npt.ArrayLike, spec: StreamSpec
) -> list[Float32Array]:
    """Sort samples by time and bring them to the model's rate.

    A sensor that is faster than the model is low-pass filtered.

    Returns:
        One piece (n, channels) for each stretch without a gap.

    Raises:
        StreamError: NaN, a wrong rate, or shapes that do not fit.
    """
    times = np.atleast_1d(np.asarray(times_s, np.float64))
    values = np.asarray(samples, np.float32)
    if times.ndim != 1 or values.shape != (len(times), len(spec.channels)):
        raise StreamError(
            f"timestamps of shape {times.shape} came with samples of shape {values.shape}, "
            f"expected (n,) and (n, {len(spec.channels)}): give the columns "
            f"{', '.join(spec.channels)}"
        )
    if not len(times):
        return []
    if (bad := checks.first_bad_sample(times, values, None, spec, ordered=False)) is not None:
        raise StreamError(bad[1])
    longest_gap = math.ceil(spec.max_gap_s * spec.rate_hz)
    order = SampleOrder(len(spec.channels), longest_gap, MAX_LATE_S, StreamCounts())
    by_clock: list[list[Stretch]] = [[]]
    for stretch in [*order.sort(times, values), *order.flush()]:
        if stretch.restart_s is not None:
            by_clock.append([])
        by_clock[-1].append(stretch)
    pieces = []
    for stretches in filter(None, by_clock):
        times = np.concatenate([stretch.times_s for stretch in stretches])
        values = np.concatenate([stretch.values for stretch in stretches])
        gaps = np.flatnonzero(np.diff(times) > spec.max_gap_s) + 1
        for piece_times, piece in zip(np.split(times, gaps), np.split(values, gaps), strict=True):
            if len(piece) > 1:
                pieces.append(_resample(piece_times, piece, spec))
    return pieces


def unique_rows(embeddings: Float32Array) -> Float32Array:
    """Return each different row once, in an order that does not depend on the order given."""
    rows = sorted({row.tobytes() for row in embeddings})
    return np.stack([np.frombuffer(row, np.float32) for row in rows])


def motion_warnings(label: str, cut: Cut, stream: StreamSpec) -> list[str]:
    """Return what is wrong with the recording of a motion, in sentences with remedies."""
    warnings = clipping_warnings(repr(label), cut.windows, stream)
    if cut.activity.max() < STILL_ACTIVITY:
        warnings.append(
            f"nothing moved while {label!r} was recorded: that is right for a way of resting; "
            "otherwise check the sensor, and redo it"
        )
    if cut.left_out == 1:
        warnings.append(f"1 window of {label!r} moved much less than the others and was left out")
    elif cut.left_out:
        warnings.append(
            f"{cut.left_out} windows of {label!r} moved much less than the others and were left out"
        )
    return warnings


def clipping_warnings(what: str, windows: Float32Array, stream: StreamSpec) -> list[str]:
    """Return a warning if the sensor reached the end of its range."""
    axes = clipped_axes(windows.reshape(-1, windows.shape[2]), stream)
    if not axes:
        return []
    return [
        f"the sensor is at its limit in {what} ({', '.join(axes)}): choose a wider range of the "
        "sensor, and redo it"
    ]


def _pieces_with_windows(
    times_s: npt.ArrayLike, samples: npt.ArrayLike, contract: Contract
) -> list[Float32Array]:
    """Return the resampled pieces that are at least one window long.

    Raises:
        DataError: there is none.
        StreamError: see :func:`resample_pieces`.
    """
    pieces = resample_pieces(times_s, samples, contract.stream)
    pieces = [piece for piece in pieces if len(piece) >= contract.window_samples]
    if not pieces:
        times = np.atleast_1d(np.asarray(times_s, np.float64))
        seconds = float(np.ptp(times)) if len(times) else 0.0
        raise DataError(
            f"the recording is {seconds:.3g} s long, expected {contract.window_s:g} s or more "
            "without a gap: record longer, or teach with a shorter window"
        )
    return pieces


def _end_to_end(piece: Float32Array, n: int) -> Float32Array:
    """Return as many windows as fit without overlap, from the middle of the piece."""
    count = len(piece) // n
    first = (len(piece) - count * n) // 2
    return piece[first : first + count * n].reshape(count, n, -1)


def _activity(windows: Float32Array) -> Float64Array:
    return np.asarray(np.sqrt(windows.astype(np.float64).var(1).sum(1)))


def _burst_starts(pieces: list[Float32Array], n: int) -> list[tuple[int, int]]:
    """Return piece and first sample of each burst, in the order of time."""
    candidates = [
        (i, start, activity)
        for i, piece in enumerate(pieces)
        for start, activity in enumerate(_activity_by_start(piece, n))
    ]
    least = PAUSE_SHARE * max(activity for _, _, activity in candidates)
    starts: list[tuple[int, int]] = []
    for i, start, activity in sorted(candidates, key=lambda candidate: -candidate[2]):
        if activity < least:
            break
        if all(i != other or abs(start - begin) >= n for other, begin in starts):
            starts.append((i, start))
    return sorted(starts)


def _activity_by_start(piece: Float32Array, n: int) -> list[float]:
    """Return the activity of the window that begins at each sample, from running sums."""
    centred = piece.astype(np.float64) - piece.mean(0, dtype=np.float64)
    zero = np.zeros((1, piece.shape[1]))
    sums = np.concatenate([zero, np.cumsum(centred, 0)])
    squares = np.concatenate([zero, np.cumsum(centred**2, 0)])
    variance = (squares[n:] - squares[:-n]) / n - ((sums[n:] - sums[:-n]) / n) ** 2
    return [float(activity) for activity in np.sqrt(np.maximum(variance, 0).sum(1))]


def _resample(times: Float64Array, values: Float32Array, spec: StreamSpec) -> Float32Array:
    measured_hz = (len(times) - 1) / float(times[-1] - times[0])
    checks.check_rate(measured_hz, spec, faster=True)
    resampler = LinearResampler if checks.rate_fits(measured_hz, spec) else PolyphaseResampler
    return resampler(spec.rate_hz, len(spec.channels)).resample(times, values).samples
