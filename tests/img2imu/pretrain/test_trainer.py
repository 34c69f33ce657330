import os
import signal

import pytest
import torch

from edge_runtime.errors import DataError
from img2imu.backbone import EarlyBlocks
from img2imu.pretrain.images import Images
from img2imu.pretrain.moco import MoCo
from img2imu.pretrain.trainer import (
    BatchOrder,
    PretrainingRun,
    Trainer,
    cosine,
    key_momentum,
    make_optimiser,
    queue_size,
    seed_of,
)

from .conftest import RowMeans

# 3 steps in an epoch.
RUN = PretrainingRun(
    epochs=2, batch_size=8, augmentations=("time-crop", "axis-mixing", "sensor-noise")
)


def content(path):
    return torch.load(path, weights_only=True)


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


class StopAfter:
    """Presses Ctrl-C after a number of steps."""

    def __init__(self, steps):
        self.steps = steps
        self.seen = []

    def __call__(self, step):
        self.seen.append(step)
        if step.step == self.steps:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        PretrainingRun(
            epochs=2, batch_size=8, optimiser="adamw", encoder="mobilenet_v3_small", start="random"
        ),
    ],
    ids=["early-blocks, sgd", "mobilenet, adamw"],
)
def test_stopped_and_resumed_is_bit_for_bit_the_same(photos, tmp_path, run):
    images = Images(photos)
    straight = Trainer(images, run, tmp_path / "straight.pt")
    losses = StopAfter(4)
    with pytest.raises(KeyboardInterrupt):
        straight.train(losses)

    first = Trainer(images, run, tmp_path / "first.pt")
    with pytest.raises(KeyboardInterrupt):
        first.train(StopAfter(2))
    second = Trainer(images, run, tmp_path / "second.pt", workers=1)
    second.resume(tmp_path / "first.pt")
    torch.rand(5)  # the global generator must not matter
    resumed = StopAfter(4)
    with pytest.raises(KeyboardInterrupt):
        second.train(resumed)

    assert equal(content(tmp_path / "straight.pt"), content(tmp_path / "second.pt"))
    assert not equal(content(tmp_path / "straight.pt"), content(tmp_path / "first.pt"))
    assert [s.loss for s in losses.seen[2:]] == [s.loss for s in resumed.seen]
    assert [s.step for s in resumed.seen] == [3, 4]
    assert [s.epoch for s in losses.seen] == [1, 1, 1, 2]


def test_the_early_blocks_load_the_weights_of_a_complete_run(photos, tmp_path):
    trainer = Trainer(Images(photos), RUN, tmp_path / "c.pt")
    steps = []
    trainer.train(steps.append)
    assert [s.step for s in steps] == list(range(1, 7))
    assert steps[-1].steps == 6 and steps[0].images_per_s > 0
    assert steps[0].learning_rate == pytest.approx(0.03 * 8 / 256)
    trainer.write_encoder(tmp_path / "backbone.pt")
    network = EarlyBlocks(pretrained=False)
    network.load_state_dict(content(tmp_path / "backbone.pt"))
    assert not torch.equal(network.stem[0].weight, EarlyBlocks().stem[0].weight)

    finished = Trainer(Images(photos), RUN, tmp_path / "again.pt")
    finished.resume(tmp_path / "c.pt")
    finished.train(steps.append)
    assert len(steps) == 6


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_the_loss_falls_from_the_first_step_on(tmp_path, photos, optimiser):
    """24 pictures that differ in colour are soon learnt.

    With random vectors in the queue the loss would begin low, and rise as keys of pictures replace
    them.
    """
    run = PretrainingRun(
        epochs=6, batch_size=24, augmentations=("time-shift",), optimiser=optimiser
    )
    steps = []
    Trainer(Images(photos), run, tmp_path / "c.pt").train(steps.append)
    losses = [step.loss for step in steps]
    assert sum(losses[-2:]) / 2 < sum(losses[:2]) / 2 - 0.1


