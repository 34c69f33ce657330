import math

import torch

from img2imu.pretrain.augmentations.axis_mixing import AxisMixing, rotations

CPU = torch.device("cpu")


def power(shades):
    return 10 ** (shades.double() * 40 / 10)  # 80 dB from -1 to 1


def test_every_pixel_keeps_its_total_power(shades, generator):
    mixed = AxisMixing(max_degrees=180)(shades, generator)
    assert torch.allclose(power(mixed).sum(1), power(shades).sum(1), rtol=1e-4)
    assert not torch.allclose(mixed, shades)


def test_against_the_power_of_a_rotated_signal():
    """Uncorrelated noise of different strength on three axes, rotated sample by sample, in double precision."""
    random = torch.Generator().manual_seed(0)
    levels = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
    samples = torch.randn(200_000, 3, generator=random, dtype=torch.float64) * levels.sqrt()
    rotation = rotations(torch.tensor([[0.6, 0.0, 0.8]]), torch.tensor([0.7]))[0].double()
    measured = (samples @ rotation.T).square().mean(0)
    assert torch.allclose(rotation.square() @ levels, measured, rtol=0.02)


def test_rotations_are_orthogonal_and_turn_as_far_as_asked():
    rotation = rotations(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([math.pi / 2]))[0]
    assert torch.allclose(rotation, torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), atol=1e-6)
    slanted = rotations(torch.tensor([[0.6, 0.0, 0.8]]), torch.tensor([1.1]))[0]
    assert torch.allclose(slanted @ slanted.T, torch.eye(3), atol=1e-6)
    assert abs(torch.trace(slanted).item() - 1 - 2 * math.cos(1.1)) < 1e-6


def test_rows_and_columns_of_the_mixing_sum_to_one(generator):
    mixing = AxisMixing().draw(100, generator, CPU)
    assert torch.allclose(mixing.sum(1), torch.ones(100, 3), atol=1e-5)
    assert torch.allclose(mixing.sum(2), torch.ones(100, 3), atol=1e-5)


def test_without_rotation_axes_change_places_and_nothing_else(generator):
    mixing = AxisMixing(max_degrees=0, permuted_share=1.0).draw(100, generator, CPU)
    assert torch.equal(mixing.sort(2).values, torch.tensor([0.0, 0, 1]).expand(100, 3, 3))
    assert len({tuple(m.flatten().tolist()) for m in mixing}) == 6
    unmoved = AxisMixing(max_degrees=0, permuted_share=0.0).draw(100, generator, CPU)
    assert torch.equal(unmoved, torch.eye(3).expand(100, 3, 3))
