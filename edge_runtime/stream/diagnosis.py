"""What a few seconds of a source say about it: rate, jitter, gaps, units, axes, noise, saturation, with remedies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.spec import StreamSpec, acc_triple
from edge_runtime.stream.checks import (
    GYRO_LIMIT,
    LEAST_STEADY,
    REMEDIES,
    SOURCE_OPTIONS,
    STANDARD_GRAVITY,
    VALUE_LIMIT,
    acceleration_kind,
)

OK, WARNING, BAD = "ok", "warning", "bad"
JITTER_WARNING = 0.3  # standard deviation of a step, in steps: timestamps are those of batches, or of a busy machine
MOST_ACC = 40.0  # m/s^2, four times gravity: nobody moves so for half of the time
REST_ACC = 0.5  # m/s^2; a hand that holds still trembles by 0.1 to 0.3
REST_GYRO = 0.2  # rad/s
REST_GRAVITY_OFF = 0.5  # m/s^2; MEMS accelerometers are off by up to 0.1 g uncalibrated, most by less than half of that
NOISE_ACC, NOISE_GYRO = (
    0.3,
    0.1,
)  # m/s^2 and rad/s between neighbours at rest; sensors give 0.005 to 0.05, and 0.01
LEAST_SPREAD = 1e-5  # of a live axis at rest: below it the number does not change at all
SATURATED_SHARE = 0.01  # of the samples at one largest value
SATURATION_REPEATS = 5
SATURATION_LEVELS = (
    5  # beside the largest value; at rest the counts of a coarse sensor's levels fall towards it
)
SATURATION_PEAK = 3.0
LEAST_SAMPLES = 16
REST_S = 1.0  # the calmest second is taken for rest


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: in a word or two.
        verdict: ok, warning or bad.
        measured: the value with its unit.
        remedy: what to do; empty when ok.
    """

    what: str
    verdict: str
    measured: str
    remedy: str = ""


def diagnose(times_s: Float64Array, samples: Float32Array, spec: StreamSpec) -> list[Finding]:
    """Look at everything.

    Args:
        times_s: (n,) as they came.
        samples: (n, channels) likewise.
        spec: what is expected; for a source without a model its rate is what was asked of the
            sensor.
    """
    if len(times_s) < LEAST_SAMPLES:
        return [
            Finding(
                "samples",
                BAD,
                f"{len(times_s)} came",
                f"expected {LEAST_SAMPLES} or more: check that the "
                "sensor is switched on, or look for longer with --seconds",
            )
        ]
    usable = np.isfinite(times_s) & (np.abs(samples) < VALUE_LIMIT).all(1)
    findings = [_numbers(usable)]
    if np.count_nonzero(usable) < LEAST_SAMPLES:
        return findings
    times_s, samples = times_s[usable], samples[usable]
    findings += _clock(times_s, spec)
    order = np.unique(times_s, return_index=True)[1]
    times_s, samples = times_s[order], samples[order]
    if len(times_s) >= LEAST_SAMPLES:
        calm = _calmest(times_s, samples, spec)
        findings += [
            *_dead(samples, spec),
            *_acceleration(samples, calm, spec),
            *_gyroscope(samples, calm, spec),
            _saturation(samples, spec),
        ]
    return findings


def _numbers(usable: npt.NDArray[np.bool_]) -> Finding:
    bad = int(np.count_nonzero(~usable))
    return Finding(
        "numbers",
        BAD if bad else OK,
        f"{bad} of {len(usable)} samples hold NaN or absurd values",
        "check the sensor and its driver: one such sample ends a run" if bad else "",
    )


