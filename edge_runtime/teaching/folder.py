"""Folders of recordings, as ``img2imu record`` writes them, for teaching."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import StreamSpec
from edge_runtime.errors import SourceError
from edge_runtime.recordings import read_recording

ENDINGS = (".csv", ".npz", ".json", ".zip")

Timed = tuple[Float64Array, Float32Array]  # (n,) seconds, (n, channels)


def labelled_files(directory: Path, others: Sequence[Path] = ()) -> list[tuple[str, Path]]:
    """Label and path of every recording in DIR/LABEL/ or DIR/SUBJECT/LABEL/: a file's folder is its label.

    Args:
        directory: see above.
        others: files and directories in it that are something else.

    Raises:
        SourceError: no such directory, nothing in it, or a recording that lies in no folder of a
        label.
    """
    skipped = {path.resolve() for path in others}
    found = []
    for path in recordings_in(directory):
        if skipped & {path.resolve(), *path.resolve().parents}:
            continue
        if path.parent == directory:
            raise SourceError(
                f"{path} lies in {directory} itself, expected {directory}/LABEL/{path.name}: move it "
                "into a folder that is called like its motion, or name it with --background"
            )
        found.append((path.parent.name, path))
    if not found:
        raise SourceError(
            f"{directory} holds no recordings to teach, expected {directory}/LABEL/*.csv: img2imu record "
            "makes them"
        )
    return sorted(found)


def recordings_in(place: Path) -> list[Path]:
    """A file, or every recording below a directory.

    Raises:
        SourceError: no such place, or no recording there.
    """
    if not place.is_dir():
        if not place.exists():
            raise SourceError(
                f"there is no {place}: check the path, it is looked up from {Path.cwd()}"
            )
        return [place]
    found = sorted(
        path
        for path in place.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(place).parts)
    )
    if not found:
        raise SourceError(
            f"{place} holds no recordings, expected some that end in {', '.join(ENDINGS)}: img2imu "
            "record makes them"
        )
    return found


def read_for(stream: StreamSpec, path: Path) -> Timed:
    """Timestamps and samples of a recording, with the columns of a stream.

    Raises:
        SourceError: it cannot be read, or lacks a column.
    """
    recording = read_recording(path).select(stream.channels)
    return recording.timestamps_s, recording.samples


def joined(stream: StreamSpec, paths: Sequence[Path]) -> Timed:
    """Several recordings one after the other, with a gap between them that no window crosses.

    Raises:
        SourceError: as :func:`read_for`.
    """
    times: list[Float64Array] = []
    samples: list[Float32Array] = []
    for path in paths:
        own, values = read_for(stream, path)
        after_s = float(times[-1].max()) + 2 * stream.max_gap_s + 1 if times else 0.0
        times.append(own - own.min() + after_s)
        samples.append(values)
    return np.concatenate(times), np.concatenate(samples)
