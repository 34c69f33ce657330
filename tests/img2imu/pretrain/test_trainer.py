import os
import signal

import pytest
import torch

from edge_runtime.errors import DataError
from img2imu.backbone import EarlyBlocks
from img2imu.pretrain.images import Images
from img2imu.pretrain.recipe import Run
from img2imu.pretrain.trainer import Trainer

RUN = Run(
    epochs=2, batch_size=8, augmentations=("time-crop", "axis-mixing", "sensor-noise")
)  # 3 steps in an epoch


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
    """Presses Ctrl-C when as many steps are done."""

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
        Run(
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
    torch.rand(5)  # the global generator has no part in it
    resumed = StopAfter(4)
    with pytest.raises(KeyboardInterrupt):
        second.train(resumed)

    assert equal(content(tmp_path / "straight.pt"), content(tmp_path / "second.pt"))
    assert not equal(content(tmp_path / "straight.pt"), content(tmp_path / "first.pt"))
    assert [s.loss for s in losses.seen[2:]] == [s.loss for s in resumed.seen]
    assert [s.step for s in resumed.seen] == [3, 4]
    assert [s.epoch for s in losses.seen] == [1, 1, 1, 2]


def test_a_complete_run_teaches_something_that_early_blocks_load(photos, tmp_path):
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
    """Told apart by colour alone, 24 pictures are soon learnt.

    With random vectors in the queue the loss would begin low and rise as keys of pictures take
    their places.
    """
    run = Run(epochs=6, batch_size=24, augmentations=("time-shift",), optimiser=optimiser)
    steps = []
    Trainer(Images(photos), run, tmp_path / "c.pt").train(steps.append)
    losses = [step.loss for step in steps]
    assert sum(losses[-2:]) / 2 < sum(losses[:2]) / 2 - 0.1


def test_the_queue_begins_with_keys_of_pictures(photos, tmp_path):
    """They resemble each other as far as the network sees likeness; random vectors in 128 dimensions do not."""
    trainer = Trainer(Images(photos), Run(epochs=1, batch_size=8), tmp_path / "c.pt")
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
    likeness = queue @ queue.T
    assert likeness[~torch.eye(8, dtype=torch.bool)].mean() > 0.3


def test_interrupted_before_the_first_step_a_run_begins_anew(photos, tmp_path):
    class Impatient(Images):
        def __getitem__(self, index):
            if self.hurry:
                os.kill(os.getpid(), signal.SIGINT)
            return super().__getitem__(index)

    Impatient.hurry = False
    images = Impatient(photos)
    straight = Trainer(images, RUN, tmp_path / "straight.pt")
    straight.train(lambda step: None)
    first = Trainer(images, RUN, tmp_path / "c.pt")
    Impatient.hurry = True
    with pytest.raises(KeyboardInterrupt):
        first.train(lambda step: None)
    Impatient.hurry = False
    second = Trainer(images, RUN, tmp_path / "c.pt")
    second.resume(tmp_path / "c.pt")
    second.train(lambda step: None)
    assert first.step == 0
    assert equal(content(tmp_path / "straight.pt"), content(tmp_path / "c.pt"))


@pytest.mark.parametrize("encoder", ["early-blocks", "resnet18", "mobilenet_v3_small"])
def test_bfloat16_teaches_float32_weights(photos, tmp_path, encoder):
    run = Run(encoder=encoder, start="random", epochs=1, batch_size=8, precision="bf16")
    trainer, plain = (
        Trainer(Images(photos), r, tmp_path / "c.pt")
        for r in (run, Run(**{**run.__dict__, "precision": "float32"}))
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


def test_damaged_images_are_counted_not_fatal(photos, tmp_path):
    for path in sorted(photos.rglob("*.png"))[3:6]:
        path.write_bytes(b"damaged")
    steps = []
    Trainer(Images(photos), Run(epochs=1, batch_size=24), tmp_path / "c.pt").train(steps.append)
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
    other = Trainer(Images(photos), Run(**{**RUN.__dict__, **change}), tmp_path / "d.pt")
    with pytest.raises(DataError, match=message):
        other.resume(tmp_path / "c.pt")


def test_a_checkpoint_of_other_images_is_refused(photos, tmp_path):
    Trainer(Images(photos), RUN, tmp_path / "c.pt").save()
    with pytest.raises(DataError, match="a run with images 24, but this one has 16: pass the same"):
        Trainer(Images(photos, 16), RUN, tmp_path / "d.pt").resume(tmp_path / "c.pt")
    (photos / "0" / "00.png").rename(photos / "0" / "other.png")
    with pytest.raises(DataError, match="a run with images .sha256 of their names. "):
        Trainer(Images(photos), RUN, tmp_path / "d.pt").resume(tmp_path / "c.pt")


def test_what_is_no_checkpoint_is_refused(photos, tmp_path):
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
        Trainer(Images(photos), Run(batch_size=8, precision="int8"), tmp_path / "c.pt")


def test_batches_that_do_not_fit_are_refused(photos, tmp_path):
    with pytest.raises(DataError, match="has 24 images, expected at least one batch of 32"):
        Trainer(Images(photos), Run(batch_size=32), tmp_path / "c.pt")
