"""Choose a front end for a stream: FFT sizes, image sizes and statistics.

The constants are the same for all data. docs/method.md says how much each gains.
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

FRAME_S = (0.64, 1.28, 2.56)  # lengths of a frame; in samples, the nearest power of two
MIN_FFT_SAMPLES = 8
FREQUENCY_KNEE_HZ = 1.0  # people's motions begin here
IMAGE_HEIGHT = 48  # pixels
IMAGE_WIDTH = 32
# dB re (1 m/s^2)^2 and (1 rad/s)^2: from sensor noise to vigorous motion
LIMITS_DB = {"acc": (-50.0, 30.0), "gyro": (-60.0, 20.0)}
# Statistics of where gravity points and how much it moves. They are a block of their own for the
# head.
POSTURE = ("mean", "std")
# All other statistics.
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
HOP_S = 0.25  # between two decisions


def resolve_channels(channels: Sequence[str] | str) -> tuple[str, ...]:
    """Return channel names from a list, or from ``"acc"``, ``"gyro"`` or ``"acc+gyro"``.

    Raises:
        DataError: not 1, 3 or 6 known names.
    """
    names = _expand(channels) if isinstance(channels, str) else tuple(channels)
    if (
        len(names) not in (1, 3, 6)
        or len(set(names)) != len(names)
        or not set(names) <= set(CHANNELS)
    ):
        shown = repr(channels) if isinstance(channels, str) else list(names)
        raise DataError(
            f"channels are {shown}, expected 1, 3 or 6 different names out of "
            f"{', '.join(CHANNELS)}: leave out or rename the others"
        )
    return names


def design_front_end(
    rate_hz: float, window_samples: int, channels: tuple[str, ...]
) -> FrontEndSpec:
    """Return the front end for windows of ``window_samples`` at ``rate_hz``.

    Raises:
        DataError: the rate is out of bounds, or the window too short.
    """
    lowest_hz, highest_hz = RATE_HZ_LIMITS
    if not lowest_hz <= rate_hz <= highest_hz:
        raise DataError(
            f"rate_hz is {rate_hz:g}, expected {lowest_hz:g} to {highest_hz:g}: resample the "
            "recordings"
        )
    if window_samples < MIN_WINDOW_SAMPLES:
        raise DataError(
            f"windows have {window_samples} samples, expected {MIN_WINDOW_SAMPLES} or more: "
            "use a longer window"
        )
    step = max(1, round(window_samples / IMAGE_WIDTH))
    triples = [(0, 0, 0)]  # a single channel in grey
    if len(channels) >= 3:
        triples = [(i, i + 1, i + 2) for i in range(0, len(channels), 3)]
    limits_db = [LIMITS_DB[name.partition("_")[0]] for name in channels]
    return FrontEndSpec(
        spectrograms=tuple(SpectrogramSpec(n, step) for n in _fft_sizes(rate_hz, window_samples)),
        frequency_knee_hz=FREQUENCY_KNEE_HZ,
        image_height=IMAGE_HEIGHT,
        image_width=IMAGE_WIDTH,
        image_channels=tuple(triples),
        min_db=tuple(low for low, _ in limits_db),
        max_db=tuple(high for _, high in limits_db),
        statistics=POSTURE + SHAPE,
    )


def block_sizes(blocks: Sequence[Float32Array], channels: int) -> list[int]:
    """Return the sizes of the feature blocks that have the same weight in the head.

    Args:
        blocks: features (n, size) each. The last are the statistics, which are split into posture
            and shape.
        channels: number of channels of a sample.
    """
    *sizes, statistics = (block.shape[1] for block in blocks)
    posture = len(POSTURE) * channels
    sizes.append(posture)
    if statistics > posture:
        sizes.append(statistics - posture)
    return sizes


def hop_samples(rate_hz: float, front_end: FrontEndSpec) -> int:
    """Return the hop: about :data:`HOP_S`.

    It is a multiple of the spectrograms' step, so that windows share frames.
    """
    step = front_end.spectrograms[0].step_samples
    return step * max(1, round(HOP_S * rate_hz / step))


def gravity_of(windows: Iterable[Float32Array], channels: tuple[str, ...]) -> str:
    """Return whether most windows contain gravity, as a value for ``StreamSpec.gravity``.

    Args:
        windows: (samples, channels) each.
        channels: their names.

    Raises:
        DataError: the accelerometer is not in m/s^2 in most windows, or all zeros in one.
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
            f"window {kinds.index('dead')} has nothing but zeros from the accelerometer: leave it "
            "out"
        )
    return "removed" if kinds.count("no gravity") > len(kinds) / 2 else "included"


def _expand(text: str) -> tuple[str, ...]:
    """Return the channel names that a text stands for, or none if it is not understood."""
    if text in CHANNELS:
        return (text,)
    names: list[str] = []
    for sensor in text.split("+"):
        axes = [name for name in CHANNELS if name.startswith(f"{sensor}_")]
        if not axes:
            return ()
        names += axes
    return tuple(names)


def _fft_sizes(rate_hz: float, window_samples: int) -> list[int]:
    """Return powers of two near :data:`FRAME_S`, short enough for several frames in a window.

    There are at least two if possible.
    """
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
    """Return the power of two whose ratio to n is nearest to 1."""
    below = 1 << max(0, int(n).bit_length() - 1)
    return below if n / below < 2 * below / n else 2 * below
