"""Diagnose a few seconds of a source: rate, jitter, gaps, units, axes, noise, saturation.

Used by ``img2imu doctor``. Each finding has a verdict, the measured value and a remedy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import StreamSpec, acc_triple
from edge_runtime.stream.checks import (
    GYRO_LIMIT,
    MIN_STEADY,
    REMEDIES,
    SOURCE_OPTIONS,
    STANDARD_GRAVITY,
    VALUE_LIMIT,
    acceleration_kind,
)

OK, WARNING, BAD = "ok", "warning", "bad"
MIN_SAMPLES = 16
# Standard deviation of a step, in steps: above it, timestamps are those of batches or of a busy
# machine.
MAX_JITTER = 0.3
MAX_MEDIAN_ACC = 40.0  # m/s^2, four times gravity: nobody moves like this half of the time
MIN_SPREAD = 1e-5  # of a live axis at rest; below it, the number does not change at all

# At rest; the calmest second counts as rest.
REST_S = 1.0
MAX_REST_ACC = 0.5  # m/s^2; a hand that holds still trembles by 0.1 to 0.3
MAX_REST_GYRO = 0.2  # rad/s
# m/s^2; uncalibrated MEMS accelerometers are off by up to 0.1 g, most by less than half of that.
MAX_GRAVITY_ERROR = 0.5
# Between neighbouring samples: good sensors give 0.005 to 0.05 m/s^2, and 0.01 rad/s.
MAX_ACC_NOISE = 0.3
MAX_GYRO_NOISE = 0.1

# An axis is cut off at its largest value if that value holds this share of the samples, ...
SATURATED_SHARE = 0.01
SATURATED_COUNT = 5
# ... and is this many times as frequent as the values next to it. At rest, the counts of a coarse
# sensor's values fall towards the largest one.
SATURATED_PEAK = 3.0
SATURATED_NEIGHBOURS = 5


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        what: what was checked, in a word or two.
        verdict: ok, warning or bad.
        measured: the value with its unit.
        remedy: what to do; empty if ok.
    """

    what: str
    verdict: str
    measured: str
    remedy: str = ""


def diagnose(times_s: Float64Array, samples: Float32Array, spec: StreamSpec) -> list[Finding]:
    """Run every check.

    Args:
        times_s: (n,) timestamps in the order of arrival, seconds.
        samples: (n, channels).
        spec: what is expected. For a source without a model, its rate is the one asked of the
            sensor.
    """
    if len(times_s) < MIN_SAMPLES:
        remedy = (
            f"expected {MIN_SAMPLES} or more: check that the sensor is switched on, or look for "
            "longer with --seconds"
        )
        return [Finding("samples", BAD, f"{len(times_s)} came", remedy)]
    is_usable = np.isfinite(times_s) & (np.abs(samples) < VALUE_LIMIT).all(1)
    findings = [_check_numbers(is_usable)]
    if np.count_nonzero(is_usable) < MIN_SAMPLES:
        return findings
    times_s = times_s[is_usable]
    samples = samples[is_usable]
    findings += _check_clock(times_s, spec)
    in_order = np.unique(times_s, return_index=True)[1]
    times_s = times_s[in_order]
    samples = samples[in_order]
    if len(times_s) >= MIN_SAMPLES:
        calmest = _calmest_second(times_s, samples, spec)
        findings += [
            _check_axes_change(samples, spec),
            *_check_acceleration(samples, calmest, spec),
            *_check_gyroscope(samples, calmest, spec),
            _check_saturation(samples, spec),
        ]
    return findings


def _check_numbers(is_usable: npt.NDArray[np.bool_]) -> Finding:
    n_bad = int(np.count_nonzero(~is_usable))
    measured = f"{n_bad} of {len(is_usable)} samples hold NaN or absurd values"
    if not n_bad:
        return Finding("numbers", OK, measured)
    return Finding(
        "numbers", BAD, measured, "check the sensor and its driver: one such sample ends a run"
    )


def _check_clock(times_s: Float64Array, spec: StreamSpec) -> list[Finding]:
    """Check order, rate, jitter and gaps."""
    steps = np.diff(times_s)
    findings = [_check_order(steps)]
    ordinary = steps[(steps > 0) & (steps <= spec.max_gap_s)]
    if not len(ordinary):
        remedy = "check that timestamps are in seconds, and the connection"
        return [
            *findings,
            Finding("rate", BAD, f"no two samples within {spec.max_gap_s:g} s", remedy),
        ]
    rate_hz = len(ordinary) / float(ordinary.sum())
    jitter = float(ordinary.std()) * rate_hz
    measured = f"{1000 * ordinary.std():.3g} ms, {jitter:.0%} of a step"
    if jitter > MAX_JITTER:
        remedy = (
            "take the sensor's own timestamps where the source offers them, and look for lost "
            "samples"
        )
        jitter_finding = Finding("jitter", WARNING, measured, remedy)
    else:
        jitter_finding = Finding("jitter", OK, measured)
    return [*findings, _check_rate(rate_hz, spec), jitter_finding, _check_gaps(steps, spec)]


