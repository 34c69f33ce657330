import dataclasses

import pytest
import torch

from edge_runtime.errors import DataError
from img2imu.pretrain.augmentations import AUGMENTATIONS, Augmenter
from img2imu.pretrain.augmentations.gain import Gain

PICTURES = torch.rand(6, 3, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
class TestEach:
    def test_is_a_function_of_its_generator(self, name):
        augmentation = AUGMENTATIONS[name]()
        first = augmentation(PICTURES, seeded())
        assert torch.equal(first, augmentation(PICTURES, seeded()))
        assert not torch.equal(first, augmentation(PICTURES, seeded(1)))

    def test_treats_every_image_of_a_batch_differently(self, name):
        views = AUGMENTATIONS[name]()(PICTURES[:1].repeat(6, 1, 1, 1), seeded())
        assert len({tuple(view.flatten().tolist()) for view in views}) > 2

    def test_stays_in_range_and_leaves_its_input_alone(self, name):
        before = PICTURES.clone()
        views = AUGMENTATIONS[name]()(PICTURES, seeded())
        assert views.min() >= -1 and views.max() <= 1
        assert views.dtype == torch.float32
        assert torch.equal(PICTURES, before)

    def test_moves_nothing_from_one_row_to_another(self, name):
        """Silent rows around a loud one stay as silent as they were with no loud row at all."""
        silent = torch.full((6, 3, 48, 48), -1.0)
        loud = silent.clone()
        loud[:, :, 20] = 1.0
        # contrast alone looks at other rows: at the mean of all, which is no energy moved (see
        # test_gain)
        augmentation = Gain(max_contrast=1.0) if name == "gain" else AUGMENTATIONS[name]()
        views, reference = augmentation(loud, seeded()), augmentation(silent, seeded())
        others = torch.arange(48) != 20
        assert torch.equal(views[:, :, others], reference[:, :, others])
        assert not torch.equal(views[:, :, 20], reference[:, :, 20])

    def test_every_knob_is_a_keyword_with_a_default(self, name):
        kind = AUGMENTATIONS[name]
        assert dataclasses.is_dataclass(kind)
        assert dataclasses.fields(kind)
        assert kind(**{f.name: f.default for f in dataclasses.fields(kind)}) == kind()


def test_nothing_here_can_falsify_frequency():
    assert not [
        name
        for name in AUGMENTATIONS
        if any(word in name for word in ("flip", "rotat", "vertical"))
    ]


def test_views_have_the_shape_of_our_images():
    assert Augmenter()(PICTURES, seeded()).shape == (6, 3, 48, 32)


def test_without_augmentations_a_view_is_the_middle():
    assert torch.equal(Augmenter(())(PICTURES, seeded()), PICTURES[..., 8:40])


def test_the_order_of_names_does_not_matter():
    one, other = Augmenter(("gain", "time-shift")), Augmenter(("time-shift", "gain"))
    assert one.names == other.names == ("time-shift", "gain")
    assert torch.equal(one(PICTURES, seeded()), other(PICTURES, seeded()))


def test_each_is_applied_to_a_share_of_the_images():
    pictures = PICTURES[:1].repeat(1000, 1, 1, 1)
    views = Augmenter(("gain",), share=0.25)(pictures, seeded())
    changed = (views != pictures[..., 8:40]).any(dim=(1, 2, 3))
    assert changed.float().mean().item() == pytest.approx(0.25, abs=0.05)


def test_an_unknown_name_is_refused():
    with pytest.raises(DataError, match="no augmentation 'rotation', expected some of time-crop"):
        Augmenter(("gain", "rotation"))
