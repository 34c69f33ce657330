import pytest
import torch

from img2imu.pretrain.augmentations.sensor_noise import SensorNoise


def test_noise_fills_the_dark_and_leaves_the_bright(generator):
    half = torch.full((40, 3, 48, 32), -1.0)
    half[:, :, :24] = 0.9
    change = SensorNoise(max_floor_db=30, waver_db=0)(half, generator) - half
    assert (change >= -1e-5).all()
    assert change[:, :, 24:].mean() > 0.1
    assert change[:, :, :24].abs().max() < 1e-3


def test_the_floor_is_as_loud_as_asked_for(generator):
    noisy = SensorNoise(max_floor_db=0, waver_db=0)(torch.full((20, 3, 48, 32), -1.0), generator)
    power = 10 ** ((noisy.double() + 1) * 40 / 10)  # of the darkest shade, 80 dB from -1 to 1
    assert power.mean().item() == pytest.approx(2.0, rel=0.02)  # what was there, and as much again


def test_levels_waver_by_decibels(generator):
    still = torch.zeros(20, 3, 48, 32)
    noisy = SensorNoise(max_floor_db=0, waver_db=2)(still, generator)
    assert noisy.std().item() * 40 == pytest.approx(2.0, rel=0.02)
