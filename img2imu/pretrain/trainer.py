"""The training loop: in one process or many, on CPU or GPU, and resumable after an interruption."""

from __future__ import annotations

import hashlib
import itertools
import math
import pickle
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch.utils.data import DataLoader

from edge_runtime.errors import DataError
from edge_runtime.files import atomic_write
from img2imu.pretrain.augmentations import AUGMENTATIONS, Augmenter
from img2imu.pretrain.encoders import build_encoder
from img2imu.pretrain.images import Images, PictureBatch, collate, to_shades
from img2imu.pretrain.moco import MoCo
from img2imu.progress import track

# ---- what a run is

# Rates for batches of 256. Larger batches get proportionally more (Goyal et al. 2017). SGD's is the
# paper's.
LEARNING_RATES = {"sgd": 0.03, "adamw": 1e-3}
# SGD's is the paper's. For AdamW, MoCo v3 uses 0.1 with transformers, ConvNeXt 0.05.
WEIGHT_DECAY = {"sgd": 1e-4, "adamw": 0.05}
SGD_MOMENTUM = 0.9
MAX_QUEUE = 65536  # the paper's
MAX_MOMENTUM = 0.999  # the paper's
MIN_MOMENTUM = 0.9  # the least that the paper found to learn nearly as well
# Share of a short run that the slow copy looks back. The paper's 1,000 steps are 0.1 % of its run.
MEMORY_SHARE = 0.1
KEY_GROUPS = 8  # the authors' single-GPU version splits its batches in as many groups
PRECISIONS = ("auto", "float32", "bf16")


@dataclass(frozen=True)
class PretrainingRun:
    """What is trained, and how. Two runs with the same values and images give the same weights.

    Attributes:
        encoder: a name out of ``ENCODERS``.
        start: weights to start from, imagenet or random.
        epochs: passes through the images.
        batch_size: of all processes together.
        optimiser: sgd or adamw.
        augmentations: names out of ``AUGMENTATIONS``.
        seed: of every draw.
        learning_rate: peak rate for batches of 256. None means the optimiser's in
            :data:`LEARNING_RATES`.
        precision: float32, bf16 (autocast, wherever it is safe), or auto: bf16 on GPUs that have
            it.
    """

    encoder: str = "early-blocks"
    start: str = "imagenet"
    epochs: int = 200
    batch_size: int = 256
    optimiser: str = "sgd"
    augmentations: tuple[str, ...] = tuple(AUGMENTATIONS)
    seed: int = 0
    learning_rate: float | None = None
    precision: str = "auto"

    @property
    def peak_rate(self) -> float:
        """Learning rate of the first step."""
        rate = LEARNING_RATES[self.optimiser] if self.learning_rate is None else self.learning_rate
        return rate * self.batch_size / 256


