import dataclasses
import itertools
import math

import pytest
import torch

from edge_runtime.errors import DataError
from img2imu.pretrain.augmentations import (
    AUGMENTATIONS,
    Augmenter,
    AxisMixing,
    Gain,
    ResolutionLoss,
    SensorNoise,
    TimeCrop,
    TimeMasking,
    TimePermutation,
    TimeShift,
    blur,
    centre_columns,
    rotations,
)

PICTURES = torch.rand(6, 3, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
class TestEveryAugmentation:
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
        """Silent rows around a loud one stay as they are without the loud one."""
        silent = torch.full((6, 3, 48, 48), -1.0)
        loud = silent.clone()
        loud[:, :, 20] = 1.0
        # Contrast depends on the mean of all rows. That moves no energy between rows.
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


def test_no_augmentation_changes_frequency():
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


def test_an_augmentation_is_applied_to_a_share_of_the_images():
    pictures = PICTURES[:1].repeat(1000, 1, 1, 1)
    views = Augmenter(("gain",), share=0.25)(pictures, seeded())
    changed = (views != pictures[..., 8:40]).any(dim=(1, 2, 3))
    assert changed.float().mean().item() == pytest.approx(0.25, abs=0.05)


def test_an_unknown_name_is_refused():
    with pytest.raises(DataError, match="no augmentation 'rotation', expected some of time-crop"):
        Augmenter(("gain", "rotation"))


# ---- time-crop


def test_a_ramp_stays_a_straight_line_within_the_shares(generator):
    ramp = torch.arange(48.0).expand(50, 3, 48, 48)
    views = TimeCrop(min_share=0.5, max_share=0.75, width=32)(ramp, generator)
    steps = views[:, 0, 0, 2:-2].diff(dim=1)
    assert torch.allclose(steps, steps[:, :1].expand_as(steps), atol=1e-4)
    width = steps.mean(1) * 32
    assert width.min() > 23.9 and width.max() < 36.1
    assert width.max() - width.min() > 6


def test_the_whole_picture_at_its_own_width_is_itself(shades, generator):
    assert torch.allclose(
        TimeCrop(min_share=1.0, max_share=1.0, width=32)(shades, generator), shades, atol=1e-5
    )


def test_the_middle_columns():
    assert centre_columns(torch.arange(6.0).expand(1, 3, 2, 6), width=2)[0, 0, 0].tolist() == [
        2.0,
        3.0,
    ]


# ---- time-shift


def test_a_wrapped_row_keeps_its_values(shades, generator):
    moved = TimeShift()(shades, generator)
    assert torch.equal(moved.sort(3).values, shades.sort(3).values)
    assert not torch.equal(moved, shades)


@pytest.mark.parametrize(
    ("mode", "right", "left"),
    [("wrap", [3, 0, 1, 2], [1, 2, 3, 0]), ("edge", [0, 0, 1, 2], [1, 2, 3, 3])],
)
def test_the_columns_that_enter_at_the_side(mode, right, left, generator):
    rows = torch.arange(4.0).expand(60, 3, 2, 4)
    moved = {
        tuple(row.tolist())
        for row in TimeShift(max_share=0.25, mode=mode)(rows, generator)[:, 0, 0]
    }
    assert moved == {tuple(map(float, row)) for row in (range(4), right, left)}


# ---- time-permutation


def count_pieces(columns):
    """Count the runs of columns that are still neighbours."""
    return 1 + sum(b != a + 1 for a, b in itertools.pairwise(columns))


def test_columns_are_kept_whole(shades, generator):
    moved = TimePermutation()(shades, generator)
    for before, after in zip(shades, moved, strict=True):
        places = [int((before[0, 0] == value).nonzero()) for value in after[0, 0]]
        assert sorted(places) == list(range(32))
        assert torch.equal(after, before[:, :, places])


def test_the_number_of_pieces(generator):
    rows = torch.arange(32.0).expand(300, 3, 1, 32)
    counts = {
        count_pieces(row.tolist())
        for row in TimePermutation(max_pieces=4)(rows, generator)[:, 0, 0]
    }
    assert counts == {1, 2, 3, 4}  # a shuffle may leave the order unchanged


def test_two_pieces_change_places(generator):
    for row in (
        TimePermutation(max_pieces=2)(torch.arange(5.0).expand(40, 3, 1, 5), generator)[:, 0, 0]
        .long()
        .tolist()
    ):
        cut = row.index(0)
        assert row == [*range(5 - cut, 5), *range(5 - cut)]


# ---- axis-mixing

CPU = torch.device("cpu")


def power_of(shades):
    return 10 ** (shades.double() * 40 / 10)  # 80 dB from -1 to 1


def test_every_pixel_keeps_its_total_power(shades, generator):
    mixed = AxisMixing(max_degrees=180)(shades, generator)
    assert torch.allclose(power_of(mixed).sum(1), power_of(shades).sum(1), rtol=1e-4)
    assert not torch.allclose(mixed, shades)


def test_against_the_power_of_a_rotated_signal():
    """Noise of different strength on three axes, rotated sample by sample in float64."""
    random = torch.Generator().manual_seed(0)
    levels = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
    samples = torch.randn(200_000, 3, generator=random, dtype=torch.float64) * levels.sqrt()
    rotation = rotations(torch.tensor([[0.6, 0.0, 0.8]]), torch.tensor([0.7]))[0].double()
    measured = (samples @ rotation.T).square().mean(0)
    assert torch.allclose(rotation.square() @ levels, measured, rtol=0.02)


def test_rotations_are_orthogonal_and_have_the_given_angle():
    rotation = rotations(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([math.pi / 2]))[0]
    assert torch.allclose(rotation, torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), atol=1e-6)
    slanted = rotations(torch.tensor([[0.6, 0.0, 0.8]]), torch.tensor([1.1]))[0]
    assert torch.allclose(slanted @ slanted.T, torch.eye(3), atol=1e-6)
    assert abs(torch.trace(slanted).item() - 1 - 2 * math.cos(1.1)) < 1e-6


