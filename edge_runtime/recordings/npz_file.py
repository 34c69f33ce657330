"""Recordings in ``.npz`` files: one recording, or a whole data set out of which one is picked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array
from edge_runtime.errors import SourceError
from edge_runtime.recordings.recording import Recording

ONE_RECORDING = ("samples", "channels")  # and time_s, unless the rate is given
DATA_SET = ("signal", "recording", "channels", "rate_hz")


def read_npz(
    path: Path, *, rate_hz: float | None = None, recording: int | None = None
) -> Recording:
    """Read one of two layouts; other keys are passed over.

    - One recording: ``samples`` (n, channels), ``channels`` (channels,) text, and ``time_s`` (n,).
    - A data set: ``signal`` (N, channels), ``recording`` (N,) whole numbers, ``channels``, and
    ``rate_hz``.

    Args:
        path: of the file.
        rate_hz: samples per second, for one recording without ``time_s``; sample i is then at i /
            rate_hz.
        recording: number of the recording, needed when a data set has more than one.

    Raises:
        OSError: the file cannot be opened.
        SourceError: the contents cannot be read, or the recording asked for is not there.
    """
    with path.open("rb") as file:
        archive = _Archive(path.name, file)
        if archive.holds(DATA_SET):
            return _from_data_set(archive, rate_hz, recording)
        if archive.holds(ONE_RECORDING):
            return _one_recording(archive, rate_hz, recording)
        raise SourceError(
            f"{path.name} holds the arrays {archive.names}, expected time_s, samples and channels, or "
            f"{', '.join(DATA_SET)}: write it again with numpy.savez"
        )


class _Archive:
    """The arrays of an ``.npz`` file, each read when it is asked for."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        try:
            self._archive: Any = np.load(file, allow_pickle=False)
        except (
            Exception
        ) as error:  # numpy's and zipfile's parsers raise about anything on a damaged file
            raise SourceError(
                f"{name} is not an .npz file or is damaged ({_brief(error)}): write it again with "
                "numpy.savez"
            ) from error
        if not isinstance(self._archive, np.lib.npyio.NpzFile):
            raise SourceError(
                f"{name} holds one bare array, expected an .npz archive: write it with numpy.savez"
            )

    @property
    def names(self) -> str:
        return (
            ", ".join(repr(name)[1:-1] for name in self._archive.files) or "none"
        )  # as one line, whatever they are

    def holds(self, keys: tuple[str, ...]) -> bool:
        return set(keys) <= set(self._archive.files)

    def array(self, key: str, kinds: str, n_axes: int, expected: str) -> npt.NDArray[Any]:
        """One array, refused unless its type is among numpy's ``kinds`` and it has ``n_axes`` axes."""
        try:
            array = np.asarray(self._archive[key])
        except Exception as error:
            raise SourceError(
                f"{self.name} has an array {key} that cannot be read ({_brief(error)}): write it again "
                "with numpy.savez"
            ) from error
        if array.dtype.kind not in kinds or array.ndim != n_axes:
            raise SourceError(
                f"{self.name} has {key} of type {array.dtype} and shape {array.shape}, expected "
                f"{expected}: write it again with numpy.savez"
            )
        return array

    def channels(self) -> tuple[str, ...]:
        return tuple(
            str(name) for name in self.array("channels", "U", 1, "channel names, shape (channels,)")
        )


def _one_recording(archive: _Archive, rate_hz: float | None, recording: int | None) -> Recording:
    if recording is not None:
        raise SourceError(
            f"{archive.name} holds one recording, but recording={recording} was asked for: leave that "
            "out"
        )
    samples = archive.array("samples", "fiu", 2, "numbers, shape (n, channels)")
    if archive.holds(("time_s",)):
        _refuse_rate(archive, rate_hz)
        times = archive.array("time_s", "fiu", 1, "seconds, shape (n,)").astype(np.float64)
    elif rate_hz is not None:
        times = np.arange(len(samples)) / rate_hz
    else:
        raise SourceError(
            f"{archive.name} has no array time_s, only {archive.names}: add it, or give rate_hz "
            "(samples per second)"
        )
    return Recording(archive.name, times, _float32(samples), archive.channels())


def _from_data_set(archive: _Archive, rate_hz: float | None, recording: int | None) -> Recording:
    _refuse_rate(archive, rate_hz)
    signal = archive.array("signal", "fiu", 2, "numbers, shape (N, channels)")
    numbers = archive.array("recording", "iu", 1, "whole numbers, shape (N,)")
    rate = float(archive.array("rate_hz", "fiu", 0, "one number"))
    if len(numbers) != len(signal) or not 0 < rate < np.inf:
        raise SourceError(
            f"{archive.name} has {len(signal)} samples, {len(numbers)} recording numbers and rate_hz "
            f"{rate:g}, expected a number for each sample and a rate above 0: write it again"
        )
    known = np.unique(numbers)
    if len(known) == 1 and recording is None:
        recording = int(known[0])
    if recording not in known.tolist():
        met = "none was picked" if recording is None else f"recording={recording} was asked for"
        span = f", numbered {known[0]} to {known[-1]}" if len(known) else ""
        raise SourceError(
            f"{archive.name} holds {len(known)} recordings{span}, but {met}: pick one with recording="
        )
    samples = signal[numbers == recording]
    return Recording(
        f"{archive.name} recording {recording}",
        np.arange(len(samples)) / rate,
        _float32(samples),
        archive.channels(),
    )


def _refuse_rate(archive: _Archive, rate_hz: float | None) -> None:
    if rate_hz is not None:
        raise SourceError(
            f"{archive.name} says itself when its samples were taken, but rate_hz={rate_hz:g} was "
            "given: leave that out"
        )


def _float32(numbers: npt.NDArray[Any]) -> Float32Array:
    with np.errstate(
        over="ignore"
    ):  # too large for float32: infinite, which the recogniser refuses
        return numbers.astype(np.float32)


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
