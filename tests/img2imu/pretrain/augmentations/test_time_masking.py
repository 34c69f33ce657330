import torch

from img2imu.pretrain.augmentations.time_masking import TimeMasking


def test_neighbouring_columns_are_silent_and_the_others_untouched(generator):
    images = torch.rand(200, 3, 48, 32, generator=generator)
    masked = TimeMasking(max_share=0.25, shade=-1.0)(images, generator)
    lengths = set()
    for before, after in zip(images, masked, strict=True):
        silent = (after == -1).all(dim=(0, 1))
        assert torch.equal(after[:, :, ~silent], before[:, :, ~silent])
        places = silent.nonzero().flatten().tolist()
        assert places == list(range(places[0], places[-1] + 1)) if places else True
        lengths.add(len(places))
    assert lengths == set(range(9))
