"""``img2imu pretrain``: pre-train a backbone on photographs with sensor-aware augmentations."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import positive
from img2imu.commands.arguments import at_least, names

if TYPE_CHECKING:
    from img2imu.pretrain.images import Images
    from img2imu.pretrain.trainer import PretrainingRun, Step, Trainer

ENDING = ".pt"
CHECKPOINT_ENDING = ".checkpoint.pt"
CURVES = ("loss", "accuracy", "learning_rate", "images_per_s", "damaged")  # attributes of a Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "--images",
        metavar="PATH",
        type=Path,
        required=True,
        help="folder or zip of photographs, at any depth",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="BACKBONE.pt",
        type=Path,
        required=True,
        help="the weights to write; the checkpoint is written to the same directory",
    )
    parser.add_argument(
        "--encoder",
        default="early-blocks",
        choices=("early-blocks", "resnet18", "mobilenet_v3_small"),
        help="the network to train (default: %(default)s)",
    )
    parser.add_argument(
        "--start",
        choices=("imagenet", "random"),
        help="weights to start from (default: imagenet for early-blocks, random for the others)",
    )
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=at_least(1),
        default=200,
        help="passes through the images (default: %(default)d)",
    )
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=at_least(2),
        default=256,
        help="images in a step, all processes together (default: %(default)d)",
    )
    parser.add_argument(
        "--optimiser", choices=("sgd", "adamw"), default="sgd", help="default: %(default)s"
    )
    parser.add_argument(
        "--learning-rate",
        metavar="RATE",
        type=positive,
        help="peak rate for batches of 256 (default: 0.03 for sgd, 0.001 for adamw)",
    )
    parser.add_argument(
        "--augmentations",
        metavar="A,B,C",
        type=names,
        help="out of time-crop, time-shift, time-permutation, axis-mixing, gain, sensor-noise, "
        "resolution-loss, time-masking (default: all)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bf16"),
        default="auto",
        help="bf16: bfloat16 wherever it is safe; auto: bf16 on GPUs that have it "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--max-images",
        metavar="N",
        type=at_least(1),
        help="for a shorter run: use N images, spread evenly over all (default: all)",
    )
    parser.add_argument(
        "--resume", metavar="CHECKPOINT", type=Path, help="continue from this checkpoint"
    )
    parser.add_argument("--log", metavar="DIR", type=Path, help="write curves for TensorBoard")
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of every draw (default: %(default)d)"
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=at_least(0),
        default=2,
        help="processes that decode images (default: %(default)d)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Train, and write the weights when the run is complete."""
    from img2imu.pretrain.images import Images
    from img2imu.pretrain.trainer import Trainer

    output: Path = arguments.output
    _check_output(output)
    images = Images(arguments.images, arguments.max_images)
    _use_all_cores()
    checkpoint = output.with_name(output.name.removesuffix(ENDING) + CHECKPOINT_ENDING)
    trainer = Trainer(images, _make_run(arguments), checkpoint, arguments.workers)
    if arguments.resume is not None:
        trainer.resume(arguments.resume)
    curves = _Curves(arguments.log) if arguments.log is not None and trainer.is_main else None
    if trainer.is_main:
        _print_images(images)
    reporter = _Reporter(trainer, curves.add if curves else None)
    try:
        trainer.train(reporter)
    except KeyboardInterrupt:
        if trainer.is_main:
            again = shlex.quote(str(trainer.checkpoint))
            print(
                f"stopped after step {trainer.step}; to continue, add: --resume {again}",
                file=sys.stderr,
            )
        raise
    finally:
        if curves:
            curves.close()
    trainer.write_encoder(output)
    if trainer.is_main:
        size_kib = math.ceil(output.stat().st_size / 1024)
        print(f"wrote {output} ({size_kib} KiB) and {trainer.checkpoint}")
    trainer.accelerator.end_training()
    return 0


def _check_output(output: Path) -> None:
    """Refuse an output that cannot be written before hours of work."""
    from edge_runtime.errors import OutputError
    from edge_runtime.files import check_writable

    check_writable(output)
    if output.suffix != ENDING or output.name.endswith(CHECKPOINT_ENDING):
        raise OutputError(
            f"{output} is not a name for weights, expected one that ends in {ENDING} but not in "
            f"{CHECKPOINT_ENDING}: write -o backbone.pt"
        )


def _use_all_cores() -> None:
    """Undo the command line's limit of one thread, which is made for small matrices.

    Convolutions are worth sharing between threads.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))


def _make_run(arguments: argparse.Namespace) -> PretrainingRun:
    from img2imu.pretrain.augmentations import AUGMENTATIONS
    from img2imu.pretrain.encoders import ENCODERS
    from img2imu.pretrain.trainer import PretrainingRun

    augmentations = AUGMENTATIONS if arguments.augmentations is None else arguments.augmentations
    return PretrainingRun(
        encoder=arguments.encoder,
        start=arguments.start or ENCODERS[arguments.encoder].starts[0],
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        optimiser=arguments.optimiser,
        augmentations=tuple(augmentations),
        seed=arguments.seed,
        learning_rate=arguments.learning_rate,
        precision=arguments.precision,
    )


def _print_images(images: Images) -> None:
    others = f"; files left out that are no images: {images.others:,}" if images.others else ""
    print(f"{images.place}: {len(images):,} images{others}", flush=True)


class _Curves:
    """Writes every step to a directory that ``tensorboard --logdir`` shows.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            from edge_runtime.errors import MissingExtraError

            raise MissingExtraError(error.name or "tensorboard", "train") from None
        self._writer = SummaryWriter(str(directory))

    def add(self, step: Step) -> None:
        """Add one point to each curve."""
        for name in CURVES:
            self._writer.add_scalar(name, getattr(step, name), step.step)

    def close(self) -> None:
        """Write the points that are still in memory."""
        self._writer.close()


class _Reporter:
    """Adds every step to the curves, and prints a line after each epoch."""

    def __init__(self, trainer: Trainer, add_to_curves: Callable[[Step], None] | None) -> None:
        self._trainer = trainer
        self._add_to_curves = add_to_curves
        self._epoch: list[Step] = []

    def __call__(self, step: Step) -> None:
        if self._add_to_curves:
            self._add_to_curves(step)
        self._epoch.append(step)
        epochs = self._trainer.run.epochs
        is_end_of_epoch = step.step % (step.steps // epochs) == 0
        if not is_end_of_epoch or not self._trainer.is_main:
            return
        loss = sum(s.loss for s in self._epoch) / len(self._epoch)
        accuracy = sum(s.accuracy for s in self._epoch) / len(self._epoch)
        damaged = f"; damaged images replaced: {step.damaged:,}" if step.damaged else ""
        print(
            f"epoch {step.epoch} of {epochs}: loss {loss:.3f}, own partner found {accuracy:.1%}, "
            f"{step.images_per_s:,.0f} images/s{damaged}",
            flush=True,
        )
        self._epoch = []
