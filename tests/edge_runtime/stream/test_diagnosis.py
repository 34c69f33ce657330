import math

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS, StreamSpec
from edge_runtime.stream.diagnosis import BAD, OK, WARNING, diagnose

SPEC = StreamSpec(CHANNELS, 50.0, "included")


def at_rest(n=500, rate_hz=50.0, acc_noise=0.02, gyro_noise=0.003):
    """A good sensor that lies flat."""
    generator = np.random.default_rng(0)
    samples = np.hstack(
        [generator.normal([0, 0, 9.81], acc_noise, (n, 3)), generator.normal(0, gyro_noise, (n, 3))]
    )
    return np.arange(n) / rate_hz, samples.astype(np.float32)


def moving(n=500, rate_hz=50.0):
    """The same in a moving hand."""
    times, samples = at_rest(n, rate_hz)
    samples += 6 * np.sin(2 * np.pi * np.outer(times, [1, 1.3, 0.7, 0.9, 1.1, 1.7])).astype(
        np.float32
    )
    return times, samples


def verdicts(times, samples, spec=SPEC):
    return {f.what: f.verdict for f in diagnose(times, samples, spec)}


def finding(what, times, samples, spec=SPEC):
    (found,) = (f for f in diagnose(times, samples, spec) if f.what == what)
    return found


def test_a_good_sensor_at_rest_is_ok_in_everything():
    found = diagnose(*at_rest(), SPEC)
    assert {f.verdict for f in found} == {OK} and not any(f.remedy for f in found)
    assert {
        "rate",
        "jitter",
        "gaps",
        "units",
        "gravity",
        "|g| at rest",
        "axis upwards",
        "accelerometer noise",
        "gyroscope noise",
        "saturation",
        "axes alive",
    } <= {f.what for f in found}


def test_a_good_sensor_in_motion_lacks_only_rest():
    assert {what for what, verdict in verdicts(*moving()).items() if verdict != OK} == {"rest"}


def test_whatever_is_wrong_has_a_remedy():
    times, samples = moving()
    samples[:, 1], times[250:] = 0, times[250:] + 3
    for found in diagnose(times, samples / 9.81, SPEC):
        assert bool(found.remedy) == (found.verdict != OK)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, OK), (0.98, OK), (1.07, WARNING), (0.93, WARNING), (0.8, BAD), (1.2, BAD), (4, BAD)],
)
def test_the_rate_against_the_models(factor, verdict):
    found = finding("rate", *at_rest(rate_hz=50 * factor))
    assert found.verdict == verdict and f"{50 * factor:.4g} Hz" in found.measured
    assert ("polyphase" in found.remedy) == (factor > 1.1)


def test_jitter_gaps_and_order():
    times, samples = at_rest()
    batches = np.repeat(times[::25], 25) + np.tile(np.arange(25) * 1e-4, 20)  # stamped on arrival
    assert verdicts(batches, samples)["jitter"] == WARNING
    late = times.copy()
    late[100:] += 0.7
    assert (
        finding("gaps", late, samples).measured.startswith("1 longer than 0.5 s")
        and verdicts(late, samples)["gaps"] == BAD
    )
    swapped = times.copy()
    swapped[[50, 51]] = swapped[[51, 50]]
    swapped[70] = swapped[69]
    assert finding("order", swapped, samples).measured == "1 timestamps run back, 1 come twice"


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1 / 9.80665, "units=g"),
        (1000 / 9.80665, "units=mg"),
        (16384 / 9.80665, "raw counts"),
        (0, "switched on"),
        (9.80665, "units= is not given"),
    ],
)
@pytest.mark.parametrize("stream", [at_rest, moving])
def test_units_of_the_accelerometer(stream, factor, words):
    times, samples = stream()
    samples[:, :3] *= factor
    found = finding("units", times, samples)
    assert found.verdict == BAD and words in found.remedy


def test_degrees_per_second():
    times, samples = moving()
    samples[:, 3:] *= 57.3
    assert "units=dps" in finding("gyroscope units", times, samples).remedy
    times, samples = at_rest()
    samples[:, 4] += 0.02 * 57.3
    assert "units=dps" in finding("gyroscope offset at rest", times, samples).remedy


def test_gravity_against_the_models():
    times, samples = at_rest()
    assert verdicts(times, samples, StreamSpec(CHANNELS, 50.0, "removed"))["gravity"] == BAD
    samples[:, 2] -= 9.81
    assert verdicts(times, samples)["gravity"] == BAD
    assert verdicts(times, samples, StreamSpec(CHANNELS, 50.0, "removed"))["gravity"] == OK


@pytest.mark.parametrize(("axis", "sign", "name"), [(0, 1, "+x"), (1, -1, "-y"), (2, -1, "-z")])
def test_the_axis_that_points_up_is_named(axis, sign, name):
    times, samples = at_rest()
    samples[:, 2] -= 9.81
    samples[:, axis] += sign * 9.81
    assert finding("axis upwards", times, samples).measured.startswith(f"{name}, 100% of gravity")


def test_a_scale_that_is_a_little_wrong_shows_at_rest():
    times, samples = at_rest()
    assert finding("|g| at rest", times, samples * 1.08).verdict == WARNING


def test_a_dead_axis():
    times, samples = at_rest()
    samples[:, 4] = 0.01
    found = finding("axes alive", times, samples)
    assert found.verdict == BAD and found.measured == "gyro_y never change"
    assert verdicts(times, samples)["saturation"] == OK


def test_noise():
    found = verdicts(*at_rest(acc_noise=0.4, gyro_noise=0.15))
    assert found["accelerometer noise"] == found["gyroscope noise"] == WARNING
    sigma = float(
        finding("accelerometer noise", *at_rest(n=5000, acc_noise=0.1)).measured.split()[0]
    )
    assert sigma == pytest.approx(0.1, rel=0.2)  # the largest of three axes


def test_saturation_is_told_from_a_coarse_sensor():
    times, samples = moving()
    clipped = np.clip(samples, None, 12)
    found = finding("saturation", times, clipped)
    assert found.verdict == BAD and "acc_z at 12" in found.measured
    coarse = np.round(samples / 0.04) * 0.04
    assert verdicts(times, coarse)["saturation"] == OK
    assert verdicts(times, np.round(at_rest()[1] / 0.04) * 0.04)["saturation"] == OK


def test_numbers_that_are_none_are_counted_and_the_rest_is_looked_at():
    times, samples = at_rest()
    samples[10, 0], samples[20, 3], times[30] = math.nan, math.inf, math.nan
    found = finding("numbers", times, samples)
    assert (
        found.verdict == BAD
        and found.measured.startswith("3 of 500")
        and verdicts(times, samples)["units"] == OK
    )


@pytest.mark.parametrize("n", [0, 1, 15])
def test_too_little_to_look_at(n):
    times, samples = at_rest(n)
    (found,) = diagnose(times, samples, SPEC)
    assert (found.what, found.verdict) == ("samples", BAD)


@pytest.mark.parametrize("times", [np.zeros(100), np.arange(100) * 1e3, -np.arange(100.0)])
def test_timestamps_that_make_no_sense_are_bad_and_no_crash(times):
    assert verdicts(times, at_rest(100)[1])["rate"] == BAD


@pytest.mark.parametrize("channels", [CHANNELS[:1], CHANNELS[:3], CHANNELS[3:]])
def test_other_channels(channels):
    times, samples = at_rest()
    columns = [CHANNELS.index(name) for name in channels]
    found = verdicts(times, samples[:, columns], StreamSpec(channels, 50.0, "unknown"))
    assert set(found.values()) == {OK}