def test_the_queue_begins_with_keys_of_pictures(photos, tmp_path):
    """Keys of pictures are similar to each other. Random vectors in 128 dimensions are not."""
    trainer = Trainer(Images(photos), PretrainingRun(epochs=1, batch_size=8), tmp_path / "c.pt")
    seen = []
    with pytest.raises(KeyboardInterrupt):
        trainer.train(
            lambda step: (
                seen.append(trainer.moco.queue.clone()),
                os.kill(os.getpid(), signal.SIGINT),
            )
        )
    (queue,) = seen
    assert queue.shape == (8, 128)
    assert torch.allclose(queue.norm(dim=1), torch.ones(8))
    similarity = queue @ queue.T
    assert similarity[~torch.eye(8, dtype=torch.bool)].mean() > 0.3


def test_a_run_interrupted_before_the_first_step_starts_again(photos, tmp_path):
    class InterruptedImages(Images):
        def __getitem__(self, index):
            if self.interrupt:
                os.kill(os.getpid(), signal.SIGINT)
            return super().__getitem__(index)

    InterruptedImages.interrupt = False
    images = InterruptedImages(photos)
    straight = Trainer(images, RUN, tmp_path / "straight.pt")
    straight.train(lambda step: None)
    first = Trainer(images, RUN, tmp_path / "c.pt")
    InterruptedImages.interrupt = True
    with pytest.raises(KeyboardInterrupt):
        first.train(lambda step: None)
    InterruptedImages.interrupt = False
    second = Trainer(images, RUN, tmp_path / "c.pt")
    second.resume(tmp_path / "c.pt")
    second.train(lambda step: None)
    assert first.step == 0
    assert equal(content(tmp_path / "straight.pt"), content(tmp_path / "c.pt"))


@pytest.mark.parametrize("encoder", ["early-blocks", "resnet18", "mobilenet_v3_small"])
def test_bfloat16_gives_float32_weights(photos, tmp_path, encoder):
    run = PretrainingRun(encoder=encoder, start="random", epochs=1, batch_size=8, precision="bf16")
    trainer, plain = (
        Trainer(Images(photos), r, tmp_path / "c.pt")
        for r in (run, PretrainingRun(**{**run.__dict__, "precision": "float32"}))
    )
    losses = {trainer: [], plain: []}
    for one, seen in losses.items():
        one.train(lambda step, seen=seen: seen.append(step.loss))
        one.write_encoder(tmp_path / "b.pt")
        assert all(
            tensor.dtype in (torch.float32, torch.int64) and tensor.isfinite().all()
            for tensor in content(tmp_path / "b.pt").values()
        )
    assert losses[trainer] != losses[plain]
    assert losses[trainer] == pytest.approx(losses[plain], rel=0.1)


def test_damaged_images_are_counted(photos, tmp_path):
    for path in sorted(photos.rglob("*.png"))[3:6]:
        path.write_bytes(b"damaged")
    steps = []
    Trainer(Images(photos), PretrainingRun(epochs=1, batch_size=24), tmp_path / "c.pt").train(
        steps.append
    )
    assert steps[-1].damaged == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"encoder": "resnet18", "start": "random"},
            "a run with encoder early-blocks, but this one has resnet18",
        ),
        ({"start": "random"}, "a run with start imagenet, but this one has random"),
        ({"batch_size": 4}, "a run with batch_size 8, but this one has 4: pass the same"),
        ({"learning_rate": 0.5}, "a run with learning_rate None, but this one has 0.5"),
        (
            {"augmentations": ("gain",)},
            "augmentations time-crop,axis-mixing,sensor-noise, but this one has gain",
        ),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(photos, tmp_path, change, message):
    Trainer(Images(photos), RUN, tmp_path / "c.pt").save()
    other = Trainer(Images(photos), PretrainingRun(**{**RUN.__dict__, **change}), tmp_path / "d.pt")
    with pytest.raises(DataError, match=message):
        other.resume(tmp_path / "c.pt")


def test_a_checkpoint_of_other_images_is_refused(photos, tmp_path):
    Trainer(Images(photos), RUN, tmp_path / "c.pt").save()
    with pytest.raises(DataError, match="a run with images 24, but this one has 16: pass the same"):
        Trainer(Images(photos, 16), RUN, tmp_path / "d.pt").resume(tmp_path / "c.pt")
    (photos / "0" / "00.png").rename(photos / "0" / "other.png")
    with pytest.raises(DataError, match="a run with images .sha256 of their names. "):
        Trainer(Images(photos), RUN, tmp_path / "d.pt").resume(tmp_path / "c.pt")


