import numpy as np
import pytest

from img2imu.nuisances import GAINS, PACES, TILT_DEG, nuisance_copies

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
SINE, RAMP = (lambda t: np.sin(2 * np.pi * 0.02 * t)), (lambda t: t / 100)
N = 201
T = np.arange(N) - (N - 1) / 2  # samples from the middle


def windows_of(signal, channels):
    rows = np.stack([signal(T + 3 * i) for i in range(len(channels))], 1)
    return np.stack([rows, 2 * rows + 1]).astype(np.float32)


def test_there_is_a_copy_for_each_pace_gain_and_axis():
    assert nuisance_copies(windows_of(SINE, ACC + GYRO), ACC + GYRO).shape == (7, 2, N, 6)
    # Nothing to turn.
    assert nuisance_copies(windows_of(SINE, ("acc_z",)), ("acc_z",)).shape == (
        4,
        2,
        N,
        1,
    )


def test_another_pace_stretches_time_about_the_middle():
    slow, fast = nuisance_copies(windows_of(SINE, ("acc_z",)), ("acc_z",))[:2, 0, :, 0]
    np.testing.assert_allclose(slow, SINE(PACES[0] * T), atol=2e-3)
    within = np.abs(PACES[1] * T) <= T[-1]
    np.testing.assert_allclose(fast[within], SINE(PACES[1] * T[within]), atol=2e-3)


def test_after_the_end_of_a_faster_motion_the_signal_runs_backwards():
    fast = nuisance_copies(windows_of(RAMP, ("acc_z",)), ("acc_z",))[1, 0, :, 0]
    beyond = np.abs(PACES[1] * T) > T[-1]
    assert beyond.sum() > 20
    mirrored = np.sign(T) * (2 * T[-1] - np.abs(PACES[1] * T))
    np.testing.assert_allclose(fast[beyond], RAMP(mirrored[beyond]), atol=1e-5)


def test_a_gain_scales_the_motion_and_leaves_gravity():
    windows = windows_of(SINE, ACC) + np.float32(9.81)
    for gain, copy in zip(GAINS, nuisance_copies(windows, ACC)[2:4], strict=True):
        np.testing.assert_allclose(copy.mean(1), windows.mean(1), atol=1e-4)
        np.testing.assert_allclose(copy.std(1), gain * windows.std(1), rtol=1e-4)


@pytest.mark.parametrize(
    "channels", [ACC + GYRO, ("gyro_z", "acc_y", "acc_x", "gyro_y", "acc_z", "gyro_x")]
)
def test_a_tilt_turns_both_sensors_by_the_same_angle(channels):
    windows = np.random.default_rng(0).normal(size=(3, 20, 6)).astype(np.float32)
    turned = nuisance_copies(windows, channels)[4:]
    for kind in ("acc", "gyro"):
        columns = [channels.index(f"{kind}_{axis}") for axis in "xyz"]
        before = windows[..., columns]
        for axis, copy in enumerate(turned[..., columns]):
            # The axis itself stays.
            np.testing.assert_allclose(copy[..., axis], before[..., axis], atol=1e-6)
            np.testing.assert_allclose(
                np.linalg.norm(copy, axis=-1), np.linalg.norm(before, axis=-1), rtol=1e-5
            )
            i, j = (axis + 1) % 3, (axis + 2) % 3
            angle = np.angle(
                (copy[..., i] + 1j * copy[..., j]) / (before[..., i] + 1j * before[..., j]),
                deg=True,
            )
            np.testing.assert_allclose(angle, TILT_DEG, atol=1e-3)


def test_the_windows_themselves_are_not_changed():
    windows = windows_of(SINE, ACC)
    before = windows.copy()
    nuisance_copies(windows, ACC)
    np.testing.assert_array_equal(windows, before)
