"""The IIO source with the kernel's LSM6DSO driver. ``make test-iio`` runs this in a VM."""

import os
import subprocess

import numpy as np
import pytest
from chip import CONFIG, Chip, load

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import SourceError
from edge_runtime.sources import open_source

# The value of one step at the driver's initial ranges (DS13518, table 2): 0.061 mg at 2 g,
# 8.75 mdps at 250 dps.
ACC_STEP, GYRO_STEP = 0.061e-3 * 9.80665, 8.75e-3 * np.pi / 180
ACC, GYRO = (1000, -2000, 16384), (-300, 20, 32767)
EXPECTED = [*(ACC_STEP * value for value in ACC), *(GYRO_STEP * value for value in GYRO)]


@pytest.fixture(autouse=True)
def at_rest(chip):
    chip.measure(ACC, GYRO)
    set_range(chip, 0)


def set_range(chip, i):
    """Set the range to one of 2, 4, 8 and 16 g."""
    device = chip.device("accel")
    (device / "in_accel_scale").write_text(
        (device / "in_accel_scale_available").read_text().split()[i]
    )


def test_polling_single_values(chip, collect):
    source = open_source("iio:lsm6dso?mode=poll&rate_hz=12.5", CHANNELS)
    chunk = collect(source, 2)
    np.testing.assert_allclose(chunk.samples, [EXPECTED, EXPECTED], rtol=2e-3)
    chip.measure((-5, 6, -7))
    assert collect(source, 1).samples[0, :3] == pytest.approx(
        [-5 * ACC_STEP, 6 * ACC_STEP, -7 * ACC_STEP], rel=2e-3
    )


@pytest.mark.parametrize(("requested_hz", "actual_hz"), [(50, 52), (100, 104)])
def test_records_at_the_rate_that_was_set(chip, collect, requested_hz, actual_hz):
    source = open_source(f"iio:lsm6dso?mode=buffer&rate_hz={requested_hz}", CHANNELS)
    chunk = collect(source, 3 * actual_hz)
    np.testing.assert_allclose(chunk.samples, np.tile(EXPECTED, (len(chunk.samples), 1)), rtol=2e-3)
    steps_s = np.diff(chunk.timestamps_s)
    shortest_ms = steps_s.min() * 1e3
    longest_ms = steps_s.max() * 1e3
    print(f"{1 / steps_s.mean():.3f} Hz, steps {shortest_ms:.3f} to {longest_ms:.3f} ms")
    assert 1 / steps_s.mean() == pytest.approx(actual_hz, rel=0.01)
    assert steps_s.min() > 0 and not source.notes.counts
    for kind, name in (("accel", "acc_x, acc_y, acc_z"), ("gyro", "gyro_x, gyro_y, gyro_z")):
        device = chip.device(kind)
        assert f"iio lsm6dso: lsm6dso_{kind} gives {name} at {actual_hz} Hz" in source.notes.said
        assert (device / "trigger/current_trigger").read_text() == "img2imu\n"
        assert float((device / "sampling_frequency").read_text()) == actual_hz
        assert (device / "buffer/enable").read_text() == "0\n"  # stopped


def test_a_motion_is_recorded(chip, collect):
    def move(received):
        chip.measure((received, -received, 16384))

    chunk = collect(open_source("iio:lsm6dso?mode=buffer&rate_hz=52", CHANNELS[:3]), 100, move)
    x, y, z = (chunk.samples / ACC_STEP).round().T[:, 10:]  # the first samples are at rest
    assert (np.diff(x) >= 0).all() and len(set(x)) > 10 and x[-1] > 80
    assert (x == -y).mean() > 0.9  # the registers are not all written at once
    assert np.ptp(z) == 0


def test_another_range_has_another_scale(chip, collect):
    set_range(chip, 2)
    source = open_source("iio:lsm6dso?mode=buffer&rate_hz=52", CHANNELS[:3])
    np.testing.assert_allclose(
        collect(source, 5).samples[:5], np.tile(4 * np.array(EXPECTED[:3]), (5, 1)), rtol=2e-3
    )


def test_without_the_trigger_module_the_message_names_it(chip, collect):
    trigger = CONFIG / "iio/triggers/hrtimer/img2imu"
    for kind in ("accel", "gyro"):
        (chip.device(kind) / "trigger/current_trigger").write_text("\n")
    if trigger.exists():
        trigger.rmdir()
    subprocess.run(["rmmod", "iio-trig-hrtimer"], check=True)
    try:
        with pytest.raises(
            SourceError, match="lsm6dso_accel needs a trigger.*sudo modprobe iio-trig-hrtimer"
        ):
            collect(open_source("iio:lsm6dso?mode=buffer", CHANNELS[:3]), 1)
    finally:
        load("iio-trig-hrtimer")
    assert len(collect(open_source("iio:lsm6dso?mode=buffer", CHANNELS[:3]), 1).samples) >= 1


def test_a_chip_that_disappears_and_comes_back(chip, collect):
    source = open_source("iio:lsm6dso?mode=buffer&rate_hz=52", CHANNELS)
    state = "there"

    def unplug_and_plug_in(received):
        nonlocal state
        if state == "there" and received > 20:
            chip.unplug()
            state = "gone"
        elif state == "gone" and source.notes.counts["lost connection"] > 1:
            chip.plug_in()
            chip.measure((7, 8, 9))
            state = "there again"

    try:
        chunk = collect(source, 60, unplug_and_plug_in)
    finally:
        if state == "gone":
            chip.plug_in()
    assert state == "there again"
    assert chunk.samples[-1, :3] == pytest.approx(
        [7 * ACC_STEP, 8 * ACC_STEP, 9 * ACC_STEP], rel=2e-3
    )
    said = "\n".join(source.notes.said)
    assert (
        "lsm6dso_accel, lsm6dso_gyro does not answer any more (" in said
        and "trying again in 0.5 s" in said
    )
    assert "no IIO device lsm6dso has in_accel_x_raw, there are none" in said  # while it was away
    assert "samples come again" in said
    print(said)


def test_a_buffer_that_another_program_reads(chip, collect):
    node = os.open(f"/dev/{chip.device('accel').name}", os.O_RDONLY)
    try:
        with pytest.raises(SourceError, match="lsm6dso_accel.* is in use by another program"):
            collect(open_source("iio:lsm6dso?mode=buffer", CHANNELS), 1)
    finally:
        os.close(node)


def test_a_missing_chip(chip):
    with pytest.raises(
        SourceError,
        match=r"no IIO device bmi160 has in_accel_x_raw, there are iio:device. \(lsm6dso",
    ):
        next(iter(open_source("iio:bmi160", CHANNELS)))
    assert isinstance(chip, Chip)
