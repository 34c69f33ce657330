import pytest
import torch

from img2imu.pretrain.augmentations.time_shift import TimeShift


def test_wrapped_every_row_keeps_its_values(shades, generator):
    moved = TimeShift()(shades, generator)
    assert torch.equal(moved.sort(3).values, shades.sort(3).values)
    assert not torch.equal(moved, shades)


@pytest.mark.parametrize(
    ("mode", "right", "left"),
    [("wrap", [3, 0, 1, 2], [1, 2, 3, 0]), ("edge", [0, 0, 1, 2], [1, 2, 3, 3])],
)
def test_what_enters_at_the_side(mode, right, left, generator):
    rows = torch.arange(4.0).expand(60, 3, 2, 4)
    moved = {
        tuple(row.tolist())
        for row in TimeShift(max_share=0.25, mode=mode)(rows, generator)[:, 0, 0]
    }
    assert moved == {tuple(map(float, row)) for row in (range(4), right, left)}
