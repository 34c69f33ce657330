import torch

from img2imu.pretrain.augmentations.resolution_loss import ResolutionLoss, blur


def test_a_row_keeps_its_sum_when_the_factor_divides_the_width():
    row = torch.rand(32)
    assert torch.allclose((row @ blur(32, 1)), row)
    for factor in (2, 4):
        assert torch.allclose(blur(32, factor).sum(0), torch.ones(32))


def test_against_a_reference_by_hand():
    # pairs' means 1, 5, 9, 13; between their centres by straight lines, held beyond the outermost
    row = torch.tensor([0.0, 2, 4, 6, 8, 10, 12, 14])
    assert torch.allclose(row @ blur(8, 2), torch.tensor([1.0, 2, 4, 6, 8, 10, 12, 13]))


def test_each_image_gets_one_of_the_blurs(shades, generator):
    lost = ResolutionLoss(max_factor=3)(shades, generator)
    for before, after in zip(shades, lost, strict=True):
        assert any(
            torch.allclose(before @ blur(32, factor), after, atol=1e-6) for factor in (1, 2, 3)
        )
