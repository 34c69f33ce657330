import torch

from img2imu.pretrain.augmentations.gain import Gain


def test_the_level_moves_all_shades_alike_within_its_limit(shades, generator):
    change = Gain(max_db=12, max_contrast=1.0)(shades / 2, generator) - shades / 2
    assert torch.allclose(change, change[:, :1, :1, :1].expand_as(change), atol=1e-6)
    assert change.abs().max() <= 12 / 40 + 1e-6  # 80 dB from -1 to 1
    assert change.std() > 0.05


def test_contrast_scales_differences_about_the_mean(shades, generator):
    quiet = shades / 2
    louder = Gain(max_db=0, max_contrast=1.3)(quiet, generator)
    ratio = louder.std((1, 2, 3)) / quiet.std((1, 2, 3))
    assert ratio.min() >= 1 / 1.3 - 1e-4 and ratio.max() <= 1.3 + 1e-4
    assert torch.allclose(louder.mean((1, 2, 3)), quiet.mean((1, 2, 3)), atol=1e-5)


def test_rows_keep_their_rank(shades, generator):
    before, after = shades.mean((1, 3)) / 2, Gain()(shades / 2, generator).mean((1, 3))
    assert torch.equal(before.argsort(1), after.argsort(1))