@dataclass(frozen=True)
class Step:
    """Progress after a step.

    Attributes:
        step: steps done, of ``steps``.
        steps: of the whole run.
        epoch: epochs begun.
        loss: InfoNCE of this step, for this process's share of the batch.
        accuracy: share of views whose own partner was the most similar.
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


# ---- the loop


class Trainer:
    """Pre-trains one encoder on one set of images.

    Every draw (order, views, initial weights) is a function of seed, step and process. So a run
    that was stopped and resumed gives bit for bit the weights of an uninterrupted run, on the same
    machine with the same number of processes.

    Args:
        images: to learn from.
        run: what is trained, and how.
        checkpoint: file for the state. It is written after each epoch, and when interrupted.
        workers: processes that decode images, in addition to each training process.

    Attributes:
        step: steps done.
        steps: of the whole run.
        damaged: indices of images that could not be read so far, in this process.

    Raises:
        DataError: too few images, a batch that cannot be divided among the processes, an unknown
            encoder or precision.
    """

    def __init__(
        self, images: Images, run: PretrainingRun, checkpoint: Path, workers: int = 0
    ) -> None:
        # Accelerate's own mixed precision is fixed for the whole process, but two runs in one
        # process may differ.
        self.accelerator = Accelerator(
            cpu=not torch.accelerator.is_available(), mixed_precision="no"
        )
        self.images = images
        self.run = run
        self.checkpoint = checkpoint
        self.workers = workers
        self.process = (self.accelerator.process_index, self.accelerator.num_processes)
        _check_batch_size(images, run.batch_size, self.process[1])
        self._bf16 = _uses_bf16(run.precision)
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
        """Continue from a checkpoint.

        Raises:
            DataError: it is not a checkpoint, or one of another run.
        """
        state = read_checkpoint(path, self._identity())
        try:
            self.moco.load_state_dict(state["moco"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError):
            raise DataError(
                f"{path} is of another architecture than this version's {self.run.encoder}: resume "
                "with the version of img2imu that wrote it"
            ) from None
        self.step = state["step"]

    def train(self, report: Callable[[Step], None]) -> None:
        """Do the rest of the run. Report every step, and write a checkpoint after every epoch.

        Raises:
            KeyboardInterrupt: interrupted. The checkpoint holds all steps done.
        """
        order = BatchOrder(
            n_images=len(self.images),
            batch_size=self.run.batch_size,
            epochs=self.run.epochs,
            seed=self.run.seed,
            first_step=self.step,
            process=self.process,
        )
        batches = iter(self._loader(order)) if len(order) else iter(())
        with Interruption() as interruption:
            if self.step == 0:
                self.save()
                self._fill_queue(interruption)
            start_s = time.perf_counter()
            first_step = self.step
            while self.step < self.steps:
                epoch, done = divmod(self.step, order.steps_per_epoch)
                left = order.steps_per_epoch - done
                rest_of_epoch = itertools.islice(batches, left)
                for batch in self._track(rest_of_epoch, f"epoch {epoch + 1}", left):
                    loss, accuracy, rate = self._advance(batch)
                    images = (self.step - first_step) * self.run.batch_size
                    report(
                        Step(
                            step=self.step,
                            steps=self.steps,
                            epoch=epoch + 1,
                            loss=loss,
                            accuracy=accuracy,
                            learning_rate=rate,
                            images_per_s=images / (time.perf_counter() - start_s),
                            damaged=len(self.damaged),
                        )
                    )
                    if self._any_process(interruption.requested):
                        self.save()
                        raise KeyboardInterrupt
                self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        if self.is_main:
            state = {
                "step": self.step,
                "moco": self.moco.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            }
            write_checkpoint(self.checkpoint, self._identity(), state)

    def write_encoder(self, path: Path) -> None:
        """Write the encoder's weights, a state dict on the CPU."""
        if self.is_main:
            network = self.moco.query.encoder.get_submodule("network")
            weights = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
            with atomic_write(path) as file:
                torch.save(weights, file)

    def _fill_queue(self, interruption: Interruption) -> None:
        """Fill the queue with keys of pictures.

        The paper begins with random vectors. They are far from any key, so telling them apart
        teaches nothing. They are gone after a thousandth of the paper's run, but would fill most of
        a short one.
        """
        n_batches = -(-len(self.moco.queue) // self.run.batch_size)
        order = BatchOrder(
            n_images=len(self.images),
            batch_size=self.run.batch_size,
            epochs=1,
            seed=seed_of(self.run.seed, 1),
            process=self.process,
        )
        batches = itertools.islice(self._loader(order), n_batches)
        for number, batch in enumerate(self._track(batches, "queue", n_batches)):
            self._generator.manual_seed(seed_of(self.run.seed, 1, number, self.process[0]))
            self.damaged |= batch.damaged
            with self._autocast():
                keys = self._encode_keys(self._make_view(self._shades_of(batch)))
            self.moco.enqueue(self.accelerator.gather(keys))
            if self._any_process(interruption.requested):
                raise KeyboardInterrupt  # the checkpoint holds the beginning

    def _advance(self, batch: PictureBatch) -> tuple[float, float, float]:
        """Do one step. Returns loss, accuracy and learning rate."""
        self.damaged |= batch.damaged
        self._generator.manual_seed(seed_of(self.run.seed, self.step, self.process[0]))
        rate = cosine(self.step, self.steps) * self.run.peak_rate
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        pictures = self._shades_of(batch)
        view = self._make_view(pictures)
        other_view = self._make_view(pictures)
        with self._autocast():
            queries = self._query(view)
            self.moco.move_key()
            keys = self._encode_keys(other_view)
        loss, accuracy = self.moco.loss(queries.float(), keys)
        self.optimiser.zero_grad()
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.moco.enqueue(self.accelerator.gather(keys))
        self.step += 1
        return loss.item(), accuracy.item(), rate

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self._bf16)

    def _shades_of(self, batch: PictureBatch) -> torch.Tensor:
        return to_shades(batch.pixels.to(self.accelerator.device, non_blocking=True))

    def _make_view(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return a view of each picture, channels last. A step then takes a third less time."""
        views = self._augment(pictures, self._generator)
        return views.contiguous(memory_format=torch.channels_last)

    def _encode_keys(self, views: torch.Tensor) -> torch.Tensor:
        groups = min(KEY_GROUPS, len(views) // 2)  # batch norm needs two views in a group
        return self.moco.encode_keys(views, groups, self._generator)

    def _loader(self, order: BatchOrder) -> DataLoader[Any]:
        return DataLoader(
            self.images,
            batch_sampler=order,
            collate_fn=collate,
            num_workers=self.workers,
            pin_memory=self.accelerator.device.type == "cuda",
            worker_init_fn=ignore_signals,
        )

    def _track(
        self, batches: Iterator[PictureBatch], title: str, n_batches: int
    ) -> Iterator[PictureBatch]:
        size = self.run.batch_size
        return track(batches, title, n_batches * size, size=lambda _: size, show=self.is_main)

    def _any_process(self, requested: bool) -> bool:
        """Return whether any process was asked to stop. All must stop at the same step."""
        if self.process[1] == 1:
            return requested
        flag = torch.tensor(float(requested), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, "sum").item())

    def _identity(self) -> dict[str, Any]:
        """Return the values that a checkpoint must share with this run."""
        names = "\n".join(self.images.names).encode(errors="surrogateescape")
        return {
            **asdict(self.run),
            "images": len(self.images),
            "images (sha256 of their names)": hashlib.sha256(names).hexdigest(),
        }


def _uses_bf16(precision: str) -> bool:
    """Return whether to use bfloat16. On CPUs it is seldom faster, so only on request."""
    if precision not in PRECISIONS:
        raise DataError(
            f"the precision is {precision!r}, expected {', '.join(PRECISIONS)}: correct it"
        )
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return precision == "bf16" or (precision == "auto" and on_gpu)


def _check_batch_size(images: Images, batch_size: int, processes: int) -> None:
    if len(images) < batch_size:
        raise DataError(
            f"{images.place} has {len(images)} images, expected at least one batch of "
            f"{batch_size}: give more images or a smaller --batch-size"
        )
    if batch_size % processes or batch_size < 2 * processes:
        fitting = processes * max(2, batch_size // processes)
        raise DataError(
            f"a batch of {batch_size} images cannot be shared by {processes} processes, expected a "
            f"multiple with at least two each: pass --batch-size {fitting}"
        )


# ---- rates and sizes: the paper's values, adapted to short runs


def cosine(step: int, steps: int) -> float:
    """Return the share of the peak rate: half a cosine from 1 to 0 (Loshchilov & Hutter 2017)."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def key_momentum(steps: int) -> float:
    """Return the share of its weights that the slow copy keeps in a step.

    The paper's 0.999 looks back 1,000 steps. In a run of 100 steps the copy would stay at its
    initial weights, and the network would learn to answer like its own beginning. So a short run
    looks back a tenth of itself.
    """
    return max(MIN_MOMENTUM, min(MAX_MOMENTUM, 1 - 1 / (MEMORY_SHARE * steps)))


def queue_size(n_images: int, batch_size: int, steps: int) -> int:
    """Return the number of keys in the queue: the paper's 65,536, fewer in a short run.

    A key much older than the slow copy's memory was made by another network. The queue holds at
    most half of the images, so that a picture's own earlier views are seldom among the others.
    """
    return min(
        MAX_QUEUE,
        max(1, n_images // 2),
        max(batch_size, math.ceil(MEMORY_SHARE * steps) * batch_size),
    )


def make_optimiser(moco: MoCo, run: PretrainingRun) -> torch.optim.Optimizer:
    """Return the optimiser of the network that learns. The slow copy has no gradients."""
    parameters = moco.query.parameters()
    decay = WEIGHT_DECAY[run.optimiser]
    if run.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, lr=run.peak_rate, momentum=SGD_MOMENTUM, weight_decay=decay
        )
    return torch.optim.AdamW(parameters, lr=run.peak_rate, weight_decay=decay)


# ---- the order of the images: a function of the seed, so that a run can start at any step


def seed_of(*parts: int) -> int:
    """Make one seed of several numbers. Different numbers give unrelated seeds."""
    # The count comes first, because a SeedSequence ignores zeros at the end.
    numbers = (len(parts), *parts)
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


@dataclass(frozen=True)
class BatchOrder:
    """Batches of indices. Each epoch is shuffled differently, and its incomplete batch is left out.

    Attributes:
        n_images: number of images.
        batch_size: of all processes together.
        epochs: passes through the images.
        seed: of the shuffling.
        first_step: the step to start with.
        process: index of this process, and number of processes.
    """

    n_images: int
    batch_size: int
    epochs: int
    seed: int
    first_step: int = 0
    process: tuple[int, int] = (0, 1)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return self.n_images // self.batch_size

    def __len__(self) -> int:
        return self.steps_per_epoch * self.epochs - self.first_step

    def __iter__(self) -> Iterator[list[int]]:
        index, count = self.process
        for epoch in range(self.first_step // self.steps_per_epoch, self.epochs):
            shuffled = np.random.default_rng(seed_of(self.seed, epoch)).permutation(self.n_images)
            first = max(0, self.first_step - epoch * self.steps_per_epoch)
            for step in range(first, self.steps_per_epoch):
                batch = shuffled[step * self.batch_size : (step + 1) * self.batch_size]
                yield batch[index::count].tolist()


# ---- interruptions


class Interruption:
    """Sets ``requested`` on Ctrl-C and SIGTERM while it is entered, instead of raising.

    A run can be resumed exactly only between two steps. Signals reach the main thread only. In
    another thread this does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


def ignore_signals(worker: int) -> None:
    """Ignore signals in a worker process of a data loader.

    Signals reach the whole process group, and a worker must not end before its parent.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


# ---- checkpoints: everything that a run needs to continue exactly where it stopped

CHECKPOINT_FORMAT = 1
CHECKPOINT_REMEDY = "give the .checkpoint.pt that img2imu pretrain wrote"


def write_checkpoint(path: Path, run: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the identity of a run (plain values) and its state (tensors)."""
    with atomic_write(path) as file:
        torch.save({"format": CHECKPOINT_FORMAT, "run": run, "state": state}, file)


def read_checkpoint(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Return the state in a checkpoint of the same run.

    Raises:
        DataError: it is not a checkpoint, or of another version, or of a run that differs: another
            architecture, batch size, seed, set of images.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(
            f"the checkpoint {path} does not exist: check the path, or leave out --resume"
        ) from None
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ):
        raise DataError(f"{path} cannot be read as a checkpoint: {CHECKPOINT_REMEDY}") from None
    if not isinstance(content, dict) or not {"format", "run", "state"} <= set(content):
        raise DataError(
            f"{path} is not a checkpoint of a pre-training run (weights alone, perhaps): "
            f"{CHECKPOINT_REMEDY}"
        )
    if content["format"] != CHECKPOINT_FORMAT:
        raise DataError(
            f"{path} has the format {content['format']}, expected {CHECKPOINT_FORMAT}: resume with "
            "the version of img2imu that wrote it"
        )
    for name, value in run.items():
        stored = content["run"].get(name)
        if stored != value:
            raise DataError(
                f"{path} is of a run with {name} {_show(stored)}, but this one has "
                f"{_show(value)}: pass the same, or start again without --resume"
            )
    state: dict[str, Any] = content["state"]
    return state


def _show(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
