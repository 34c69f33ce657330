import pytest

from img2imu.pretrain.order import Order, seed_of


def test_every_epoch_shows_different_images_in_whole_batches():
    batches = list(Order(n_images=10, batch_size=4, epochs=3, seed=0))
    assert [len(b) for b in batches] == [4] * 6
    epochs = [batches[i] + batches[i + 1] for i in (0, 2, 4)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("first", range(7))
def test_any_step_can_be_the_first(first):
    whole = list(Order(10, 4, 3, seed=5))
    rest = Order(10, 4, 3, seed=5, first_step=first)
    assert list(rest) == whole[first:]
    assert len(rest) == 6 - first


def test_processes_share_each_batch():
    whole = list(Order(10, 4, 2, seed=1))
    shares = [list(Order(10, 4, 2, seed=1, process=(i, 2))) for i in range(2)]
    for batch, one, other in zip(whole, *shares, strict=True):
        assert sorted(one + other) == sorted(batch)
        assert len(one) == len(other) == 2


def test_seeds_differ_by_every_part():
    assert len({seed_of(*parts) for parts in [(0,), (1,), (0, 1), (1, 0), (0, 0, 1), (2, 0)]}) == 6
    assert seed_of(3, 4) == seed_of(3, 4)
    assert 0 <= seed_of(2**40, 1) < 2**63
