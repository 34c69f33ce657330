"""A folder of one's own recordings, one class folder beside the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.checks import first_bad_sample
from edge_runtime.contract import CHANNELS, RATE_HZ_LIMITS, StreamSpec
from edge_runtime.errors import DataError, SourceError
from edge_runtime.recordings import Recording, read_recording
from edge_runtime.resampler import LinearResampler
from img2imu.datasets.data_set import DataSet, LabelledRecording
from img2imu.datasets.units import check_units

ENDINGS = (".csv", ".npz", ".zip")
ONLY_SUBJECT = "me"
MAX_GAP_S = StreamSpec.max_gap_s  # where the runtime, too, begins a new window
RATE_TOLERANCE = StreamSpec.rate_tolerance  # what the runtime, too, would refuse


@dataclass(frozen=True)
class _File:
    """A recorded file; ``name`` is its path inside the folder."""

    path: Path
    name: str
    subject: str
    label: str


def load_folder(directory: str | Path, rate_hz: float | None = None) -> DataSet:
    """Read ``DIR/LABEL/file`` or, to tell people apart, ``DIR/SUBJECT/LABEL/file``.

    Every ``.csv``, ``.npz`` or ``.zip`` file (see :mod:`edge_runtime.recordings`) is one recording of class LABEL;
    hidden files and other endings are passed over. Without SUBJECT folders all recordings are of one person, "me".
    Each recording is resampled to the rate of the data set, and cut into several where no sample came for more than
    0.5 s.

    Args:
        directory: DIR.
        rate_hz: of the data set, and of files without timestamps; without it, the median of the recordings' own
            rates, rounded to whole Hz (to 0.1 Hz below 20).

    Raises:
        DataError: no recordings, files at different depths, other channels, rate or unit in one file than in the
            others, NaN, time that runs back.
        SourceError: a file that cannot be read.
    """
    directory = Path(directory)
    files = _find(directory)
    recordings = _read_all(files, rate_hz)
    for recording in recordings:
        _check_samples(recording)
    channels = recordings[0].channels
    check_units(((recording.name, recording.samples) for recording in recordings), channels)
    common_hz = _common_rate(recordings)
    rate_hz = common_hz if rate_hz is None else rate_hz
    labels = tuple(sorted({file.label for file in files}))
    pieces = [LabelledRecording(name, file.subject, samples, np.full(len(samples), labels.index(file.label), np.int16))
              for file, recording in zip(files, recordings, strict=True)
              for name, samples in _resample(recording, rate_hz)]
    return DataSet(directory.resolve().name, "", "", rate_hz, channels, labels, tuple(pieces))


def _find(directory: Path) -> list[_File]:
    found: dict[int, list[_File]] = {}
    for depth in range(1, 5):  # one more than there should be on either side, to say so
        for path in sorted(directory.glob("/".join("*" * depth))):
            parts = path.relative_to(directory).parts
            if path.suffix.lower() in ENDINGS and path.is_file() and not any(part.startswith(".") for part in parts):
                subject = parts[0] if depth == 3 else ONLY_SUBJECT
                found.setdefault(depth, []).append(_File(path, "/".join(parts), subject, parts[max(depth - 2, 0)]))
    if not found:
        raise DataError(f"{directory} holds no recordings, expected {directory}/LABEL/*.csv, .npz or .zip: make a "
                        "folder for each class and put its recordings there")
    examples = " and ".join(files[0].name for files in found.values())
    if set(found) not in ({2}, {3}):
        raise DataError(f"{directory} holds {examples}, expected all recordings in {directory}/LABEL/, or all in "
                        f"{directory}/SUBJECT/LABEL/: move them")
    return found.popitem()[1]


def _read_all(files: Sequence[_File], rate_hz: float | None) -> list[Recording]:
    """All files, with the same channels in the same order."""
    recordings = [replace(_read(file.path, rate_hz), name=file.name) for file in files]
    first = recordings[0]
    for other in recordings[1:]:
        if set(other.channels) != set(first.channels):
            raise DataError(f"{first.name} has the channels {', '.join(first.channels)}, {other.name} has "
                            f"{', '.join(other.channels)}, expected the same in all files: leave out the columns that "
                            "the others lack, or record that sensor too")
    channels = tuple(name for name in CHANNELS if name in first.channels)
    return [recording.select(channels or first.channels) for recording in recordings]


def _read(path: Path, rate_hz: float | None) -> Recording:
    try:
        return read_recording(path)
    except SourceError as error:
        if rate_hz is None:
            raise
        try:
            return read_recording(path, rate_hz=rate_hz)  # a file without timestamps
        except SourceError:
            raise error from None


def _check_samples(recording: Recording) -> None:
    spec = StreamSpec(recording.channels, RATE_HZ_LIMITS[0], "unknown")  # for the names of the channels
    bad = first_bad_sample(recording.timestamps_s, recording.samples, None, spec)
    if bad is not None:
        raise DataError(f"{recording.name}, sample {bad[0] + 1} of {len(recording.samples)}: {bad[1]}")


def _common_rate(recordings: Sequence[Recording]) -> float:
    rates = [_measured_rate(recording) for recording in recordings]
    median = float(np.median(rates))
    odd = int(np.argmax(np.abs(np.array(rates) / median - 1)))
    others = rates[:odd] + rates[odd + 1:]
    if others and abs(rates[odd] / float(np.median(others)) - 1) > RATE_TOLERANCE:
        raise DataError(f"{recordings[odd].name} comes at {rates[odd]:.4g} Hz, the other recordings at "
                        f"{np.median(others):.4g} Hz, expected the same within {RATE_TOLERANCE:.0%}: record all at "
                        "one rate, or leave that file out")
    return round(median, 0 if median >= 20 else 1)


def _measured_rate(recording: Recording) -> float:
    """Mean rate outside the gaps, as the runtime measures it.

    The median step would be off on clocks of whole milliseconds: at 400 Hz they tick 2 or 3 ms, never 2.5.
    """
    steps = np.diff(recording.timestamps_s)
    steps = steps[(steps > 0) & (steps <= MAX_GAP_S)]
    if not len(steps):
        low, high = RATE_HZ_LIMITS
        raise DataError(f"{recording.name} has {len(recording.samples)} samples, no two of them within {MAX_GAP_S:g} "
                        f"s, expected a recording at {low:g} to {high:g} Hz: check that time_s is in seconds")
    return len(steps) / float(steps.sum())


def _resample(recording: Recording, rate_hz: float) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Name and samples (n, channels) of each piece between two gaps."""
    cuts = np.flatnonzero(np.diff(recording.timestamps_s) > MAX_GAP_S) + 1
    for times_s, values in zip(np.split(recording.timestamps_s, cuts), np.split(recording.samples, cuts), strict=True):
        name = f"{recording.name} from {times_s[0]:.1f} s" if len(cuts) else recording.name
        yield name, LinearResampler(rate_hz, len(recording.channels)).push(times_s, values).samples
