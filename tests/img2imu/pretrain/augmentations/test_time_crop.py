import torch

from img2imu.pretrain.augmentations.time_crop import TimeCrop, centre_columns


def test_a_ramp_stays_a_straight_line_within_the_shares(generator):
    ramp = torch.arange(48.0).expand(50, 3, 48, 48)
    views = TimeCrop(min_share=0.5, max_share=0.75, width=32)(ramp, generator)
    steps = views[:, 0, 0, 2:-2].diff(dim=1)
    assert torch.allclose(steps, steps[:, :1].expand_as(steps), atol=1e-4)
    taken = steps.mean(1) * 32
    assert taken.min() > 23.9 and taken.max() < 36.1
    assert taken.max() - taken.min() > 6


def test_the_whole_picture_at_its_own_width_is_itself(shades, generator):
    assert torch.allclose(
        TimeCrop(min_share=1.0, max_share=1.0, width=32)(shades, generator), shades, atol=1e-5
    )


def test_the_middle():
    assert centre_columns(torch.arange(6.0).expand(1, 3, 2, 6), width=2)[0, 0, 0].tolist() == [
        2.0,
        3.0,
    ]