def _check_order(steps: Float64Array) -> Finding:
    n_back = int(np.count_nonzero(steps < 0))
    n_same = int(np.count_nonzero(steps == 0))
    measured = f"{n_back} timestamps run back, {n_same} come twice"
    if not n_back and not n_same:
        return Finding("order", OK, measured)
    remedy = (
        "those samples are dropped: --hold-s 0.1 waits for late ones; if the clock stands still, "
        "check the source's timestamps"
    )
    return Finding("order", WARNING, measured, remedy)


def _check_rate(rate_hz: float, spec: StreamSpec) -> Finding:
    deviation = rate_hz / spec.rate_hz - 1
    measured = f"{rate_hz:.4g} Hz, {deviation:+.1%} of {spec.rate_hz:g} Hz"
    if abs(deviation) <= spec.rate_tolerance / 2:
        return Finding("rate", OK, measured)
    remedy = f"set the sensor to {spec.rate_hz:g} Hz"
    if abs(deviation) <= spec.rate_tolerance:
        return Finding("rate", WARNING, measured, remedy)
    remedy += f", or train a model for {rate_hz:.0f} Hz"
    if deviation > 0:
        remedy += ", or filter it down with --resample polyphase"
    return Finding("rate", BAD, measured, remedy)


def _check_gaps(steps: Float64Array, spec: StreamSpec) -> Finding:
    n_gaps = int(np.count_nonzero(steps > spec.max_gap_s))
    longest_s = max(float(steps.max()), 0.0)
    measured = f"{n_gaps} longer than {spec.max_gap_s:g} s, the longest step {longest_s:.3g} s"
    if not n_gaps:
        return Finding("gaps", OK, measured)
    remedy = "look for a weak connection or a busy sensor: each gap empties the window"
    return Finding("gaps", BAD, measured, remedy)


