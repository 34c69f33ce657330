"""Which front end suits a stream: the one place where window, rate and channels become FFT sizes and image sizes.

The constants are fixed once for all data; docs/method.md says what each was measured to bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import (
    CHANNELS,
    MIN_WINDOW_SAMPLES,
    RATE_HZ_LIMITS,
    FrontEndSpec,
    SpectrogramSpec,
    acc_triple,
)
from edge_runtime.errors import DataError
from edge_runtime.stream.checks import REMEDIES, acceleration_kind

FRAME_S = (0.64, 1.28, 2.56)  # lengths of a frame; each becomes the nearest power of two in samples
MIN_FFT_SAMPLES = 8
FREQUENCY_KNEE_HZ = 1.0  # people's motions begin here
IMAGE_HEIGHT, IMAGE_WIDTH = 48, 32
LIMITS_DB = {
    "acc": (-50.0, 30.0),
    "gyro": (-60.0, 20.0),
}  # re 1 m/s^2 and 1 rad/s: sensor noise to vigorous motion
POSTURE = (
    "mean",
    "std",
)  # where gravity points and how much it moves: a block of its own for the head
SHAPE = (
    "mean_magnitude",
    "std_magnitude",
    "min",
    "max",
    "mean_slope",
    "skewness",
    "kurtosis",
    "band_level_db",
    "correlation",
)
HOP_S = 0.25


def resolve_channels(channels: Sequence[str] | str) -> tuple[str, ...]:
    """Channel names from a list, or from ``"acc"``, ``"gyro"`` and ``"acc+gyro"``.

    Raises:
        DataError: not 1, 3 or 6 known names.
    """
    names = _spelt_out(channels) if isinstance(channels, str) else tuple(channels)
    if (
        len(names) not in (1, 3, 6)
        or len(set(names)) != len(names)
        or not set(names) <= set(CHANNELS)
    ):
        given = repr(channels) if isinstance(channels, str) else list(names)
        raise DataError(
            f"channels are {given}, expected 1, 3 or 6 different names out of {', '.join(CHANNELS)}: "
            "leave out or rename the others"
        )
    return names


def design_front_end(
    rate_hz: float, window_samples: int, channels: tuple[str, ...]
) -> FrontEndSpec:
    """The front end for windows of ``window_samples`` at ``rate_hz``.

    Raises:
        DataError: a rate out of bounds, or too short a window.
    """
    low, high = RATE_HZ_LIMITS
    if not low <= rate_hz <= high:
        raise DataError(
            f"rate_hz is {rate_hz:g}, expected {low:g} to {high:g}: resample the recordings"
        )
    if window_samples < MIN_WINDOW_SAMPLES:
        raise DataError(
            f"windows have {window_samples} samples, expected {MIN_WINDOW_SAMPLES} or more: "
            "use a longer window"
        )
    step = max(1, round(window_samples / IMAGE_WIDTH))
    triples = (
        [(i, i + 1, i + 2) for i in range(0, len(channels), 3)]
        if len(channels) >= 3
        else [(0, 0, 0)]
    )
    limits = [LIMITS_DB[name.partition("_")[0]] for name in channels]
    return FrontEndSpec(
        spectrograms=tuple(SpectrogramSpec(n, step) for n in _fft_sizes(rate_hz, window_samples)),
        frequency_knee_hz=FREQUENCY_KNEE_HZ,
        image_height=IMAGE_HEIGHT,
        image_width=IMAGE_WIDTH,
        image_channels=tuple(triples),
        min_db=tuple(a for a, _ in limits),
        max_db=tuple(b for _, b in limits),
        statistics=POSTURE + SHAPE,
    )


def block_sizes(blocks: Sequence[Float32Array], channels: int) -> list[int]:
    """Sizes of the blocks that the head weighs alike.

    Args:
        blocks: of features (n, size); the last is the statistics, of which the posture is a block
            of its own.
        channels: values in a sample.
    """
    *before, statistics = (block.shape[1] for block in blocks)
    posture = len(POSTURE) * channels
    return [*before, posture] + ([statistics - posture] if statistics > posture else [])


def hop_samples(rate_hz: float, front_end: FrontEndSpec) -> int:
    """About :data:`HOP_S`, and a multiple of the frames' step, so that frames can be shared between windows."""
    step = front_end.spectrograms[0].step_samples
    return step * max(1, round(HOP_S * rate_hz / step))


def gravity_of(windows: Iterable[Float32Array], channels: tuple[str, ...]) -> str:
    """Whether most windows (n, samples, channels) contain gravity: a value for ``StreamSpec.gravity``.

    Raises:
        DataError: the accelerometer is not in m/s^2 in most windows, or gives nothing in one.
    """
    columns = acc_triple(channels)
    if columns is None:
        return "unknown"
    kinds = [acceleration_kind(window[:, columns]) for window in windows]
    for kind in ("g", "milli-g", "counts"):
        if kinds.count(kind) > len(kinds) / 2:
            raise DataError(
                "the accelerometer is not in m/s^2 with gravity (about 9.8 at rest), as expected; "
                f"{REMEDIES[kind]}"
            )
    if "dead" in kinds:
        raise DataError(
            f"window {kinds.index('dead')} has nothing but zeros from the accelerometer: leave it out"
        )
    return "removed" if kinds.count("no gravity") > len(kinds) / 2 else "included"


def _spelt_out(text: str) -> tuple[str, ...]:
    """Channel names that a text stands for; none when it stands for nothing."""
    if text in CHANNELS:
        return (text,)
    sensors = [
        tuple(name for name in CHANNELS if name.startswith(f"{sensor}_"))
        for sensor in text.split("+")
    ]
    return tuple(name for names in sensors for name in names) if all(sensors) else ()


def _fft_sizes(rate_hz: float, window_samples: int) -> list[int]:
    """Powers of two near :data:`FRAME_S`, short enough for several frames in a window; at least two if possible."""
    longest = window_samples / 1.5
    sizes = set()
    for frame_s in FRAME_S:
        n = _nearest_power_of_two(frame_s * rate_hz)
        while n > longest:
            n //= 2
        sizes.add(max(n, MIN_FFT_SAMPLES))
    if len(sizes) == 1 and min(sizes) > MIN_FFT_SAMPLES:
        sizes.add(min(sizes) // 2)
    return sorted(sizes)


def _nearest_power_of_two(n: float) -> int:
    below = 1 << max(0, int(n).bit_length() - 1)
    return below if n / below < 2 * below / n else 2 * below