def _clock(times_s: Float64Array, spec: StreamSpec) -> list[Finding]:
    """Order, rate, jitter and gaps."""
    steps = np.diff(times_s)
    back, same = int(np.count_nonzero(steps < 0)), int(np.count_nonzero(steps == 0))
    findings = [
        Finding(
            "order",
            WARNING if back or same else OK,
            f"{back} timestamps run back, {same} come twice",
            "those samples are dropped: --hold-s 0.1 waits for late ones; if the clock stands still, check "
            "the source's timestamps"
            if back or same
            else "",
        )
    ]
    forward = steps[(steps > 0) & (steps <= spec.max_gap_s)]
    if not len(forward):
        return [
            *findings,
            Finding(
                "rate",
                BAD,
                f"no two samples within {spec.max_gap_s:g} s",
                "check that timestamps are in seconds, and the connection",
            ),
        ]
    rate_hz = len(forward) / float(forward.sum())
    off = rate_hz / spec.rate_hz - 1
    verdict = (
        BAD
        if abs(off) > spec.rate_tolerance
        else WARNING
        if abs(off) > spec.rate_tolerance / 2
        else OK
    )
    remedy = "" if verdict == OK else f"set the sensor to {spec.rate_hz:g} Hz"
    if verdict == BAD:
        remedy += f", or train a model for {rate_hz:.0f} Hz" + (
            ", or filter it down with --resample polyphase" if off > 0 else ""
        )
    findings.append(
        Finding("rate", verdict, f"{rate_hz:.4g} Hz, {off:+.1%} of {spec.rate_hz:g} Hz", remedy)
    )
    jitter = float(forward.std()) * rate_hz
    findings.append(
        Finding(
            "jitter",
            WARNING if jitter > JITTER_WARNING else OK,
            f"{1000 * forward.std():.3g} ms, {jitter:.0%} of a step",
            "take the sensor's own "
            "timestamps where the source offers them, and look for lost samples"
            if jitter > JITTER_WARNING
            else "",
        )
    )
    gaps = steps[steps > spec.max_gap_s]
    findings.append(
        Finding(
            "gaps",
            BAD if len(gaps) else OK,
            f"{len(gaps)} longer than {spec.max_gap_s:g} s, the "
            f"longest step {max(float(steps.max()), 0.0):.3g} s",
            "look for a weak connection or a busy sensor: each empties the window"
            if len(gaps)
            else "",
        )
    )
    return findings


