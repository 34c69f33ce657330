"""Does contrastive pre-training on photographs help, and which augmentations matter: ``make pretraining``.

Every network is taught with the project's own trainer, on as many photographs, from random or
ImageNet weights; then its early blocks take their place in ``MotionClassifier``'s method and are
judged by the few-shot protocol. A run that was stopped goes on where it was when the same command
is given again.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import torch
from foundation import cpu_name
from pretraining_evaluation import Judged, evaluate, load
from pretraining_report import BATCH_NORM, IMAGENET, NO_NETWORK, RANDOM, write_report

from edge_runtime.errors import UserError
from img2imu.backbone import EarlyBlocks, pretrained_backbone
from img2imu.baselines.training import seeded
from img2imu.fewshot.runner import read_results
from img2imu.pretrain.augmentations import AUGMENTATIONS
from img2imu.pretrain.images import Images
from img2imu.pretrain.trainer import PretrainingRun, Trainer

BATCH_SIZE = 64
# The highest macro-F1 on draws of seed 1 after 4,000 images, out of sgd with 0.03 and 0.3 and adamw
# with 1e-4 and 1e-3 from ImageNet (all within 0.6 points), sgd with 0.3 and adamw with 3e-3 from
# random weights.
OPTIMISER = {"imagenet": "sgd", "random": "adamw"}
LEARNING_RATE = {"imagenet": 0.03, "random": 3e-3}


@dataclass(frozen=True)
class Network:
    """A row of the tables.

    Attributes:
        start: weights to start from.
        variant: which augmentations, in words; empty without pre-training.
        augmentations: their names.
        images: photographs to learn from.
        epochs: times that they are gone through.
        draws: to judge it on.
    """

    start: str
    variant: str = ""
    augmentations: tuple[str, ...] = ()
    images: int = 0
    epochs: int = 0
    draws: int = 0

    @property
    def name(self) -> str:
        """In the tables."""
        budget = f", {self.images * self.epochs:,} images" if self.variant else ""
        return f"{self.start}{f' + {self.variant}' if self.variant else ''}{budget}"

    @property
    def run(self) -> PretrainingRun:
        """For the trainer."""
        return PretrainingRun(
            start=self.start,
            epochs=self.epochs,
            batch_size=BATCH_SIZE,
            optimiser=OPTIMISER[self.start],
            learning_rate=LEARNING_RATE[self.start],
            augmentations=self.augmentations,
            precision="float32",
        )


def networks(
    images: int, long_images: int, long_epochs: int, draws: int, ablation_draws: int
) -> list[Network]:
    """All rows: the starts, longer runs from both, and the ablation."""
    everything = tuple(AUGMENTATIONS)
    variants = {"none": (), "time-crop alone": ("time-crop",)}
    variants |= {
        f"all but {name}": tuple(a for a in everything if a != name) for name in everything
    }
    variants["all"] = everything
    rows = [Network(start, draws=draws) for start in (RANDOM, IMAGENET)]
    rows += [
        Network(start, "all", everything, long_images, long_epochs, draws)
        for start in (IMAGENET, RANDOM)
    ]
    rows += [
        Network(start, variant, chosen, images, 1, ablation_draws)
        for start in (IMAGENET, RANDOM)
        for variant, chosen in variants.items()
    ]
    return rows


def teach(network: Network, photographs: Path, directory: Path) -> Callable[[int], EarlyBlocks]:
    """The network for a draw: taught now, or read when it was taught before.

    Without pre-training, a random network has other weights in every draw, as ``img2imu fewshot``
    judges it.
    """
    if not network.variant:
        return _random_network if network.start == RANDOM else lambda draw: pretrained_backbone()
    directory.mkdir(parents=True, exist_ok=True)
    weights = directory / f"{network.name.replace(' ', '_')}.pt"
    if not weights.exists():
        checkpoint = weights.with_suffix(".checkpoint.pt")
        trainer = Trainer(Images(photographs, network.images), network.run, checkpoint)
        if checkpoint.exists():
            trainer.resume(checkpoint)
        curve: list[tuple[float, float, float]] = []
        trainer.train(lambda step: curve.append((step.loss, step.accuracy, step.images_per_s)))
        trainer.write_encoder(weights)
        checkpoint.unlink()
        tenth = max(1, len(curve) // 10)
        first, last = (
            [sum(column) / tenth for column in zip(*part, strict=True)]
            for part in (curve[:tenth], curve[-tenth:])
        )
        print(
            f"{network.name}: loss {first[0]:.2f} -> {last[0]:.2f}, own partner found {first[1]:.0%} -> "
            f"{last[1]:.0%}, {last[2]:.0f} images/s",
            flush=True,
        )
    taught = EarlyBlocks(pretrained=False)
    taught.load_state_dict(torch.load(weights, weights_only=True))
    return lambda draw: taught


@functools.lru_cache(maxsize=1)
def _random_network(draw: int) -> EarlyBlocks:
    with seeded(draw):
        return EarlyBlocks(pretrained=False)


def judge(
    network: Network, make: Callable[[int], EarlyBlocks], judged: list[Judged], cells: Path
) -> None:
    """Judge a network in every manner, adding to the file what it lacks."""
    finished = {result.cell for result in read_results(cells)}
    with cells.open("a", encoding="utf-8") as file:
        for batch_norm in BATCH_NORM:
            features = ["everything", "texture alone"]
            if network.name == IMAGENET:
                features.append(NO_NETWORK)  # the same whatever the network
            for result in evaluate(
                network.name,
                make,
                judged,
                batch_norm,
                features,
                network.draws,
                finished.__contains__,
            ):
                file.write(json.dumps(asdict(result)) + "\n")
                file.flush()


def main() -> int:
    """Teach, judge, and write JSON, a Markdown table and a picture."""
    arguments = _arguments()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    directory: Path = arguments.out
    directory.mkdir(parents=True, exist_ok=True)
    judged, missing = load(arguments.tasks, arguments.data_dir, arguments.draws, arguments.seed)
    for sentence in missing:
        print(sentence, flush=True)
    rows = networks(
        arguments.images,
        arguments.long_images,
        arguments.long_epochs,
        arguments.draws,
        arguments.ablation_draws,
    )
    cells = directory / f"cells-{arguments.seed}.jsonl"
    finished: list[str] = []
    try:
        for row in rows:
            judge(row, teach(row, arguments.photographs, directory / "weights"), judged, cells)
            finished.append(row.name)
            print(f"judged: {row.name}", flush=True)
    except KeyboardInterrupt:
        print(
            f"stopped after {len(finished)} of {len(rows)} networks; the same command goes on",
            flush=True,
        )
    if not {RANDOM, IMAGENET} <= set(finished):
        return 1
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy"))
    about = (
        f"{cpu_name()}, Python {platform.python_version()}, {versions}; photographs: "
        f"{arguments.photographs.name}; draws of seed {arguments.seed}"
    )
    ablated = [
        [
            start,
            *(row.name for row in rows if row.start == start and row.images == arguments.images),
        ]
        for start in (IMAGENET, RANDOM)
    ]
    written = write_report(
        directory,
        read_results(cells),
        finished,
        [names for names in ablated if set(names) <= set(finished)],
        about,
    )
    print((directory / "table.md").read_text(encoding="utf-8"))
    print("wrote " + ", ".join(map(str, written)))
    return 0 if len(finished) == len(rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", type=Path, default=Path("../shared/data"), help="default: %(default)s"
    )
    parser.add_argument(
        "--photographs",
        metavar="FOLDER_OR_ZIP",
        type=Path,
        default=Path("../shared/data/photos_tiny_40k.zip"),
        help="default: %(default)s",
    )
    parser.add_argument(
        "--images",
        metavar="N",
        type=int,
        default=3000,
        help="of the ablation (default: %(default)d)",
    )
    parser.add_argument(
        "--long-images",
        metavar="N",
        type=int,
        default=20000,
        help="of the longer runs (default: %(default)d)",
    )
    parser.add_argument(
        "--long-epochs", metavar="N", type=int, default=1, help="default: %(default)d"
    )
    parser.add_argument("--draws", type=int, default=10, help="default: %(default)d")
    parser.add_argument(
        "--ablation-draws", metavar="N", type=int, default=3, help="default: %(default)d"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the draws; 1 to choose settings (default: %(default)d)",
    )
    parser.add_argument(
        "--tasks", metavar="A,B", type=lambda text: text.split(","), help="default: all"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/pretraining"), help="default: %(default)s"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"pretraining: {error}")