def _calmest_second(times_s: Float64Array, samples: Float32Array, spec: StreamSpec) -> Float32Array:
    """Return the second in which the accelerometer, or else everything, moves least."""
    lasted_s = max(float(times_s[-1] - times_s[0]), 1e-9)
    n = min(len(times_s), max(MIN_SAMPLES, round(REST_S * len(times_s) / lasted_s)))
    columns = [i for i, name in enumerate(spec.channels) if name.startswith("acc_")]
    if not columns:
        columns = list(range(len(spec.channels)))
    starts = range(0, len(samples) - n + 1, max(n // 2, 1))
    spreads = [float(samples[i : i + n][:, columns].std(0).sum()) for i in starts]
    begin = starts[int(np.argmin(spreads))]
    return samples[begin : begin + n]


def _check_axes_change(samples: Float32Array, spec: StreamSpec) -> Finding:
    spreads = samples.astype(np.float64).std(0)
    frozen = [
        name for name, spread in zip(spec.channels, spreads, strict=True) if spread < MIN_SPREAD
    ]
    if not frozen:
        return Finding("axes alive", OK, f"all {len(spec.channels)} change")
    remedy = "check the wiring and the order of the columns: a real sensor has noise"
    return Finding("axes alive", BAD, f"{', '.join(frozen)} never change", remedy)


def _check_acceleration(
    samples: Float32Array, calmest: Float32Array, spec: StreamSpec
) -> list[Finding]:
    """Check units and gravity; if the sensor rests, also |g|, noise and the axis that points up."""
    triple = acc_triple(spec.channels)
    if triple is None:
        return []
    acc = samples[:, triple]
    rest = calmest[:, triple].astype(np.float64)
    kind = acceleration_kind(acc)
    median = float(np.median(np.linalg.norm(acc, axis=1)))
    measured = f"median |acc| {median:.3g}: "
    is_weak_motion = kind == "g" and spec.gravity == "removed"
    if kind in REMEDIES and not is_weak_motion:
        measured += "nothing but zeros" if kind == "dead" else f"looks like {kind}"
        remedy = REMEDIES[kind] + SOURCE_OPTIONS.get(kind, "")
        return [Finding("units", BAD, measured, remedy)]
    if median > MAX_MEDIAN_ACC:
        measured += "far above gravity in any unit"
        remedy = "check the driver's scale, and that units= is not given for values in m/s^2"
        return [Finding("units", BAD, measured, remedy)]
    findings = [Finding("units", OK, measured + "looks like m/s^2")]
    gravity = "included" if kind == "si" else "removed"
    findings.append(_check_gravity(gravity, spec))
    if float(rest.std(0).max()) > MAX_REST_ACC:
        remedy = "lay it down while you look, to see |g|, noise and axes"
        return [
            *findings,
            Finding("rest", WARNING, "the sensor never rested for a second", remedy),
        ]
    if gravity == "included":
        findings += _check_gravity_vector(rest.mean(0))
    findings.append(_check_noise("accelerometer noise", rest, MAX_ACC_NOISE, "m/s^2"))
    return findings


def _check_gravity(gravity: str, spec: StreamSpec) -> Finding:
    if spec.gravity in ("unknown", gravity):
        return Finding("gravity", OK, gravity)
    if spec.gravity == "included":
        remedy = "the model learnt with gravity: use the raw accelerometer, not linear acceleration"
    else:
        remedy = "the model learnt without gravity: use linear acceleration"
    return Finding("gravity", BAD, gravity, remedy)


def _check_gravity_vector(vector: Float64Array) -> list[Finding]:
    """Check the length of the mean acceleration (3,) at rest, and say which axis points up."""
    length = float(np.linalg.norm(vector))
    error = length - STANDARD_GRAVITY
    measured = f"{length:.2f} m/s^2, {error:+.2f}"
    if abs(error) <= MAX_GRAVITY_ERROR:
        length_finding = Finding("|g| at rest", OK, measured)
    else:
        remedy = "check the driver's scale, calibrate the sensor, or hold it stiller"
        length_finding = Finding("|g| at rest", WARNING, measured, remedy)
    axis = int(np.abs(vector).argmax())
    sign = "-" if vector[axis] < 0 else "+"
    up = (
        f"{sign}{'xyz'[axis]}, {abs(vector[axis]) / length:.0%} of gravity; if another axis of the "
        "model's points up, mount= turns them"
    )
    return [length_finding, Finding("axis upwards", OK, up)]


def _check_gyroscope(
    samples: Float32Array, calmest: Float32Array, spec: StreamSpec
) -> list[Finding]:
    """Check units; if the sensor rests, also offset and noise."""
    columns = [i for i, name in enumerate(spec.channels) if name.startswith("gyro_")]
    if not columns:
        return []
    fastest = float(np.abs(samples[:, columns]).max())
    if fastest > GYRO_LIMIT:
        remedy = REMEDIES["dps"] + SOURCE_OPTIONS["dps"]
        return [Finding("gyroscope units", BAD, f"up to {fastest:.3g}", remedy)]
    findings = [Finding("gyroscope units", OK, f"up to {fastest:.3g} rad/s")]
    rest = calmest[:, columns].astype(np.float64)
    if float(rest.std(0).max()) > MAX_REST_GYRO:
        return findings
    offset = float(np.abs(rest.mean(0)).max())
    measured = f"{offset:.3g} rad/s"
    if offset <= MAX_REST_GYRO:
        findings.append(Finding("gyroscope offset at rest", OK, measured))
    else:
        remedy = "calibrate the sensor while it rests; or it gives degrees per second: units=dps"
        findings.append(Finding("gyroscope offset at rest", WARNING, measured, remedy))
    findings.append(_check_noise("gyroscope noise", rest, MAX_GYRO_NOISE, "rad/s"))
    return findings


def _check_noise(what: str, rest: Float64Array, limit: float, unit: str) -> Finding:
    """Check the standard deviation between neighbours, over sqrt(2): slow motion does not count."""
    noise = float(np.diff(rest, axis=0).std(0).max() / np.sqrt(2))
    measured = f"{noise:.3g} {unit}"
    if noise <= limit:
        return Finding(what, OK, measured)
    remedy = "switch on the sensor's own filter, or lower its bandwidth to half its rate"
    return Finding(what, WARNING, measured, remedy)


def _check_saturation(samples: Float32Array, spec: StreamSpec) -> Finding:
    clipped = clipped_axes(samples, spec)
    if not clipped:
        return Finding("saturation", OK, "no axis stays at its largest value")
    measured = f"{', '.join(clipped)} again and again"
    return Finding("saturation", BAD, measured, "choose a wider range of the sensor")


def clipped_axes(samples: Float32Array, spec: StreamSpec) -> list[str]:
    """Name the axes that are cut off at their largest or smallest value.

    On such a value lie far more samples than on the values next to it.

    Args:
        samples: (n, channels).
        spec: names of the channels.
    """
    clipped = []
    for name, column in zip(spec.channels, samples.T, strict=True):
        values, counts = np.unique(column, return_counts=True)
        median = float(np.median(column))
        min_count = max(SATURATED_COUNT, SATURATED_SHARE * len(column))
        for end, neighbours in (
            (-1, slice(-1 - SATURATED_NEIGHBOURS, -1)),
            (0, slice(1, 1 + SATURATED_NEIGHBOURS)),
        ):
            is_frequent = counts[end] >= min_count
            is_far_out = abs(float(values[end]) - median) > MIN_STEADY
            if not (is_frequent and is_far_out):
                continue
            if counts[end] > SATURATED_PEAK * counts[neighbours].mean():
                clipped.append(f"{name} at {values[end]:.3g}")
    return clipped
