"""Check that a stream keeps the contract.

Each refusal is one sentence: the value met, what was expected, and the remedy.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import StreamSpec
from edge_runtime.errors import StreamError

STANDARD_GRAVITY = 9.80665  # m/s^2, CGPM 1901

# Limits of the median |acc| over a window. With people at rest or in motion it stays near
# 9.8 m/s^2. The limits lie far from that, and from what another unit or removed gravity gives.
SENSOR_DEAD = 1e-3  # if every sample is below, the sensor measures nothing: a real one has noise
MIN_WITH_GRAVITY = 4.0  # m/s^2
IN_G = (0.5, 4.0)  # what 4.9 to 39 m/s^2 look like in g
IN_MILLI_G = (400.0, 4000.0)  # above lie raw counts, 4096 to 16384 per g

# Limits of the length of the mean acc vector. Rotation shortens it: to 0.54 m/s^2 in the worst of
# 12,000 windows of swimmers' wrists.
MIN_STEADY = 0.5  # m/s^2; motion without gravity averages to less
MIN_STEADY_SHARE = 0.3  # of the median |acc|; tells g from weak motion without gravity

# rad/s; the widest range of a MEMS gyroscope is 4000 degrees per second, 70 rad/s.
GYRO_LIMIT = 100.0
# No motion sensor reaches this in any unit, and squares and sums of less stay finite in float32.
VALUE_LIMIT = 1e6


def acceleration_kind(acc: Float32Array) -> str:
    """Guess the unit of a three-axis accelerometer's samples, and whether they hold gravity.

    Args:
        acc: (n, 3) of one window, in any unit.

    Returns:
        ``si``, ``g``, ``milli-g``, ``counts``, ``no gravity`` or ``dead``.
    """
    magnitude = np.sqrt(np.einsum("nc,nc->n", acc, acc))
    median = float(np.median(magnitude))
    steady = float(np.linalg.norm(acc.mean(0)))
    if float(magnitude.max()) < SENSOR_DEAD:
        return "dead"
    if IN_MILLI_G[0] <= median <= IN_MILLI_G[1]:
        return "milli-g"
    if median > IN_MILLI_G[1]:
        return "counts"
    if median >= MIN_WITH_GRAVITY:
        return "si" if steady >= MIN_STEADY else "no gravity"
    if median >= IN_G[0] and steady >= MIN_STEADY_SHARE * median:
        return "g"
    return "no gravity"


# By acceleration_kind, where it is wrong for every model; "dps" is for a gyroscope.
REMEDIES = {
    "g": f"the values look like g: multiply them by {STANDARD_GRAVITY}",
    "milli-g": "the values look like thousandths of g: multiply them by "
    f"{STANDARD_GRAVITY / 1000:.8f}",
    "counts": "the values look like a converter's raw counts: multiply them by the driver's scale",
    "dead": "the sensor gives nothing but zeros: check that it is switched on and connected",
    "dps": "the values look like degrees per second: multiply them by 0.0174533",
}
# Appended to a remedy where the values come from a source.
SOURCE_OPTIONS = {
    "g": "; or add units=g to the source's options",
    "milli-g": "; or add units=mg",
    "dps": "; or add units=dps to the source's options",
}
# By the gravity of the model's contract.
_GRAVITY_REMEDIES = {
    "included": "gravity seems to be removed: use the raw accelerometer, not linear acceleration",
    "removed": "gravity is included, but the model learnt without it: use linear acceleration",
}


def check_units(window: Float32Array, spec: StreamSpec) -> None:
    """Refuse a stream in the wrong units, or that has gravity where the model expects none.

    Use it on a stream's first window: a later one may be free fall. With fewer than three
    accelerometer axes only the gyroscope can be checked.

    Args:
        window: (n, channels).
        spec: what the model takes.

    Raises:
        StreamError: the units are wrong, or gravity is included or missing.
    """
    _check_acceleration(window, spec)
    gyro = [i for i, name in enumerate(spec.channels) if name.startswith("gyro_")]
    if not gyro:
        return
    fastest = float(np.abs(window[:, gyro]).max())
    if fastest > GYRO_LIMIT:
        raise StreamError(
            f"the gyroscope gives {fastest:.3g}, expected rad/s, at most {GYRO_LIMIT:g}; "
            f"{REMEDIES['dps']}{SOURCE_OPTIONS['dps']}"
        )


def check_alive(window: Float32Array, spec: StreamSpec) -> None:
    """Refuse a window (n, channels) in which the accelerometer measures nothing.

    Raises:
        StreamError: every accelerometer value is close to 0.
    """
    acc = [i for i, name in enumerate(spec.channels) if name.startswith("acc_")]
    if acc and float(np.abs(window[:, acc]).max()) < SENSOR_DEAD:
        raise StreamError(
            f"the accelerometer gave less than {SENSOR_DEAD:g} throughout a window, expected "
            f"m/s^2; {REMEDIES['dead']}"
        )


def _check_acceleration(window: Float32Array, spec: StreamSpec) -> None:
    triple = spec.acc_triple
    if triple is None or spec.gravity == "unknown":
        return
    acc = window[:, triple]
    kind = acceleration_kind(acc)
    if spec.gravity == "included":
        is_right = kind == "si"
        expected = f"about {STANDARD_GRAVITY:.3g} m/s^2 with gravity"
    else:
        is_right = kind in ("no gravity", "g")  # weak motion with a little bias can look like g
        expected = "m/s^2 without gravity"
    if not is_right:
        median = float(np.median(np.linalg.norm(acc, axis=1)))
        remedy = REMEDIES.get(kind, _GRAVITY_REMEDIES[spec.gravity]) + SOURCE_OPTIONS.get(kind, "")
        raise StreamError(
            f"median |acc| over a window is {median:.3g}, expected {expected}; {remedy}"
        )


def rate_fits(measured_hz: float, spec: StreamSpec, faster: bool = False) -> bool:
    """Return whether a measured rate is within the contract's tolerance.

    With ``faster``, every higher rate fits too.
    """
    deviation = measured_hz / spec.rate_hz - 1
    return abs(deviation) <= spec.rate_tolerance or (faster and deviation > 0)


def check_rate(measured_hz: float, spec: StreamSpec, faster: bool = False) -> None:
    """Refuse a stream whose measured rate is too far from the contract's.

    Args:
        measured_hz: samples received per second.
        spec: what the model takes.
        faster: whether a faster sensor is accepted, because it is filtered down.

    Raises:
        StreamError: the rate does not fit.
    """
    if not rate_fits(measured_hz, spec, faster):
        filter_down = ""
        if measured_hz > spec.rate_hz:
            filter_down = ", or filter it down with --resample polyphase"
        raise StreamError(
            f"the stream comes at {measured_hz:.4g} Hz, expected {spec.rate_hz:g} Hz "
            f"within {spec.rate_tolerance:.0%}: set the sensor to {spec.rate_hz:g} Hz, or train a "
            f"model for {measured_hz:.0f} Hz{filter_down}"
        )


def has_holes(received: Float64Array, spec: StreamSpec, faster: bool = False) -> bool:
    """Return whether too many samples of a window are missing, at a rate that is right otherwise.

    Args:
        received: (n,) samples received up to each grid sample, see
            :class:`edge_runtime.stream.resampler.GridPiece`.
        spec: what the model takes.
        faster: see :func:`check_rate`.

    Raises:
        StreamError: the rate is wrong throughout the window.
    """
    measured_hz = float(received[-1] - received[0]) / (len(received) - 1) * spec.rate_hz
    if rate_fits(measured_hz, spec, faster):
        return False
    # The usual rate is the median over the sensor's samples, not over time: a pause of any length
    # lies before a single sample.
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
    """Return timestamps (n,) float64 and samples (n, channels) float32.

    Both may come as arrays or lists; a single sample may come without its first axis.

    Raises:
        StreamError: they are not numbers, or do not fit each other or the model.
    """
    columns = len(spec.channels)
    try:
        times = np.asarray(timestamps_s, np.float64)
        if isinstance(samples, np.ndarray) and samples.dtype == np.float32:
            values = samples
        else:
            # A number too large for float32 becomes infinite, and is refused later.
            with np.errstate(over="ignore"):
                values = np.asarray(samples, np.float32)
    except (TypeError, ValueError) as error:
        raise StreamError(
            f"timestamps or samples are not arrays of numbers ({error}), expected (n,) and "
            f"(n, {columns}) with the columns {', '.join(spec.channels)}"
        ) from error
    times = times.reshape(1) if times.ndim == 0 else times
    if values.ndim == 1 and len(times) == 1:
        values = values[None]
    elif values.shape == times.shape == (0,):
        values = values.reshape(0, columns)
    if times.ndim != 1 or values.shape != (len(times), columns):
        raise StreamError(
            f"timestamps of shape {times.shape} came with samples of shape {values.shape}, "
            f"expected (n,) and (n, {columns}) with the columns {', '.join(spec.channels)}"
        )
    return times, values


def is_usable(sample: list[float]) -> bool:
    """Return whether every value of one sample is a number below :data:`VALUE_LIMIT`.

    Plain Python is faster than numpy for a single sample.
    """
    return max(map(abs, sample)) < VALUE_LIMIT and not math.isnan(sum(sample))


def first_bad_sample(
    times_s: Float64Array,
    samples: Float32Array,
    last_time_s: float | None,
    spec: StreamSpec,
    ordered: bool = True,
) -> tuple[int, str] | None:
    """Find the first sample that cannot be used.

    Args:
        times_s: (n,) timestamps.
        samples: (n, channels).
        last_time_s: timestamp before these, or None.
        spec: names of the channels.
        ordered: whether time must not run back; a live stream is put in order instead.

    Returns:
        The sample's index and a sentence about it; None if all samples can be used.
    """
    largest = np.maximum.reduce(np.abs(samples), None)  # NaN if there is one
    latest = np.maximum.reduce(np.abs(times_s), None)
    if largest < VALUE_LIMIT and latest < np.inf and not ordered:
        return None
    before_first = times_s[0] if last_time_s is None else last_time_s
    previous = np.concatenate([[before_first], times_s[:-1]])
    usable = np.abs(samples) < VALUE_LIMIT  # neither NaN nor infinite
    good = usable.all(1) & np.isfinite(times_s)
    if ordered:
        good &= times_s >= previous
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
            f"{spec.channels[column]} is {samples[i, column]:.4g} at {times_s[i]:.6f} s, expected "
            f"a number below {VALUE_LIMIT:.0e}: check the sensor, or remove the sample from the "
            "file"
        )
    return i, (
        f"timestamps run back from {previous[i]:.6f} s to {times_s[i]:.6f} s, expected increasing "
        "time: sort the samples by time"
    )
