import pytest
import torch
from torch import nn

from img2imu.pretrain.moco import MoCo
from img2imu.pretrain.recipe import Run, cosine, key_momentum, make_optimiser, queue_size


class Means(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Linear(3 * 48, 6)

    def forward(self, images):
        return self.network(images.mean(3).flatten(1))


def test_the_rate_falls_by_half_a_cosine():
    assert [round(cosine(step, 4), 3) for step in range(5)] == [1.0, 0.854, 0.5, 0.146, 0.0]


def test_a_long_run_has_the_paper_s_values():
    steps = 200 * 1_281_167 // 256
    assert key_momentum(steps) == 0.999
    assert queue_size(1_281_167, 256, steps) == 65536


@pytest.mark.parametrize(
    ("steps", "momentum"),
    [(1, 0.9), (62, 0.9), (100, 0.9), (1000, 0.99), (5000, 0.998), (20_000, 0.999)],
)
def test_the_slow_copy_looks_back_a_tenth_of_a_short_run(steps, momentum):
    assert key_momentum(steps) == pytest.approx(momentum)


@pytest.mark.parametrize(
    ("n_images", "batch_size", "steps", "keys"),
    [
        (40_000, 64, 625, 63 * 64),  # a tenth of the run
        (4_000, 64, 62, 7 * 64),
        (200, 64, 1000, 100),  # half the images
        (24, 24, 1, 12),
        (3, 2, 1, 1),
    ],
)
def test_the_queue_holds_a_tenth_of_a_short_run_and_half_of_few_images(
    n_images, batch_size, steps, keys
):
    assert queue_size(n_images, batch_size, steps) == keys


@pytest.mark.parametrize(
    ("run", "rate"),
    [
        (Run(), 0.03),
        (Run(optimiser="adamw"), 1e-3),
        (Run(batch_size=64), 0.03 / 4),
        (Run(optimiser="adamw", batch_size=512, learning_rate=1e-4), 2e-4),
    ],
)
def test_the_rate_grows_with_the_batch(run, rate):
    assert run.peak_rate == pytest.approx(rate)


def test_the_optimiser_moves_the_query_alone():
    torch.manual_seed(0)
    moco = MoCo(Means(), queue_size=8)
    for name, kind in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        optimiser = make_optimiser(moco, Run(optimiser=name))
        assert isinstance(optimiser, kind)
        moved = {id(p) for group in optimiser.param_groups for p in group["params"]}
        assert moved == {id(p) for p in moco.query.parameters()}
