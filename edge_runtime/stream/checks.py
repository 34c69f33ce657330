"""Does a stream keep the contract? Each check gives a sentence with the value, the expectation and the remedy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import StreamSpec
from edge_runtime.errors import StreamError

STANDARD_GRAVITY = 9.80665  # m/s^2, CGPM 1901

# Median |acc| over a window. People at rest or in motion stay near 9.8 m/s^2; the bounds lie far
# from that on both sides, and apart from what another unit or a removed gravity would give.
SENSOR_DEAD = 1e-3  # below it in every sample nothing is measured: a real sensor has noise
LEAST_WITH_GRAVITY = 4.0  # m/s^2
IN_G = (0.5, 4.0)  # what 4.9 to 39 m/s^2 look like in g
IN_MILLI_G = (400.0, 4000.0)  # above them lie raw counts, 4096 to 16384 a g
# Length of the mean vector. Turning shortens it: to 0.54 m/s^2 in the worst of 12,000 windows of
# swimmers' wrists.
LEAST_STEADY = 0.5  # m/s^2; motion without gravity averages to less
LEAST_STEADY_SHARE = 0.3  # of the median |acc|, for telling g from weak motion without gravity
GYRO_LIMIT = (
    100.0  # rad/s; the widest range of a MEMS gyroscope is 4000 degrees per second, 70 rad/s
)
VALUE_LIMIT = 1e6  # no motion sensor gives so much in any unit; squares and sums of less stay finite in float32


def acceleration_kind(acc: Float32Array) -> str:
    """What the numbers of a three-axis accelerometer look like.

    Args:
        acc: (n, 3) of one window, in whatever unit it may be.

    Returns:
        ``si``, ``g``, ``milli-g``, ``counts``, ``no gravity`` or ``dead``.
    """
    magnitude = np.sqrt(np.einsum("nc,nc->n", acc, acc))
    median, steady = float(np.median(magnitude)), float(np.linalg.norm(acc.mean(0)))
    if float(magnitude.max()) < SENSOR_DEAD:
        return "dead"
    if IN_MILLI_G[0] <= median <= IN_MILLI_G[1]:
        return "milli-g"
    if median > IN_MILLI_G[1]:
        return "counts"
    if median >= LEAST_WITH_GRAVITY:
        return "si" if steady >= LEAST_STEADY else "no gravity"
    if median >= IN_G[0] and steady >= LEAST_STEADY_SHARE * median:
        return "g"
    return "no gravity"


REMEDIES = {  # of what is wrong whatever the model
    "g": f"the values look like g: multiply them by {STANDARD_GRAVITY}",
    "milli-g": f"the values look like thousandths of g: multiply them by {STANDARD_GRAVITY / 1000:.8f}",
    "counts": "the values look like a converter's raw counts: multiply them by the driver's scale",
    "dead": "the sensor gives nothing but zeros: check that it is switched on and connected",
    "dps": "the values look like degrees per second: multiply them by 0.0174533",
}
SOURCE_OPTIONS = {
    "g": "; or add units=g to the source's options",
    "milli-g": "; or add units=mg",
    "dps": "; or add units=dps to the source's options",
}  # for live sources
_GRAVITY_REMEDIES = {  # by what the model takes
    "included": "gravity seems to be removed: use the raw accelerometer, not linear acceleration",
    "removed": "gravity is in it, but the model learnt without: use linear acceleration",
}


def check_units(window: Float32Array, spec: StreamSpec) -> None:
    """Refuse a stream in other units, or with gravity where the model has none, or the other way round.

    To be asked of a stream's first window: later ones may be all free fall. With fewer than three
    accelerometer axes only the gyroscope can be judged.

    Args:
        window: (n, channels).
        spec: what the model takes.

    Raises:
        StreamError: see above.
    """
    _check_acceleration(window, spec)
    turning = [i for i, name in enumerate(spec.channels) if name.startswith("gyro_")]
    if turning and (fastest := float(np.abs(window[:, turning]).max())) > GYRO_LIMIT:
        raise StreamError(
            f"the gyroscope gives {fastest:.3g}, expected rad/s, at most {GYRO_LIMIT:g}; "
            f"{REMEDIES['dps']}{SOURCE_OPTIONS['dps']}"
        )


def check_alive(window: Float32Array, spec: StreamSpec) -> None:
    """Refuse a window (n, channels) in which the accelerometer gives nothing: a label would be invented.

    Raises:
        StreamError: see above.
    """
    acc = [i for i, name in enumerate(spec.channels) if name.startswith("acc_")]
    if acc and float(np.abs(window[:, acc]).max()) < SENSOR_DEAD:
        raise StreamError(
            f"the accelerometer gave less than {SENSOR_DEAD:g} throughout a window, expected m/s^2; "
            f"{REMEDIES['dead']}"
        )


def _check_acceleration(window: Float32Array, spec: StreamSpec) -> None:
    triple = spec.acc_triple
    if triple is None or spec.gravity == "unknown":
        return
    acc = window[:, triple]
    kind = acceleration_kind(acc)
    # weak motion without gravity, and a little bias, can look like g
    if kind not in (("si",) if spec.gravity == "included" else ("no gravity", "g")):
        median = float(np.median(np.linalg.norm(acc, axis=1)))
        expected = (
            f"about {STANDARD_GRAVITY:.3g} m/s^2 with"
            if spec.gravity == "included"
            else "m/s^2 without"
        )
        remedy = REMEDIES.get(kind, _GRAVITY_REMEDIES[spec.gravity]) + SOURCE_OPTIONS.get(kind, "")
        raise StreamError(
            f"median |acc| over a window is {median:.3g}, expected {expected} gravity; {remedy}"
        )


def rate_fits(measured_hz: float, spec: StreamSpec, faster: bool = False) -> bool:
    """Whether a measured rate is within the contract's tolerance, or above it where ``faster`` ones may pass."""
    deviation = measured_hz / spec.rate_hz - 1
    return abs(deviation) <= spec.rate_tolerance or (faster and deviation > 0)


