"""The training loop: one process or many, CPU or GPU, interrupted or not."""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch.utils.data import DataLoader

from edge_runtime.errors import DataError
from edge_runtime.files import written_whole
from img2imu.pretrain.augmentations import AUGMENTATIONS, Augmenter
from img2imu.pretrain.checkpoint import read_checkpoint, write_checkpoint
from img2imu.pretrain.encoders import build_encoder
from img2imu.pretrain.images import Batch, Images, collate, to_shades
from img2imu.pretrain.interruption import Interruption, leave_signals_to_the_parent
from img2imu.pretrain.moco import MoCo
from img2imu.pretrain.order import Order, seed_of
from img2imu.progress import track

# Rates for batches of 256; larger batches get proportionally more (Goyal et al. 2017). SGD's is the paper's.
LEARNING_RATES = {"sgd": 0.03, "adamw": 1e-3}
WEIGHT_DECAY = {"sgd": 1e-4, "adamw": 0.05}  # the paper's; MoCo v3 uses 0.1 for transformers, ConvNeXt 0.05
SGD_MOMENTUM = 0.9
KEY_GROUPS = 8  # as the authors' single-GPU version splits its batches
MAX_QUEUE = 65536  # the paper's


@dataclass(frozen=True)
class Run:
    """What is trained, and how: two runs with the same values and images give the same weights.

    Attributes:
        encoder: a name out of ``ENCODERS``.
        start: weights to start from, imagenet or random.
        epochs: times that the images are gone through.
        batch_size: of all processes together.
        optimiser: sgd or adamw.
        augmentations: names out of ``AUGMENTATIONS``.
        seed: of every draw.
    """

    encoder: str = "early-blocks"
    start: str = "imagenet"
    epochs: int = 200
    batch_size: int = 256
    optimiser: str = "sgd"
    augmentations: tuple[str, ...] = tuple(AUGMENTATIONS)
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """How training stands.

    Attributes:
        step: steps done, of ``steps``.
        steps: of the whole run.
        epoch: epochs begun.
        loss: InfoNCE of this step, this process's share of the batch.
        accuracy: share of views whose own partner was the most alike.
        learning_rate: of this step.
        images_per_s: since the beginning or resumption, all processes together.
        damaged: images that could not be read so far, in this process.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    images_per_s: float
    damaged: int


class Trainer:
    """Pre-trains one encoder on one set of images.

    Every draw (order, views, initial weights) is a function of seed, step and process. So a run that was stopped and
    resumed gives bit for bit the weights of one that was not, on the same machine with as many processes.

    Args:
        images: to learn from.
        run: how.
        checkpoint: file to keep the state in: after each epoch, and when interrupted.
        workers: processes that decode images, beside each training process.

    Raises:
        DataError: too few images, a batch that cannot be divided among the processes, an unknown encoder.
    """

    def __init__(self, images: Images, run: Run, checkpoint: Path, workers: int = 0) -> None:
        bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()  # on CPUs it is seldom faster
        self.accelerator = Accelerator(cpu=not torch.accelerator.is_available(),
                                       mixed_precision="bf16" if bf16 else "no")
        self.images, self.run, self.checkpoint, self.workers = images, run, checkpoint, workers
        self.process = self.accelerator.process_index, self.accelerator.num_processes
        _check_batch(images, run.batch_size, self.process[1])
        torch.manual_seed(seed_of(run.seed))
        # Never more than half the images, so that a picture's own earlier views are seldom what it shall differ from.
        self.moco = MoCo(build_encoder(run.encoder, run.start), queue_size=min(MAX_QUEUE, max(1, len(images) // 2)))
        self.moco.to(self.accelerator.device)
        self.optimiser = _optimiser(self.moco, run)
        self._query = self.accelerator.prepare(self.moco.query)
        self._augment = Augmenter(run.augmentations)
        self._generator = torch.Generator(self.accelerator.device)
        self.step = 0
        self.damaged: set[int] = set()

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return bool(self.accelerator.is_main_process)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: it is none, or of another run.
        """
        state = read_checkpoint(path, self._identity())
        try:
            self.moco.load_state_dict(state["moco"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError):
            raise DataError(f"{path} is of another architecture than this version's {self.run.encoder}: resume with "
                            "the version of img2imu that wrote it") from None
        self.step = state["step"]

    def train(self, report: Callable[[Step], None]) -> None:
        """Do what is left of the run, reporting every step, and write a checkpoint after every epoch.

        Raises:
            KeyboardInterrupt: interrupted; the checkpoint holds all steps done.
        """
        order = Order(len(self.images), self.run.batch_size, self.run.epochs, self.run.seed, self.step, self.process)
        loader = iter(self._loader(order)) if len(order) else iter(())
        start_s, first_step = time.perf_counter(), self.step
        with Interruption() as interruption:
            while self.step < order.steps_per_epoch * order.epochs:
                epoch, done = divmod(self.step, order.steps_per_epoch)
                left = order.steps_per_epoch - done
                for batch in self._track(itertools.islice(loader, left), f"epoch {epoch + 1}", left):
                    loss, accuracy, rate = self._advance(batch, order)
                    speed = (self.step - first_step) * self.run.batch_size / (time.perf_counter() - start_s)
                    report(Step(self.step, order.steps_per_epoch * order.epochs, epoch + 1, loss, accuracy, rate,
                                speed, len(self.damaged)))
                    if self._any(interruption.requested):
                        self.save()
                        raise KeyboardInterrupt
                self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        if self.is_main:
            write_checkpoint(self.checkpoint, self._identity(), {
                "step": self.step, "moco": self.moco.state_dict(), "optimiser": self.optimiser.state_dict()})

    def write_encoder(self, path: Path) -> None:
        """Write the encoder's weights, a state dict on the CPU."""
        if self.is_main:
            network = self.moco.query.encoder.get_submodule("network")
            with written_whole(path) as file:
                torch.save({name: tensor.cpu() for name, tensor in network.state_dict().items()}, file)

    def _advance(self, batch: Batch, order: Order) -> tuple[float, float, float]:
        """One step; loss, accuracy and learning rate."""
        self.damaged |= batch.damaged
        self._generator.manual_seed(seed_of(self.run.seed, self.step, self.process[0]))
        rate = cosine(self.step, order.steps_per_epoch * order.epochs) * _peak_rate(self.run)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        pictures = to_shades(batch.pixels.to(self.accelerator.device, non_blocking=True))
        one, other = (self._augment(pictures, self._generator) for _ in range(2))
        with self.accelerator.autocast():
            queries = self._query(one)
            self.moco.move_key()
            groups = min(KEY_GROUPS, len(pictures) // 2)  # batch norm needs two
            keys = self.moco.encode_keys(other, groups, self._generator)
        loss, accuracy = self.moco.loss(queries.float(), keys)
        self.optimiser.zero_grad()
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.moco.enqueue(self.accelerator.gather(keys))
        self.step += 1
        return loss.item(), accuracy.item(), rate

    def _loader(self, order: Order) -> DataLoader[Any]:
        return DataLoader(self.images, batch_sampler=order, collate_fn=collate, num_workers=self.workers,
                          pin_memory=self.accelerator.device.type == "cuda",
                          worker_init_fn=leave_signals_to_the_parent)

    def _track(self, batches: Iterator[Batch], title: str, n_batches: int) -> Iterator[Batch]:
        size = self.run.batch_size
        return track(batches, title, n_batches * size, size=lambda _: size, show=self.is_main)

    def _any(self, requested: bool) -> bool:
        """Whether a stop was requested of any process: they must leave at the same step."""
        if self.process[1] == 1:
            return requested
        flag = torch.tensor(float(requested), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, "sum").item())

    def _identity(self) -> dict[str, Any]:
        names = hashlib.sha256("\n".join(self.images.names).encode(errors="surrogateescape")).hexdigest()
        return {**asdict(self.run), "images (sha256 of their names)": names}


def cosine(step: int, steps: int) -> float:
    """Share of the peak rate: from 1 down to 0 by half a cosine (Loshchilov & Hutter 2017)."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def _peak_rate(run: Run) -> float:
    return LEARNING_RATES[run.optimiser] * run.batch_size / 256


def _optimiser(moco: MoCo, run: Run) -> torch.optim.Optimizer:
    parameters, decay = moco.query.parameters(), WEIGHT_DECAY[run.optimiser]
    if run.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=_peak_rate(run), momentum=SGD_MOMENTUM, weight_decay=decay)
    return torch.optim.AdamW(parameters, lr=_peak_rate(run), weight_decay=decay)


def _check_batch(images: Images, batch_size: int, processes: int) -> None:
    if len(images) < batch_size:
        raise DataError(f"{images.place} has {len(images)} images, expected at least one batch of {batch_size}: give "
                        "more images or a smaller --batch-size")
    if batch_size % processes or batch_size < 2 * processes:
        fitting = processes * max(2, batch_size // processes)
        raise DataError(f"a batch of {batch_size} images cannot be shared by {processes} processes, expected a "
                        f"multiple with at least two each: pass --batch-size {fitting}")
