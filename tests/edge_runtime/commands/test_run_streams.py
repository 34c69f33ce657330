"""Recordings that break the contract, and those that bear it."""

import numpy as np
import pytest

from edge_runtime.stream.checks import STANDARD_GRAVITY
from img2imu.cli import EXIT_USER_ERROR

HOP = 16  # samples, of the bundled model


@pytest.mark.parametrize("rate_hz", [25, 40, 100, 200])
def test_another_rate(refused, altered, rate_hz):
    sentence = refused(altered(times_s=np.arange(1500) / rate_hz))
    assert f"the stream comes at {rate_hz} Hz, expected 50 Hz within 10%" in sentence


def test_a_rate_a_little_off_is_resampled(run, altered):
    code, found, _ = run(altered(times_s=np.arange(1500) / 48.0))
    assert code == 0
    assert len(found) > 70


def test_a_rate_of_a_few_samples_a_second_is_no_stream(refused, altered, run):
    source = altered(times_s=np.arange(1500) / 1.5)
    code, found, printed = run(source)
    assert code == EXIT_USER_ERROR
    assert {line["state"] for line in found} == {"gap", "warming up"} and all(
        line["label"] is None for line in found
    )
    assert "pauses longer than 0.5 s came before a window was full" in printed.err


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (1 / STANDARD_GRAVITY, "look like g: multiply them by 9.80665"),
        (1000 / STANDARD_GRAVITY, "thousandths of g"),
        (0, "nothing but zeros"),
    ],
)
def test_another_unit(refused, altered, calm, factor, message):
    times_s, samples = calm
    assert message in refused(altered(times_s, samples * np.array([factor] * 3 + [1] * 3)))


def test_vigorous_motion_in_g_is_refused_too(refused, altered, demo_recording):
    assert "expected about 9.81 m/s^2" in refused(
        altered(samples=demo_recording.samples / STANDARD_GRAVITY)
    )


def test_gravity_removed(refused, altered, calm):
    times_s, samples = calm
    linear = samples.copy()
    for axis in range(3):  # as phones do it: what changes slowly is taken for gravity
        padded = np.pad(samples[:, axis], 25, mode="edge")
        linear[:, axis] -= np.convolve(padded, np.full(51, 1 / 51), "valid")
    assert "gravity seems to be removed" in refused(altered(times_s, linear))


@pytest.mark.parametrize(
    ("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e9, "1e+09")]
)
@pytest.mark.parametrize("at", [0, 100, 700])
def test_a_number_that_is_none(refused, altered, demo_recording, expected, value, shown, at):
    samples = demo_recording.samples.copy()
    samples[at, 4] = value
    before = [d for d in expected if d.time_s < demo_recording.timestamps_s[at]]
    sentence = refused(altered(samples=samples), decisions=len(before))
    assert f"gyro_y is {shown} at {at / 50:.6f} s, expected a number" in sentence


def test_decisions_before_a_bad_sample_stand_as_they_were(run, altered, demo_recording, expected):
    samples = demo_recording.samples.copy()
    samples[700, 0] = np.nan
    _, found, _ = run(altered(samples=samples))
    assert [(line["time_s"], line["label"]) for line in found] == [
        (d.time_s, d.label) for d in expected if d.time_s < 14.0
    ]


@pytest.mark.parametrize("back_s", [7.0, 3600.0, 1e9])
def test_a_clock_set_back_is_a_gap_and_no_end(run, altered, demo_recording, expected, back_s):
    times_s = demo_recording.timestamps_s.copy()
    times_s[600:] -= back_s
    code, found, _ = run(altered(times_s))
    before = [d for d in expected if d.time_s < 12.0]
    assert code == 0
    assert [line["label"] for line in found[: len(before)]] == [d.label for d in before]
    assert [line["state"] for line in found[len(before) : len(before) + 2]] == ["gap", "warming up"]
    after = found[len(before) + 2 :]
    assert len(after) == (900 - 250) // HOP + 1 and {line["state"] for line in after} == {
        "recognised"
    }
    assert after[0]["time_s"] == pytest.approx(times_s[600] + 249 / 50)


def test_late_samples_are_counted_and_held_ones_are_not_late(
    run, altered, demo_recording, expected
):
    order = np.arange(1500)
    order[2::20], order[3::20] = order[3::20].copy(), order[2::20].copy()
    source = altered(demo_recording.timestamps_s[order], demo_recording.samples[order])
    code, found, printed = run(source)
    assert (
        code == 0 and "75 interpolated, 75 dropped (75 late, 0 duplicate, 0 refused)" in printed.err
    )
    code, found, printed = run(source, "--hold-s", "0.03")
    assert code == 0 and " 0 dropped" in printed.err
    assert [line["probabilities"] for line in found] == [
        dict(zip(found[0]["probabilities"], d.probabilities, strict=True)) for d in expected
    ]


def test_a_sensor_four_times_as_fast_is_filtered_down_when_asked_for(
    run, altered, demo_recording, expected
):
    times_s = np.arange(4 * 1499 + 1) / 200
    samples = np.stack(
        [
            np.interp(times_s, demo_recording.timestamps_s, column)
            for column in demo_recording.samples.T
        ],
        axis=1,
    )
    code, found, _ = run(altered(times_s, samples), "--resample", "polyphase")
    labels = {round(d.time_s, 2): d.label for d in expected}
    near = [
        line["label"] == labels[min(labels, key=lambda t: abs(t - line["time_s"]))]
        for line in found
    ]
    assert code == 0 and len(found) == (1500 - 20 - 250) // HOP + 1
    assert sum(near) > 0.9 * len(near)


def test_the_longest_gap_can_be_given(run, altered, demo_recording):
    times_s = demo_recording.timestamps_s.copy()
    times_s[700:] += 0.4
    assert {line["state"] for line in run(altered(times_s))[1]} == {"recognised"}
    assert "gap" in {line["state"] for line in run(altered(times_s), "--max-gap-s", "0.3")[1]}


@pytest.mark.parametrize("text", ["nan", "inf"])
def test_a_timestamp_that_is_none(refused, altered, demo_recording, text):
    times_s = demo_recording.timestamps_s.copy()
    times_s[100] = float(text)
    assert f"has the timestamp {text}" in refused(altered(times_s))
