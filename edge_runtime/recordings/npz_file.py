"""Recordings in ``.npz`` files: one recording, or a data set from which one recording is picked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import SourceError
from edge_runtime.recordings.recording import Recording, as_float32

ONE_RECORDING = ("samples", "channels")  # and time_s, unless the rate is given
DATA_SET = ("signal", "recording", "channels", "rate_hz")


def read_npz(
    path: Path, *, rate_hz: float | None = None, recording: int | None = None
) -> Recording:
    """Read one of two layouts. Other keys are ignored.

    - One recording: ``samples`` (n, channels), ``channels`` (channels,) text, and ``time_s`` (n,).
    - A data set: ``signal`` (N, channels), ``recording`` (N,) integers, ``channels``, and
      ``rate_hz``.

    Args:
        path: the file.
        rate_hz: samples per second, for one recording without ``time_s``. Sample i is then at
            i / rate_hz.
        recording: number of the recording. Required when a data set holds several.

    Raises:
        OSError: the file cannot be opened.
        SourceError: the contents cannot be read, or the data set lacks that recording.
    """
    with path.open("rb") as file:
        archive = _Archive(path.name, file)
        if archive.holds(DATA_SET):
            return _from_data_set(archive, rate_hz, recording)
        if archive.holds(ONE_RECORDING):
            return _one_recording(archive, rate_hz, recording)
        raise SourceError(
            f"{path.name} holds the arrays {archive.names}, expected time_s, samples and channels, "
            f"or {', '.join(DATA_SET)}: write it again with numpy.savez"
        )


def _from_data_set(archive: _Archive, rate_hz: float | None, recording: int | None) -> Recording:
    _refuse_rate(archive, rate_hz)
    signal = archive.array("signal", "fiu", 2, "numbers, shape (N, channels)")
    numbers = archive.array("recording", "iu", 1, "integers, shape (N,)")
    own_rate_hz = float(archive.array("rate_hz", "fiu", 0, "one number"))
    if len(numbers) != len(signal) or not 0 < own_rate_hz < np.inf:
        raise SourceError(
            f"{archive.name} has {len(signal)} samples, {len(numbers)} recording numbers and "
            f"rate_hz {own_rate_hz:g}, expected a number for each sample and a rate above 0: write "
            "it again"
        )
    available = np.unique(numbers)
    if len(available) == 1 and recording is None:
        recording = int(available[0])
    if recording not in available.tolist():
        span = f", numbered {available[0]} to {available[-1]}" if len(available) else ""
        request = "none was picked"
        if recording is not None:
            request = f"recording={recording} was requested"
        raise SourceError(
            f"{archive.name} holds {len(available)} recordings{span}, but {request}: pick one with "
            "recording="
        )
    samples = signal[numbers == recording]
    return Recording(
        name=f"{archive.name} recording {recording}",
        timestamps_s=np.arange(len(samples)) / own_rate_hz,
        samples=as_float32(samples),
        channels=archive.channels(),
    )


def _one_recording(archive: _Archive, rate_hz: float | None, recording: int | None) -> Recording:
    if recording is not None:
        raise SourceError(
            f"{archive.name} holds one recording, but recording={recording} was requested: remove "
            "that option"
        )
    samples = archive.array("samples", "fiu", 2, "numbers, shape (n, channels)")
    if archive.holds(("time_s",)):
        _refuse_rate(archive, rate_hz)
        times_s = archive.array("time_s", "fiu", 1, "seconds, shape (n,)").astype(np.float64)
    elif rate_hz is not None:
        times_s = np.arange(len(samples)) / rate_hz
    else:
        raise SourceError(
            f"{archive.name} has no array time_s, only {archive.names}: add it, or give rate_hz "
            "(samples per second)"
        )
    return Recording(archive.name, times_s, as_float32(samples), archive.channels())


def _refuse_rate(archive: _Archive, rate_hz: float | None) -> None:
    if rate_hz is not None:
        raise SourceError(
            f"{archive.name} holds its own rate or timestamps, but rate_hz={rate_hz:g} was given: "
            "remove that option"
        )


class _Archive:
    """The arrays of an ``.npz`` file. Each is read on request.

    Attributes:
        name: file name, for messages.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        try:
            self._archive: Any = np.load(file, allow_pickle=False)
        # The parsers of numpy and zipfile raise almost anything on a damaged file.
        except Exception as error:
            raise SourceError(
                f"{name} is not an .npz file or is damaged ({_first_line(error)}): write it again "
                "with numpy.savez"
            ) from error
        if not isinstance(self._archive, np.lib.npyio.NpzFile):
            raise SourceError(
                f"{name} holds a single array, expected an .npz archive: write it with numpy.savez"
            )

    @property
    def names(self) -> str:
        """All keys in one line, unprintable characters escaped."""
        return ", ".join(repr(name)[1:-1] for name in self._archive.files) or "none"

    def holds(self, keys: tuple[str, ...]) -> bool:
        return set(keys) <= set(self._archive.files)

    def array(self, key: str, kinds: str, n_axes: int, expected: str) -> npt.NDArray[Any]:
        """Read an array. Its type must be one of numpy's ``kinds``, with ``n_axes`` axes."""
        try:
            array = np.asarray(self._archive[key])
        except Exception as error:
            raise SourceError(
                f"{self.name} has an array {key} that cannot be read ({_first_line(error)}): write "
                "it again with numpy.savez"
            ) from error
        if array.dtype.kind not in kinds or array.ndim != n_axes:
            raise SourceError(
                f"{self.name} has {key} of type {array.dtype} and shape {array.shape}, expected "
                f"{expected}: write it again with numpy.savez"
            )
        return array

    def channels(self) -> tuple[str, ...]:
        names = self.array("channels", "U", 1, "channel names, shape (channels,)")
        return tuple(str(name) for name in names)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
