import math

import pytest
import torch
from torch import nn

from img2imu.pretrain.moco import MoCo

from .conftest import RowMeans


@pytest.fixture
def moco():
    torch.manual_seed(0)
    return MoCo(RowMeans(), queue_size=7, dimensions=4, momentum=0.9)


def unit(n, seed):
    return nn.functional.normalize(
        torch.randn(n, 4, generator=torch.Generator().manual_seed(seed)), dim=1
    )


def test_the_loss_against_a_reference_by_hand(moco):
    queries, keys = unit(3, 1), unit(3, 2)
    losses = []
    n_correct = 0
    for q, k in zip(queries.tolist(), keys.tolist(), strict=True):
        own = sum(a * b for a, b in zip(q, k, strict=True)) / 0.2
        others = [
            sum(a * b for a, b in zip(q, other, strict=True)) / 0.2 for other in moco.queue.tolist()
        ]
        losses.append(-math.log(math.exp(own) / (math.exp(own) + sum(map(math.exp, others)))))
        n_correct += own > max(others)
    loss, accuracy = moco.loss(queries, keys)
    assert loss.item() == pytest.approx(sum(losses) / 3, rel=1e-5)
    assert accuracy.item() == pytest.approx(n_correct / 3)


def test_views_are_compared_as_unit_vectors(moco):
    vectors = moco.query(torch.randn(5, 3, 48, 32))
    assert torch.allclose(vectors.norm(dim=1), torch.ones(5))


def test_the_slow_copy_starts_equal_and_follows(moco):
    before = [p.clone() for p in moco.key.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, moco.query.parameters(), strict=True))
    with torch.no_grad():
        for parameter in moco.query.parameters():
            parameter.add_(1.0)
    moco.move_key()
    for old, slow in zip(before, moco.key.parameters(), strict=True):
        assert torch.allclose(slow, old + 0.1, atol=1e-6)
        assert not slow.requires_grad


def test_only_the_query_learns(moco):
    loss, _ = moco.loss(moco.query(torch.randn(4, 3, 48, 32)), unit(4, 0))
    loss.backward()
    assert all(p.grad is not None for p in moco.query.parameters())
    assert all(p.grad is None for p in moco.key.parameters())


def test_the_queue_holds_the_latest_keys(moco):
    """Against a plain list, over several rounds of a queue of 7."""
    reference = moco.queue.tolist()
    place = 0
    for seed, n in enumerate((3, 3, 3, 7, 1, 9)):
        keys = unit(n, seed)
        moco.enqueue(keys)
        for key in keys.tolist():
            reference[place] = key
            place = (place + 1) % 7
        assert moco.queue.tolist() == reference
        assert int(moco.position) == place


def test_keys_come_back_in_order(moco):
    images = torch.randn(10, 3, 48, 32)
    keys = moco.encode_keys(images, 3, torch.Generator().manual_seed(0))
    assert torch.allclose(keys, moco.key(images), atol=1e-6)
    assert not keys.requires_grad


def test_batch_norm_sees_keys_in_other_groups_than_queries():
    class Normed(RowMeans):
        def __init__(self):
            super().__init__()
            self.network = nn.Sequential(nn.Linear(3 * 48, 6), nn.BatchNorm1d(6))

    moco = MoCo(Normed(), queue_size=7)
    images = torch.randn(12, 3, 48, 32)
    keys = moco.encode_keys(images, 3, torch.Generator().manual_seed(0))
    assert not torch.allclose(keys, moco.query(images), atol=1e-3)
    assert torch.allclose(
        moco.encode_keys(images, 1, torch.Generator()), moco.query(images), atol=1e-5
    )


def test_the_defaults_are_the_values_of_the_paper():
    moco = MoCo(RowMeans())
    assert (moco.queue.shape, moco.momentum, moco.temperature) == ((65536, 128), 0.999, 0.2)