def _calmest(times_s: Float64Array, samples: Float32Array, spec: StreamSpec) -> Float32Array:
    """The second in which the accelerometer, or else everything, moves least."""
    n = min(
        len(times_s),
        max(
            LEAST_SAMPLES, round(REST_S * len(times_s) / max(float(times_s[-1] - times_s[0]), 1e-9))
        ),
    )
    columns = [i for i, name in enumerate(spec.channels) if name.startswith("acc_")] or list(
        range(len(spec.channels))
    )
    starts = range(0, len(samples) - n + 1, max(n // 2, 1))
    spreads = [float(samples[i : i + n][:, columns].std(0).sum()) for i in starts]
    begin = starts[int(np.argmin(spreads))]
    return samples[begin : begin + n]


def _dead(samples: Float32Array, spec: StreamSpec) -> list[Finding]:
    """Axes that never change."""
    spreads = samples.astype(np.float64).std(0)
    still = [
        name for name, spread in zip(spec.channels, spreads, strict=True) if spread < LEAST_SPREAD
    ]
    return [
        Finding(
            "axes alive",
            BAD if still else OK,
            f"{', '.join(still)} never change" if still else f"all {len(spec.channels)} change",
            "check the wiring and the order of the columns: a real sensor has noise"
            if still
            else "",
        )
    ]


def _acceleration(samples: Float32Array, calm: Float32Array, spec: StreamSpec) -> list[Finding]:
    """Units and gravity; and when something rests, its magnitude, noise and the axis that points up."""
    triple = acc_triple(spec.channels)
    if triple is None:
        return []
    acc, rest = samples[:, triple], calm[:, triple].astype(np.float64)
    kind = acceleration_kind(acc)
    gravity = float(np.linalg.norm(rest.mean(0)))
    measured = f"median |acc| {float(np.median(np.linalg.norm(acc, axis=1))):.3g}: "
    if kind in REMEDIES:
        weak = kind == "g" and spec.gravity == "removed"
        if not weak:
            return [
                Finding(
                    "units",
                    BAD,
                    measured + ("nothing but zeros" if kind == "dead" else f"looks like {kind}"),
                    REMEDIES[kind] + SOURCE_OPTIONS.get(kind, ""),
                )
            ]
    if float(np.median(np.linalg.norm(acc, axis=1))) > MOST_ACC:
        return [
            Finding(
                "units",
                BAD,
                measured + "far above gravity in any unit",
                "check the driver's scale, and that units= is not given for values in m/s^2",
            )
        ]
    findings = [Finding("units", OK, measured + "looks like m/s^2")]
    found = "included" if kind == "si" else "removed"
    wrong = spec.gravity != "unknown" and found != spec.gravity
    findings.append(
        Finding(
            "gravity",
            BAD if wrong else OK,
            found,
            {
                "included": "the model learnt with gravity: use the raw accelerometer, not linear acceleration",
                "removed": "the model learnt without gravity: use linear acceleration",
            }[spec.gravity]
            if wrong
            else "",
        )
    )
    if float(rest.std(0).max()) > REST_ACC:
        return [
            *findings,
            Finding(
                "rest",
                WARNING,
                "the sensor never rested for a second",
                "lay it down while you look, to see |g|, noise and axes",
            ),
        ]
    if found == "included":
        off = gravity - STANDARD_GRAVITY
        findings.append(
            Finding(
                "|g| at rest",
                OK if abs(off) <= REST_GRAVITY_OFF else WARNING,
                f"{gravity:.2f} m/s^2, {off:+.2f}",
                ""
                if abs(off) <= REST_GRAVITY_OFF
                else "check the driver's scale, calibrate the sensor, or hold it stiller",
            )
        )
        up = rest.mean(0)
        axis = int(np.abs(up).argmax())
        findings.append(
            Finding(
                "axis upwards",
                OK,
                f"{'-' if up[axis] < 0 else '+'}{'xyz'[axis]}, "
                f"{abs(up[axis]) / gravity:.0%} of gravity; if another axis of the model's points up, "
                "mount= turns them",
            )
        )
    return [*findings, _noise("accelerometer noise", rest, NOISE_ACC, "m/s^2")]


def _gyroscope(samples: Float32Array, calm: Float32Array, spec: StreamSpec) -> list[Finding]:
    columns = [i for i, name in enumerate(spec.channels) if name.startswith("gyro_")]
    if not columns:
        return []
    fastest = float(np.abs(samples[:, columns]).max())
    if fastest > GYRO_LIMIT:
        return [
            Finding(
                "gyroscope units",
                BAD,
                f"up to {fastest:.3g}",
                REMEDIES["dps"] + SOURCE_OPTIONS["dps"],
            )
        ]
    findings = [Finding("gyroscope units", OK, f"up to {fastest:.3g} rad/s")]
    rest = calm[:, columns].astype(np.float64)
    if float(rest.std(0).max()) > REST_GYRO:
        return findings
    offset = float(np.abs(rest.mean(0)).max())
    good = offset <= REST_GYRO
    findings.append(
        Finding(
            "gyroscope offset at rest",
            OK if good else WARNING,
            f"{offset:.3g} rad/s",
            ""
            if good
            else "calibrate the sensor while it rests; or it gives degrees per second: units=dps",
        )
    )
    return [*findings, _noise("gyroscope noise", rest, NOISE_GYRO, "rad/s")]


def _noise(what: str, rest: Float64Array, most: float, unit: str) -> Finding:
    """Standard deviation between neighbours, over sqrt(2): slow motion does not count."""
    noise = float(np.diff(rest, axis=0).std(0).max() / np.sqrt(2))
    return Finding(
        what,
        OK if noise <= most else WARNING,
        f"{noise:.3g} {unit}",
        ""
        if noise <= most
        else "switch on the sensor's own filter, or lower its bandwidth to half its rate",
    )


def clipped_axes(samples: Float32Array, spec: StreamSpec) -> list[str]:
    """Axes of samples (n, channels) on whose largest or smallest value far more lie than on those beside it."""
    clipped = []
    for name, column in zip(spec.channels, samples.T, strict=True):
        values, counts = np.unique(column, return_counts=True)
        for ends, beside in (
            (-1, slice(-1 - SATURATION_LEVELS, -1)),
            (0, slice(1, 1 + SATURATION_LEVELS)),
        ):
            often = counts[ends] >= max(SATURATION_REPEATS, SATURATED_SHARE * len(column))
            far = abs(float(values[ends]) - float(np.median(column))) > LEAST_STEADY
            if often and far and counts[ends] > SATURATION_PEAK * counts[beside].mean():
                clipped.append(f"{name} at {values[ends]:.3g}")
    return clipped


def _saturation(samples: Float32Array, spec: StreamSpec) -> Finding:
    clipped = clipped_axes(samples, spec)
    return Finding(
        "saturation",
        BAD if clipped else OK,
        f"{', '.join(clipped)} again and again"
        if clipped
        else "no axis stays at its largest value",
        "choose a wider range of the sensor" if clipped else "",
    )