def test_rows_and_columns_of_the_mixing_sum_to_one(generator):
    mixing = AxisMixing().draw(100, generator, CPU)
    assert torch.allclose(mixing.sum(1), torch.ones(100, 3), atol=1e-5)
    assert torch.allclose(mixing.sum(2), torch.ones(100, 3), atol=1e-5)


def test_without_rotation_axes_only_change_places(generator):
    mixing = AxisMixing(max_degrees=0, permuted_share=1.0).draw(100, generator, CPU)
    assert torch.equal(mixing.sort(2).values, torch.tensor([0.0, 0, 1]).expand(100, 3, 3))
    assert len({tuple(m.flatten().tolist()) for m in mixing}) == 6
    unmoved = AxisMixing(max_degrees=0, permuted_share=0.0).draw(100, generator, CPU)
    assert torch.equal(unmoved, torch.eye(3).expand(100, 3, 3))


# ---- gain


def test_the_level_moves_all_shades_equally_within_its_limit(shades, generator):
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


# ---- sensor-noise


def test_noise_fills_the_dark_and_leaves_the_bright(generator):
    half = torch.full((40, 3, 48, 32), -1.0)
    half[:, :, :24] = 0.9
    change = SensorNoise(max_floor_db=30, waver_db=0)(half, generator) - half
    assert (change >= -1e-5).all()
    assert change[:, :, 24:].mean() > 0.1
    assert change[:, :, :24].abs().max() < 1e-3


def test_the_floor_has_the_given_power(generator):
    noisy = SensorNoise(max_floor_db=0, waver_db=0)(torch.full((20, 3, 48, 32), -1.0), generator)
    power = 10 ** ((noisy.double() + 1) * 40 / 10)  # of the darkest shade, 80 dB from -1 to 1
    # The power before, and the same power of noise.
    assert power.mean().item() == pytest.approx(2.0, rel=0.02)


def test_levels_vary_by_the_given_decibels(generator):
    still = torch.zeros(20, 3, 48, 32)
    noisy = SensorNoise(max_floor_db=0, waver_db=2)(still, generator)
    assert noisy.std().item() * 40 == pytest.approx(2.0, rel=0.02)


# ---- resolution-loss


def test_a_row_keeps_its_sum_when_the_factor_divides_the_width():
    row = torch.rand(32)
    assert torch.allclose((row @ blur(32, 1)), row)
    for factor in (2, 4):
        assert torch.allclose(blur(32, factor).sum(0), torch.ones(32))


def test_blur_against_a_reference_by_hand():
    # Means of pairs are 1, 5, 9, 13. Between their centres they are interpolated linearly, and
    # beyond the outermost they stay constant.
    row = torch.tensor([0.0, 2, 4, 6, 8, 10, 12, 14])
    assert torch.allclose(row @ blur(8, 2), torch.tensor([1.0, 2, 4, 6, 8, 10, 12, 13]))


def test_an_image_gets_one_of_the_blurs(shades, generator):
    lost = ResolutionLoss(max_factor=3)(shades, generator)
    for before, after in zip(shades, lost, strict=True):
        assert any(
            torch.allclose(before @ blur(32, factor), after, atol=1e-6) for factor in (1, 2, 3)
        )


# ---- time-masking


def test_neighbouring_columns_are_silent_and_the_others_unchanged(generator):
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
