import itertools

import torch

from img2imu.pretrain.augmentations.time_permutation import TimePermutation


def pieces(columns):
    """Runs of neighbours that are still neighbours."""
    return 1 + sum(b != a + 1 for a, b in itertools.pairwise(columns))


def test_columns_are_kept_whole(shades, generator):
    moved = TimePermutation()(shades, generator)
    for before, after in zip(shades, moved, strict=True):
        places = [int((before[0, 0] == value).nonzero()) for value in after[0, 0]]
        assert sorted(places) == list(range(32))
        assert torch.equal(after, before[:, :, places])


def test_as_many_pieces_as_asked_for(generator):
    rows = torch.arange(32.0).expand(300, 3, 1, 32)
    counts = {
        pieces(row.tolist()) for row in TimePermutation(max_pieces=4)(rows, generator)[:, 0, 0]
    }
    assert counts == {1, 2, 3, 4}  # a shuffle may by chance leave all in place


def test_two_pieces_change_places(generator):
    for row in (
        TimePermutation(max_pieces=2)(torch.arange(5.0).expand(40, 3, 1, 5), generator)[:, 0, 0]
        .long()
        .tolist()
    ):
        cut = row.index(0)
        assert row == [*range(5 - cut, 5), *range(5 - cut)]