def check_rate(measured_hz: float, spec: StreamSpec, faster: bool = False) -> None:
    """Refuse a stream whose measured rate is too far from the contract's.

    Args:
        measured_hz: samples received per second.
        spec: what the model takes.
        faster: let a faster one pass, since it is filtered.

    Raises:
        StreamError: see above.
    """
    if not rate_fits(measured_hz, spec, faster):
        filtered = (
            ", or filter it down with --resample polyphase" if measured_hz > spec.rate_hz else ""
        )
        raise StreamError(
            f"the stream comes at {measured_hz:.4g} Hz, expected {spec.rate_hz:g} Hz "
            f"within {spec.rate_tolerance:.0%}: set the sensor to {spec.rate_hz:g} Hz, or train a "
            f"model for {measured_hz:.0f} Hz{filtered}"
        )


def has_holes(received: Float64Array, spec: StreamSpec, faster: bool = False) -> bool:
    """Whether too many samples of a window are missing, though the rate is right in between.

    Args:
        received: (n,) samples received up to each sample of the grid, see
            :class:`edge_runtime.stream.resampler.GridPiece`.
        spec: what the model takes.
        faster: as in :func:`check_rate`.

    Raises:
        StreamError: the rate is wrong throughout.
    """
    measured_hz = float(received[-1] - received[0]) / (len(received) - 1) * spec.rate_hz
    if rate_fits(measured_hz, spec, faster):
        return False
    # of the sensor's samples, the one in the middle: a pause, however long, lies before a single
    # one
    rates = np.sort(np.diff(received))
    counted = np.cumsum(rates)
    usual_hz = float(rates[np.searchsorted(counted, counted[-1] / 2)]) * spec.rate_hz
    if measured_hz < spec.rate_hz and rate_fits(usual_hz, spec, faster):
        return True
    check_rate(measured_hz, spec, faster)
    return False


def as_arrays(
    timestamps_s: npt.ArrayLike,
    samples: npt.ArrayLike,
    spec: StreamSpec,
) -> tuple[Float64Array, Float32Array]:
    """Timestamps (n,) and samples (n, channels), from arrays or lists, of one sample too.

    Raises:
        StreamError: they are no numbers, or do not fit each other or the model.
    """
    columns = len(spec.channels)
    try:
        times = np.asarray(timestamps_s, np.float64)
        if isinstance(samples, np.ndarray) and samples.dtype == np.float32:
            values = samples
        else:
            with np.errstate(
                over="ignore"
            ):  # a number too large for float32 becomes infinite, and is refused as such
                values = np.asarray(samples, np.float32)
    except (TypeError, ValueError) as error:
        raise StreamError(
            f"timestamps or samples are no arrays of numbers ({error}), expected (n,) and "
            f"(n, {columns}) with the columns {', '.join(spec.channels)}"
        ) from error
    times = times.reshape(1) if times.ndim == 0 else times
    if values.ndim == 1 and len(times) == 1:
        values = values[None]
    elif values.shape == times.shape == (0,):
        values = values.reshape(0, columns)
    if times.ndim != 1 or values.shape != (len(times), columns):
        raise StreamError(
            f"timestamps of shape {times.shape} came with samples of shape {values.shape}, expected "
            f"(n,) and (n, {columns}) with the columns {', '.join(spec.channels)}"
        )
    return times, values


def is_usable(sample: list[float]) -> bool:
    """Whether every value of one sample is a number below :data:`VALUE_LIMIT`, without numpy: it is slow for one."""
    return max(map(abs, sample)) < VALUE_LIMIT and not math.isnan(sum(sample))


def first_bad_sample(
    times_s: Float64Array,
    samples: Float32Array,
    last_time_s: float | None,
    spec: StreamSpec,
    ordered: bool = True,
) -> tuple[int, str] | None:
    """Position of the first sample that must not be used, and the sentence about it; None when all are good.

    Args:
        times_s: (n,) timestamps.
        samples: (n, channels).
        last_time_s: timestamp before these, or None.
        spec: names of the channels.
        ordered: whether time that runs back is bad; a live stream's is put in order.
    """
    largest, latest = (
        np.maximum.reduce(np.abs(array), None) for array in (samples, times_s)
    )  # NaN if there is any
    if largest < VALUE_LIMIT and latest < np.inf and not ordered:
        return None
    previous = np.concatenate([[times_s[0] if last_time_s is None else last_time_s], times_s[:-1]])
    usable = np.abs(samples) < VALUE_LIMIT  # neither NaN nor infinite
    good = usable.all(1) & np.isfinite(times_s) & ((times_s >= previous) | (not ordered))
    if good.all():
        return None
    i = int(np.argmin(good))
    if not np.isfinite(times_s[i]):
        return (
            i,
            f"a sample has the timestamp {times_s[i]}, expected seconds: check the source's clock",
        )
    if not usable[i].all():
        column = int(np.argmin(usable[i]))
        return i, (
            f"{spec.channels[column]} is {samples[i, column]:.4g} at {times_s[i]:.6f} s, expected a number "
            f"below {VALUE_LIMIT:.0e}: check the sensor, or remove the sample from the file"
        )
    return i, (
        f"timestamps run back from {previous[i]:.6f} s to {times_s[i]:.6f} s, expected increasing time: sort "
        "the samples by time"
    )