def test_a_file_that_is_not_a_checkpoint_is_refused(photos, tmp_path):
    trainer = Trainer(Images(photos), RUN, tmp_path / "c.pt")
    trainer.save()
    whole = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "half.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.pt").write_text("hello")
    trainer.write_encoder(tmp_path / "weights.pt")
    torch.save({**content(tmp_path / "c.pt"), "format": 9}, tmp_path / "later.pt")
    narrow = content(tmp_path / "c.pt")
    narrow["state"]["moco"]["queue"] = torch.zeros(2, 2)
    torch.save(narrow, tmp_path / "narrow.pt")
    for name, message in (
        ("nowhere.pt", "does not exist"),
        ("half.pt", "cannot be read as a checkpoint"),
        ("text.pt", "cannot be read as a checkpoint"),
        ("weights.pt", "weights alone, perhaps"),
        ("later.pt", "has the format 9, expected 1"),
        ("narrow.pt", "of another architecture"),
    ):
        with pytest.raises(DataError, match=message):
            trainer.resume(tmp_path / name)


def test_an_unknown_precision_is_refused(photos, tmp_path):
    with pytest.raises(DataError, match="the precision is 'int8', expected auto, float32, bf16"):
        Trainer(Images(photos), PretrainingRun(batch_size=8, precision="int8"), tmp_path / "c.pt")


def test_batches_that_do_not_fit_are_refused(photos, tmp_path):
    with pytest.raises(DataError, match="has 24 images, expected at least one batch of 32"):
        Trainer(Images(photos), PretrainingRun(batch_size=32), tmp_path / "c.pt")


# ---- rates and sizes


def test_the_rate_falls_by_half_a_cosine():
    assert [round(cosine(step, 4), 3) for step in range(5)] == [1.0, 0.854, 0.5, 0.146, 0.0]


def test_a_long_run_has_the_values_of_the_paper():
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
        (PretrainingRun(), 0.03),
        (PretrainingRun(optimiser="adamw"), 1e-3),
        (PretrainingRun(batch_size=64), 0.03 / 4),
        (PretrainingRun(optimiser="adamw", batch_size=512, learning_rate=1e-4), 2e-4),
    ],
)
def test_the_rate_grows_with_the_batch(run, rate):
    assert run.peak_rate == pytest.approx(rate)


def test_the_optimiser_moves_the_query_only():
    torch.manual_seed(0)
    moco = MoCo(RowMeans(), queue_size=8)
    for name, kind in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        optimiser = make_optimiser(moco, PretrainingRun(optimiser=name))
        assert isinstance(optimiser, kind)
        moved = {id(p) for group in optimiser.param_groups for p in group["params"]}
        assert moved == {id(p) for p in moco.query.parameters()}


# ---- the order of the images


def test_every_epoch_shows_different_images_in_whole_batches():
    batches = list(BatchOrder(n_images=10, batch_size=4, epochs=3, seed=0))
    assert [len(b) for b in batches] == [4] * 6
    epochs = [batches[i] + batches[i + 1] for i in (0, 2, 4)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("first", range(7))
def test_any_step_can_be_the_first(first):
    whole = list(BatchOrder(10, 4, 3, seed=5))
    rest = BatchOrder(10, 4, 3, seed=5, first_step=first)
    assert list(rest) == whole[first:]
    assert len(rest) == 6 - first


def test_processes_share_each_batch():
    whole = list(BatchOrder(10, 4, 2, seed=1))
    shares = [list(BatchOrder(10, 4, 2, seed=1, process=(i, 2))) for i in range(2)]
    for batch, one, other in zip(whole, *shares, strict=True):
        assert sorted(one + other) == sorted(batch)
        assert len(one) == len(other) == 2


def test_seeds_differ_by_every_part():
    assert len({seed_of(*parts) for parts in [(0,), (1,), (0, 1), (1, 0), (0, 0, 1), (2, 0)]}) == 6
    assert seed_of(3, 4) == seed_of(3, 4)
    assert 0 <= seed_of(2**40, 1) < 2**63
