"""A whole data set in one ``.npz`` file."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.errors import DataError
from img2imu.datasets.data_set import NO_LABEL, DataSet, LabelledRecording
from img2imu.datasets.units import check_units

AnyArray = npt.NDArray[Any]


@dataclass(frozen=True)
class _Layout:
    """How an array must look: numpy's kinds of types, and its axes."""

    kinds: str
    axes: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.what}, shape ({', '.join(self.axes)})"


LAYOUT = {
    "signal": _Layout("fiu", ("samples", "channels"), "numbers in SI units"),
    "label": _Layout("iu", ("samples",), "whole numbers, -1 for none"),
    "recording": _Layout("iu", ("samples",), "whole numbers from 0"),
    "recording_subject": _Layout("iuU", ("recordings",), "numbers or names of people"),
    "label_names": _Layout("U", ("labels",), "text"),
    "channels": _Layout("U", ("channels",), "text"),
    "rate_hz": _Layout("fiu", (), "one number"),
}


def load_npz(path: str | Path) -> DataSet:
    """Read the arrays of :data:`LAYOUT`; other arrays are passed over.

    ``signal`` (samples, channels) holds all recordings one after the other; ``label`` (samples,)
    indexes ``label_names``; ``recording`` (samples,) numbers the recordings and indexes
    ``recording_subject``.

    Raises:
        DataError: the file cannot be read, lacks an array, or its arrays do not fit together; NaN;
        another unit.
    """
    path = Path(path)
    arrays = _read(path)
    _check(path.name, arrays)
    numbers, subjects = arrays["recording"], arrays["recording_subject"]
    with np.errstate(over="ignore"):  # too large for float32: infinite, and refused below
        signal = arrays["signal"].astype(np.float32)
    _check_finite(path.name, signal)
    channels = tuple(map(str, arrays["channels"]))
    check_units(
        [(path.name, signal)], channels
    )  # as a whole: a collected data set has one unit throughout
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    recordings = []
    for begin, end in itertools.pairwise(bounds):
        number = int(numbers[begin])
        recordings.append(
            LabelledRecording(
                f"{path.name} recording {number}",
                str(subjects[number]),
                signal[begin:end],
                arrays["label"][begin:end].astype(np.int16),
            )
        )
    return DataSet(
        path.stem,
        "",
        "",
        float(arrays["rate_hz"]),
        channels,
        tuple(map(str, arrays["label_names"])),
        tuple(recordings),
    )


def _read(path: Path) -> dict[str, AnyArray]:
    try:
        archive = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}): check the path"
        ) from error
    except (
        Exception
    ) as error:  # numpy's and zipfile's parsers raise about anything on a damaged file
        raise DataError(
            f"{path} is not an .npz file or is damaged ({_brief(error)}): write it again with "
            "numpy.savez"
        ) from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise DataError(
            f"{path} holds one bare array, expected an .npz archive: write it with numpy.savez"
        )
    with archive:
        missing = [key for key in LAYOUT if key not in archive]
        if missing:
            raise DataError(
                f"{path} lacks the arrays {', '.join(missing)}, it holds "
                f"{', '.join(archive.files) or 'none'}: add them, or put single recordings into a "
                "folder DIR/LABEL/ and name DIR"
            )
        return {key: _array(path, archive, key) for key in LAYOUT}


def _array(path: Path, archive: Mapping[str, AnyArray], key: str) -> AnyArray:
    try:
        array = np.asarray(archive[key])
    except Exception as error:
        raise DataError(
            f"{path} has an array {key} that cannot be read ({_brief(error)}): write it again with "
            "numpy.savez, without Python objects"
        ) from error
    layout = LAYOUT[key]
    if array.dtype.kind not in layout.kinds or array.ndim != len(layout.axes):
        raise DataError(
            f"{path} has {key} of type {array.dtype} and shape {array.shape}, expected {layout}: write "
            "it again"
        )
    return array


def _check(name: str, arrays: Mapping[str, AnyArray]) -> None:
    """Whether the arrays fit together."""
    sizes: dict[str, tuple[str, int]] = {}
    for key, layout in LAYOUT.items():
        for axis, size in zip(layout.axes, arrays[key].shape, strict=True):
            first, expected = sizes.setdefault(axis, (key, size))
            if size != expected:
                raise DataError(
                    f"{name} has {size} {axis} in {key} but {expected} in {first}, expected as many: "
                    "write it again"
                )
    numbers = arrays["recording"]
    if not len(numbers):
        raise DataError(f"{name} holds no samples, expected some for each label: write it again")
    for key, lowest, end in (
        ("label", NO_LABEL, len(arrays["label_names"])),
        ("recording", 0, len(arrays["recording_subject"])),
    ):
        values = arrays[key]
        wrong = (values < lowest) | (values >= end)
        if wrong.any():
            raise DataError(
                f"{name} has {key} {values[np.argmax(wrong)]} at sample {np.argmax(wrong)}, expected "
                f"{lowest} to {end - 1}: number them from 0, in the order of their names"
            )
    if np.count_nonzero(np.diff(numbers)) + 1 != len(np.unique(numbers)):
        raise DataError(
            f"{name} has samples of other recordings in between those of one recording, expected each "
            "recording in one piece: sort by recording"
        )


def _check_finite(name: str, signal: Float32Array) -> None:
    finite = np.isfinite(signal)
    if not finite.all():
        sample, column = np.argwhere(~finite)[0]
        raise DataError(
            f"{name} has {signal[sample, column]} at sample {sample}, column {column} of signal, expected "
            "finite numbers: interpolate it, or begin a new recording there"
        )


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
