"""``img2imu pretrain``: teach a backbone on photographs, with what happens to sensors as augmentations."""

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
from img2imu.commands.arguments import at_least

if TYPE_CHECKING:
    from img2imu.pretrain.images import Images
    from img2imu.pretrain.recipe import Run
    from img2imu.pretrain.trainer import Step, Trainer

ENDING = ".pt"
CHECKPOINT_ENDING = ".checkpoint.pt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
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
        help="the weights to write; the checkpoint goes beside them",
    )
    parser.add_argument(
        "--encoder",
        default="early-blocks",
        choices=("early-blocks", "resnet18", "mobilenet_v3_small"),
        help="what to train (default: %(default)s)",
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
        help="times to go through the images (default: %(default)d)",
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
        help="at its peak, for batches of 256 (default: 0.03 for sgd, 0.001 for adamw)",
    )
    parser.add_argument(
        "--augmentations",
        metavar="A,B,C",
        help="out of time-crop, time-shift, time-permutation, axis-mixing, gain, sensor-noise, "
        "resolution-loss, time-masking (default: all)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bf16"),
        default="auto",
        help="bf16: bfloat16 wherever it is safe; auto: on GPUs that have it (default: %(default)s)",
    )
    parser.add_argument(
        "--max-images",
        metavar="N",
        type=at_least(1),
        help="for a shorter run: learn from so many, evenly spread over all (default: all)",
    )
    parser.add_argument(
        "--resume", metavar="CHECKPOINT", type=Path, help="go on where this checkpoint stopped"
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
    from img2imu.pretrain.tensorboard import Curves
    from img2imu.pretrain.trainer import Trainer

    output: Path = arguments.output
    _check_output(output)
    images = Images(arguments.images, arguments.max_images)
    _use_all_cores()
    trainer = Trainer(images, _run(arguments), _checkpoint(output), arguments.workers)
    if arguments.resume is not None:
        trainer.resume(arguments.resume)
    curves = Curves(arguments.log) if arguments.log is not None and trainer.is_main else None
    if trainer.is_main:
        _print_images(images)
    reporter = _Reporter(trainer, curves.add if curves else None)
    try:
        trainer.train(reporter)
    except KeyboardInterrupt:
        if trainer.is_main:
            again = shlex.quote(str(trainer.checkpoint))
            print(
                f"stopped after step {trainer.step}; to go on, add: --resume {again}",
                file=sys.stderr,
            )
        raise
    finally:
        if curves:
            curves.close()
    trainer.write_encoder(output)
    if trainer.is_main:
        print(
            f"wrote {output} ({math.ceil(output.stat().st_size / 1024)} KiB) and {trainer.checkpoint}"
        )
    trainer.accelerator.end_training()
    return 0


class _Reporter:
    """Passes every step on to the curves, and prints a line for each epoch."""

    def __init__(self, trainer: Trainer, curve: Callable[[Step], None] | None) -> None:
        self._trainer = trainer
        self._curve = curve
        self._epoch: list[Step] = []

    def __call__(self, step: Step) -> None:
        if self._curve:
            self._curve(step)
        self._epoch.append(step)
        run = self._trainer.run
        if step.step % (step.steps // run.epochs) or not self._trainer.is_main:
            return
        n, taken = len(self._epoch), self._epoch
        damaged = f"; damaged images replaced: {step.damaged:,}" if step.damaged else ""
        print(
            f"epoch {step.epoch} of {run.epochs}: loss {sum(s.loss for s in taken) / n:.3f}, own partner found "
            f"{sum(s.accuracy for s in taken) / n:.1%}, {step.images_per_s:,.0f} images/s{damaged}",
            flush=True,
        )
        self._epoch = []


def _run(arguments: argparse.Namespace) -> Run:
    from img2imu.pretrain.augmentations import AUGMENTATIONS
    from img2imu.pretrain.encoders import ENCODERS
    from img2imu.pretrain.recipe import Run

    given = arguments.augmentations
    names = (
        tuple(AUGMENTATIONS)
        if given is None
        else tuple(name.strip() for name in given.split(",") if name.strip())
    )
    return Run(
        arguments.encoder,
        arguments.start or ENCODERS[arguments.encoder].starts[0],
        arguments.epochs,
        arguments.batch_size,
        arguments.optimiser,
        names,
        arguments.seed,
        arguments.learning_rate,
        arguments.precision,
    )


def _checkpoint(output: Path) -> Path:
    return output.with_name(output.name.removesuffix(ENDING) + CHECKPOINT_ENDING)


def _check_output(output: Path) -> None:
    """Before hours of work rather than after them."""
    from edge_runtime.errors import OutputError
    from edge_runtime.files import check_writable

    check_writable(output)
    if output.suffix != ENDING or output.name.endswith(CHECKPOINT_ENDING):
        raise OutputError(
            f"{output} is no name for weights, expected one that ends in {ENDING} but not in "
            f"{CHECKPOINT_ENDING}: write -o backbone.pt"
        )


def _use_all_cores() -> None:
    """Undo what the command line sets for its small matrices; convolutions are worth sharing between threads."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(
            max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
        )


def _print_images(images: Images) -> None:
    others = f"; files left out that are no images: {images.others:,}" if images.others else ""
    print(f"{images.place}: {len(images):,} images{others}", flush=True)
