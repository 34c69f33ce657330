"""The training loop: one process or many, CPU or GPU, interrupted or not."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch.utils.data import DataLoader

from edge_runtime.errors import DataError
from edge_runtime.files import atomic_write
from img2imu.pretrain.augmentations import Augmenter
from img2imu.pretrain.checkpoint import read_checkpoint, write_checkpoint
from img2imu.pretrain.encoders import build_encoder
from img2imu.pretrain.images import Batch, Images, collate, to_shades
from img2imu.pretrain.interruption import Interruption, leave_signals_to_the_parent
from img2imu.pretrain.moco import MoCo
from img2imu.pretrain.order import Order, seed_of
from img2imu.pretrain.recipe import Run, cosine, key_momentum, make_optimiser, queue_size
from img2imu.progress import track

KEY_GROUPS = 8  # as the authors' single-GPU version splits its batches
PRECISIONS = ("auto", "float32", "bf16")


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

    Every draw (order, views, initial weights) is a function of seed, step and process. So a run
    that was stopped and resumed gives bit for bit the weights of one that was not, on the same
    machine with as many processes.

    Args:
        images: to learn from.
        run: how.
        checkpoint: file to keep the state in: after each epoch, and when interrupted.
        workers: processes that decode images, beside each training process.

    Raises:
        DataError: too few images, a batch that cannot be divided among the processes, an unknown
        encoder or precision.
    """

    def __init__(self, images: Images, run: Run, checkpoint: Path, workers: int = 0) -> None:
        # Its own mixed precision is fixed for the whole process; two runs in one may differ.
        self.accelerator = Accelerator(
            cpu=not torch.accelerator.is_available(), mixed_precision="no"
        )
        self.images, self.run, self.checkpoint, self.workers = images, run, checkpoint, workers
        self.process = self.accelerator.process_index, self.accelerator.num_processes
        _check_batch(images, run.batch_size, self.process[1])
        self._bf16 = _is_bf16(run.precision)
        self.steps = len(images) // run.batch_size * run.epochs
        torch.manual_seed(seed_of(run.seed))
        self.moco = MoCo(
            build_encoder(run.encoder, run.start),
            momentum=key_momentum(self.steps),
            queue_size=queue_size(len(images), run.batch_size, self.steps),
        )
        self.moco.to(self.accelerator.device)
        self.optimiser = make_optimiser(self.moco, run)
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
            raise DataError(
                f"{path} is of another architecture than this version's {self.run.encoder}: resume with "
                "the version of img2imu that wrote it"
            ) from None
        self.step = state["step"]

    def train(self, report: Callable[[Step], None]) -> None:
        """Do what is left of the run, reporting every step, and write a checkpoint after every epoch.

        Raises:
            KeyboardInterrupt: interrupted; the checkpoint holds all steps done.
        """
        order = Order(
            len(self.images),
            self.run.batch_size,
            self.run.epochs,
            self.run.seed,
            self.step,
            self.process,
        )
        loader = iter(self._loader(order)) if len(order) else iter(())
        with Interruption() as interruption:
            if self.step == 0:
                self.save()
                self._fill_queue(interruption)
            start_s, first_step = time.perf_counter(), self.step
            while self.step < self.steps:
                epoch, done = divmod(self.step, order.steps_per_epoch)
                left = order.steps_per_epoch - done
                for batch in self._track(
                    itertools.islice(loader, left), f"epoch {epoch + 1}", left
                ):
                    loss, accuracy, rate = self._advance(batch)
                    speed = (
                        (self.step - first_step)
                        * self.run.batch_size
                        / (time.perf_counter() - start_s)
                    )
                    report(
                        Step(
                            self.step,
                            self.steps,
                            epoch + 1,
                            loss,
                            accuracy,
                            rate,
                            speed,
                            len(self.damaged),
                        )
                    )
                    if self._any(interruption.requested):
                        self.save()
                        raise KeyboardInterrupt
                self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        if self.is_main:
            write_checkpoint(
                self.checkpoint,
                self._identity(),
                {
                    "step": self.step,
                    "moco": self.moco.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                },
            )

    def write_encoder(self, path: Path) -> None:
        """Write the encoder's weights, a state dict on the CPU."""
        if self.is_main:
            network = self.moco.query.encoder.get_submodule("network")
            with atomic_write(path) as file:
                torch.save(
                    {name: tensor.cpu() for name, tensor in network.state_dict().items()}, file
                )

    def _fill_queue(self, interruption: Interruption) -> None:
        """Fill the queue with keys of pictures.

        Random vectors, which the paper begins with, are far from any key: telling them apart
        teaches nothing, and they are gone after a thousandth of the paper's run but would be most
        of a short one.
        """
        n_batches = -(-len(self.moco.queue) // self.run.batch_size)
        order = Order(
            len(self.images),
            self.run.batch_size,
            1,
            seed_of(self.run.seed, 1),
            process=self.process,
        )
        batches = itertools.islice(self._loader(order), n_batches)
        for number, batch in enumerate(self._track(batches, "queue", n_batches)):
            self._generator.manual_seed(seed_of(self.run.seed, 1, number, self.process[0]))
            self.damaged |= batch.damaged
            with self._autocast():
                keys = self._encode_keys(self._view(self._shades(batch)))
            self.moco.enqueue(self.accelerator.gather(keys))
            if self._any(interruption.requested):
                raise KeyboardInterrupt  # the checkpoint holds the beginning

    def _advance(self, batch: Batch) -> tuple[float, float, float]:
        """One step; loss, accuracy and learning rate."""
        self.damaged |= batch.damaged
        self._generator.manual_seed(seed_of(self.run.seed, self.step, self.process[0]))
        rate = cosine(self.step, self.steps) * self.run.peak_rate
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        pictures = self._shades(batch)
        one, other = (self._view(pictures) for _ in range(2))
        with self._autocast():
            queries = self._query(one)
            self.moco.move_key()
            keys = self._encode_keys(other)
        loss, accuracy = self.moco.loss(queries.float(), keys)
        self.optimiser.zero_grad()
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.moco.enqueue(self.accelerator.gather(keys))
        self.step += 1
        return loss.item(), accuracy.item(), rate

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self._bf16)

    def _shades(self, batch: Batch) -> torch.Tensor:
        return to_shades(batch.pixels.to(self.accelerator.device, non_blocking=True))

    def _view(self, pictures: torch.Tensor) -> torch.Tensor:
        """A view of each picture, laid out as convolutions like it: with channels last a step takes two thirds."""
        return self._augment(pictures, self._generator).contiguous(
            memory_format=torch.channels_last
        )

    def _encode_keys(self, views: torch.Tensor) -> torch.Tensor:
        groups = min(KEY_GROUPS, len(views) // 2)  # batch norm needs two
        return self.moco.encode_keys(views, groups, self._generator)

    def _loader(self, order: Order) -> DataLoader[Any]:
        return DataLoader(
            self.images,
            batch_sampler=order,
            collate_fn=collate,
            num_workers=self.workers,
            pin_memory=self.accelerator.device.type == "cuda",
            worker_init_fn=leave_signals_to_the_parent,
        )

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
        names = hashlib.sha256(
            "\n".join(self.images.names).encode(errors="surrogateescape")
        ).hexdigest()
        return {
            **asdict(self.run),
            "images": len(self.images),
            "images (sha256 of their names)": names,
        }


def _is_bf16(precision: str) -> bool:
    """Whether to use it: on CPUs it is seldom faster, so only when asked for."""
    if precision not in PRECISIONS:
        raise DataError(
            f"the precision is {precision!r}, expected {', '.join(PRECISIONS)}: correct it"
        )
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return precision == "bf16" or (precision == "auto" and on_gpu)


def _check_batch(images: Images, batch_size: int, processes: int) -> None:
    if len(images) < batch_size:
        raise DataError(
            f"{images.place} has {len(images)} images, expected at least one batch of {batch_size}: give "
            "more images or a smaller --batch-size"
        )
    if batch_size % processes or batch_size < 2 * processes:
        fitting = processes * max(2, batch_size // processes)
        raise DataError(
            f"a batch of {batch_size} images cannot be shared by {processes} processes, expected a "
            f"multiple with at least two each: pass --batch-size {fitting}"
        )
