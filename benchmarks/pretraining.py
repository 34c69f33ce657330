"""Does pre-training on photographs help, and which augmentations matter: ``make pretraining``.

Every network is pre-trained with the project's own trainer, on the same number of photographs, from
random or ImageNet weights. Its early blocks then replace those of ``MotionClassifier`` and are
tested by the few-shot protocol. A stopped run continues where it was if the same command is given
again.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from grid_benchmark import load, make_parser

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.head import fit_head
from edge_runtime.errors import UserError
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.frontend.design import block_sizes, design_front_end
from edge_runtime.machine import cpu_name
from img2imu.backbone import EarlyBlocks, embed, pretrained_backbone
from img2imu.baselines.training import seeded
from img2imu.baselines.variants import estimate_batch_norm
from img2imu.fewshot.manifest import Draw, Manifest, make_manifest
from img2imu.fewshot.report import signed_points
from img2imu.fewshot.runner import Cell, Result, read_results
from img2imu.fewshot.scores import CONFIDENCE, RESAMPLES, Interval, score
from img2imu.fewshot.tasks import TaskData, pick_tasks
from img2imu.markdown import markdown_table
from img2imu.pretrain.augmentations import AUGMENTATIONS
from img2imu.pretrain.images import Images
from img2imu.pretrain.trainer import PretrainingRun, Trainer
from img2imu.progress import track

RANDOM = "random"
IMAGENET = "imagenet"
KS = (1, 2, 5)

# Pre-training
BATCH_SIZE = 64
# These had the highest macro-F1 on draws of seed 1 after 4,000 images. Tried from ImageNet weights:
# sgd with 0.03 and 0.3, adamw with 1e-4 and 1e-3, all within 0.6 points. Tried from random weights:
# sgd with 0.3 and adamw with 3e-3.
OPTIMISER = {IMAGENET: "sgd", RANDOM: "adamw"}
LEARNING_RATE = {IMAGENET: 0.03, RANDOM: 3e-3}

# Testing
TEST_WINDOWS = 100  # of a draw, at most; the same for all networks
REFERENCE_WINDOWS = 64  # unlabelled ones of the training people, for batch norm
RE_ESTIMATED = "re-estimated"
AS_TRAINED = "as trained"
BATCH_NORM = (RE_ESTIMATED, AS_TRAINED)
EVERYTHING = "everything"
TEXTURE_ALONE = "texture alone"
NO_NETWORK = "no network"
# The blocks of ``embed`` that the head is fitted on. The texture, the network's part, comes first.
FEATURES: dict[str, Callable[[Sequence[Float32Array]], Sequence[Float32Array]]] = {
    EVERYTHING: lambda blocks: blocks,
    TEXTURE_ALONE: lambda blocks: blocks[:1],
    NO_NETWORK: lambda blocks: blocks[1:],
}
TABLES = tuple(
    (features, batch_norm) for features in (EVERYTHING, TEXTURE_ALONE) for batch_norm in BATCH_NORM
)

ResultsByCell = dict[tuple[str, int, int], Result]  # task, k, draw
Ablation = dict[str, dict[str, Interval]]  # network, "features, batch norm"


def main() -> int:
    """Pre-train and test, and write JSON, a Markdown table and a picture."""
    arguments = _arguments()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    tasks = load(pick_tasks(arguments.tasks), arguments.data_dir)
    prepared = [
        PreparedTask.of(data, arguments.draws, arguments.seed)
        for data in track(tasks, "spectrograms", len(tasks))
    ]
    plans = network_plans(
        arguments.images,
        arguments.long_images,
        arguments.long_epochs,
        arguments.draws,
        arguments.ablation_draws,
    )
    cells = out / f"cells-{arguments.seed}.jsonl"
    finished: list[str] = []
    try:
        for plan in plans:
            make_network = pretrain(plan, arguments.photographs, out / "weights")
            evaluate_network(plan, make_network, prepared, cells)
            finished.append(plan.name)
            print(f"tested: {plan.name}", flush=True)
    except KeyboardInterrupt:
        print(
            f"stopped after {len(finished)} of {len(plans)} networks; the same command goes on",
            flush=True,
        )
    if not {RANDOM, IMAGENET} <= set(finished):
        return 1
    ablated = [
        [start, *(p.name for p in plans if p.start == start and p.images == arguments.images)]
        for start in (IMAGENET, RANDOM)
    ]
    written = write_report(
        out,
        read_results(cells),
        finished,
        [names for names in ablated if set(names) <= set(finished)],
        _about(arguments),
    )
    print((out / "table.md").read_text(encoding="utf-8"))
    print("wrote " + ", ".join(map(str, written)))
    return 0 if len(finished) == len(plans) else 1


def _arguments() -> argparse.Namespace:
    parser = make_parser(__doc__.splitlines()[0], out="out/pretraining", data_dir="../shared/data")
    parser.add_argument(
        "--photographs",
        metavar="FOLDER_OR_ZIP",
        type=Path,
        default=Path("../shared/data/photos_tiny_40k.zip"),
        help="photographs to pre-train on (default: %(default)s)",
    )
    parser.add_argument(
        "--images",
        metavar="N",
        type=int,
        default=3000,
        help="photographs for the ablation (default: %(default)d)",
    )
    parser.add_argument(
        "--long-images",
        metavar="N",
        type=int,
        default=20000,
        help="photographs for the longer runs (default: %(default)d)",
    )
    parser.add_argument(
        "--long-epochs",
        metavar="N",
        type=int,
        default=1,
        help="epochs of the longer runs (default: %(default)d)",
    )
    parser.add_argument(
        "--ablation-draws",
        metavar="N",
        type=int,
        default=3,
        help="draws of the ablation (default: %(default)d)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="seed of the draws; 1 to choose settings (default: %(default)d)",
    )
    return parser.parse_args()


def _about(arguments: argparse.Namespace) -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy"))
    return (
        f"{cpu_name()}, Python {platform.python_version()}, {versions}; photographs: "
        f"{arguments.photographs.name}; draws of seed {arguments.seed}"
    )


# ---- pre-training


@dataclass(frozen=True)
class NetworkPlan:
    """A row of the tables: how a network is pre-trained, and on how many draws it is tested.

    Attributes:
        start: weights to start from.
        variant: human-readable name of the augmentations; empty without pre-training.
        augmentations: their names.
        images: photographs to learn from.
        epochs: number of passes over them.
        draws: number of draws.
    """

    start: str
    variant: str = ""
    augmentations: tuple[str, ...] = ()
    images: int = 0
    epochs: int = 0
    draws: int = 0

    @property
    def name(self) -> str:
        """Name in the tables."""
        if not self.variant:
            return self.start
        return f"{self.start} + {self.variant}, {self.images * self.epochs:,} images"

    @property
    def run(self) -> PretrainingRun:
        """Settings for the trainer."""
        return PretrainingRun(
            start=self.start,
            epochs=self.epochs,
            batch_size=BATCH_SIZE,
            optimiser=OPTIMISER[self.start],
            learning_rate=LEARNING_RATE[self.start],
            augmentations=self.augmentations,
            precision="float32",
        )


def network_plans(
    images: int, long_images: int, long_epochs: int, draws: int, ablation_draws: int
) -> list[NetworkPlan]:
    """Return all rows: the two starts, longer runs from both, and the ablation."""
    everything = tuple(AUGMENTATIONS)
    variants = {"none": (), "time-crop alone": ("time-crop",)}
    for left_out in everything:
        variants[f"all but {left_out}"] = tuple(a for a in everything if a != left_out)
    variants["all"] = everything
    plans = [NetworkPlan(start, draws=draws) for start in (RANDOM, IMAGENET)]
    plans += [
        NetworkPlan(start, "all", everything, long_images, long_epochs, draws)
        for start in (IMAGENET, RANDOM)
    ]
    plans += [
        NetworkPlan(start, variant, augmentations, images, 1, ablation_draws)
        for start in (IMAGENET, RANDOM)
        for variant, augmentations in variants.items()
    ]
    return plans


def pretrain(plan: NetworkPlan, photographs: Path, directory: Path) -> Callable[[int], EarlyBlocks]:
    """Return a function from the number of a draw to the network.

    The network is pre-trained now, or its weights are read if an earlier run has written them.
    Without pre-training, a random network has other weights in every draw, as in ``img2imu
    fewshot``.
    """
    if not plan.variant:
        return _random_network if plan.start == RANDOM else lambda draw: pretrained_backbone()
    directory.mkdir(parents=True, exist_ok=True)
    weights = directory / f"{plan.name.replace(' ', '_')}.pt"
    if not weights.exists():
        _train(plan, photographs, weights)
    network = EarlyBlocks(pretrained=False)
    network.load_state_dict(torch.load(weights, weights_only=True))
    return lambda draw: network


@functools.lru_cache(maxsize=1)
def _random_network(draw: int) -> EarlyBlocks:
    with seeded(draw):
        return EarlyBlocks(pretrained=False)


def _train(plan: NetworkPlan, photographs: Path, weights: Path) -> None:
    """Train the network, print how it learnt, and write its weights."""
    checkpoint = weights.with_suffix(".checkpoint.pt")
    trainer = Trainer(Images(photographs, plan.images), plan.run, checkpoint)
    if checkpoint.exists():
        trainer.resume(checkpoint)
    curve: list[tuple[float, float, float]] = []
    trainer.train(lambda step: curve.append((step.loss, step.accuracy, step.images_per_s)))
    trainer.write_encoder(weights)
    checkpoint.unlink()
    tenth = max(1, len(curve) // 10)
    first_loss, first_accuracy, _ = (sum(c) / tenth for c in zip(*curve[:tenth], strict=True))
    last_loss, last_accuracy, rate = (sum(c) / tenth for c in zip(*curve[-tenth:], strict=True))
    print(
        f"{plan.name}: loss {first_loss:.2f} -> {last_loss:.2f}, views matched to their own image "
        f"{first_accuracy:.0%} -> {last_accuracy:.0%}, {rate:.0f} images/s",
        flush=True,
    )


# ---- testing: the few-shot protocol, with everything but the network as in ``MotionClassifier``


@dataclass(frozen=True, eq=False)
class PreparedTask:
    """A task with its images, which are computed once, and its draws."""

    data: TaskData
    features: Features
    manifest: Manifest

    @classmethod
    def of(cls, data: TaskData, draws: int, seed: int) -> PreparedTask:
        """Compute the images and make the manifest."""
        windows = data.windows
        samples, channels = windows.samples.shape[1:]
        spec = design_front_end(windows.rate_hz, samples, windows.channels)
        front_end = FrontEnd(spec, samples, channels, windows.rate_hz)
        features = front_end.compute_batch(windows.samples)
        return cls(data, features, make_manifest(data, KS, draws, seed))


def evaluate_network(
    plan: NetworkPlan,
    make_network: Callable[[int], EarlyBlocks],
    tasks: Sequence[PreparedTask],
    path: Path,
) -> None:
    """Test a network with each treatment of batch norm, on the cells that the file lacks."""
    finished = {result.cell for result in read_results(path)}
    work = [(task, draw) for task in tasks for draw in task.manifest.draws[: plan.draws]]
    with path.open("a", encoding="utf-8") as file:
        for batch_norm in BATCH_NORM:
            all_features = [EVERYTHING, TEXTURE_ALONE]
            if plan.name == IMAGENET:
                all_features.append(NO_NETWORK)  # the same for all networks
            for task, draw in track(work, plan.name[:22], len(work)):
                cells = {}
                for k in draw.support:
                    for features in all_features:
                        cell = Cell(
                            task=task.data.task.name,
                            method=_method_name(plan.name, batch_norm, features),
                            k=k,
                            draw=draw.number,
                            sha256=draw.sha256[k],
                        )
                        if cell not in finished:
                            cells[k, features] = cell
                if not cells:
                    continue
                for result in _evaluate_draw(
                    task, draw, make_network(draw.number), batch_norm, cells
                ):
                    file.write(json.dumps(asdict(result)) + "\n")
                    file.flush()


def _method_name(network: str, batch_norm: str, features: str) -> str:
    return f"{network} | {batch_norm} | {features}"


def _evaluate_draw(
    task: PreparedTask,
    draw: Draw,
    network: EarlyBlocks,
    batch_norm: str,
    cells: dict[tuple[int, str], Cell],
) -> Iterator[Result]:
    """Embed the windows of a draw once and yield the results of its cells, by k and features."""
    windows = task.data.windows
    random = np.random.default_rng([task.manifest.seed, draw.number])
    test = np.sort(random.permutation(draw.test)[:TEST_WINDOWS])
    if batch_norm == RE_ESTIMATED:
        network = copy.deepcopy(network)
        reference = random.permutation(draw.training)[:REFERENCE_WINDOWS]
        estimate_batch_norm(network, _select(task.features, reference))
    used = np.unique(np.concatenate([test, *draw.support.values()]))
    start_s = time.perf_counter()
    blocks = embed(network, _select(task.features, used))
    embedded_s = time.perf_counter() - start_s
    names = np.array(windows.label_names)
    for (k, features), cell in cells.items():
        start_s = time.perf_counter()
        chosen = FEATURES[features](blocks)
        n_channels = len(windows.channels)
        sizes = [chosen[0].shape[1]] if len(chosen) == 1 else block_sizes(chosen, n_channels)
        rows = np.concatenate(chosen, 1)
        labels, classes = np.unique(windows.labels[draw.support[k]], return_inverse=True)
        support_rows = rows[np.searchsorted(used, draw.support[k])]
        head = fit_head(support_rows, classes.astype(np.int64), sizes)
        predicted = labels[head.probabilities(rows[np.searchsorted(used, test)]).argmax(1)]
        scores = score(names[windows.labels[test]], names[predicted], windows.subjects[test])
        yield Result(cell, scores, time.perf_counter() - start_s, embedded_s)


def _select(features: Features, indices: npt.NDArray[np.int64]) -> Features:
    return Features(features.images[indices], features.statistics[indices])


# ---- report


@dataclass(frozen=True)
class NetworkRow:
    """One network with one treatment of batch norm and one choice of features.

    Attributes:
        network: name of the network.
        features: features that the head was fitted on.
        batch_norm: treatment of batch norm.
        draws: draws of each task.
        macro_f1: mean over the tasks, for each k, and as "mean" over all.
        of_task: mean over k and draws, for each task.
        against_random: paired difference to the random network without pre-training, for each k and
            over all.
        against_imagenet: the same for the ImageNet weights.
    """

    network: str
    features: str
    batch_norm: str
    draws: int
    macro_f1: dict[str, float]
    of_task: dict[str, float]
    against_random: dict[str, Interval]
    against_imagenet: dict[str, Interval]


def write_report(
    directory: Path,
    results: Sequence[Result],
    networks: Sequence[str],
    ablated: Sequence[Sequence[str]],
    about: str,
) -> list[Path]:
    """Write ``results.json``, ``table.md`` and ``differences.png``, and return their paths.

    Args:
        directory: exists.
        results: of all networks.
        networks: their names, in order.
        ablated: names for each ablation table, the network with all augmentations last.
        about: sentence about the machine, the versions and the data.
    """
    rows = make_rows(results, networks)
    ablations = [ablate(results, names) for names in ablated]
    content = {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "ablations": [
            {
                network: {name: asdict(difference) for name, difference in differences.items()}
                for network, differences in ablation.items()
            }
            for ablation in ablations
        ],
    }
    json_path = directory / "results.json"
    table_path = directory / "table.md"
    picture_path = directory / "differences.png"
    json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    table_path.write_text(make_tables(rows, ablations, about), encoding="utf-8")
    plot_differences(rows, picture_path)
    return [json_path, table_path, picture_path]


def make_rows(results: Sequence[Result], networks: Sequence[str]) -> list[NetworkRow]:
    """Return a row for each table and network, the networks in their order.

    A network is compared with the two without pre-training, on the draws that both were tested on
    and with the same features. Of the two treatments of batch norm, those two get the one with the
    higher macro-F1: with the other they would be weaker opponents than they are.
    """
    by_method = _by_method(results)
    rows = []
    for features, batch_norm in TABLES:
        references = [
            max((by_method[name, treatment, features] for treatment in BATCH_NORM), key=_mean)
            for name in (RANDOM, IMAGENET)
        ]
        for network in networks:
            by_cell = by_method[network, batch_norm, features]
            rows.append(_row(network, features, batch_norm, by_cell, *references))
        if features == EVERYTHING:
            by_cell = by_method[IMAGENET, batch_norm, NO_NETWORK]
            rows.append(_row(NO_NETWORK, features, batch_norm, by_cell, *references))
    return rows


def _row(
    network: str,
    features: str,
    batch_norm: str,
    by_cell: ResultsByCell,
    random: ResultsByCell,
    imagenet: ResultsByCell,
) -> NetworkRow:
    ks = sorted({k for _, k, _ in by_cell})
    groups = {str(k): (k,) for k in ks} | {"mean": tuple(ks)}
    tasks = dict.fromkeys(task for task, _, _ in by_cell)
    return NetworkRow(
        network=network,
        features=features,
        batch_norm=batch_norm,
        draws=len({draw for _, _, draw in by_cell}),
        macro_f1={
            name: _mean({cell: r for cell, r in by_cell.items() if cell[1] in group})
            for name, group in groups.items()
        },
        of_task={
            task: _mean({cell: r for cell, r in by_cell.items() if cell[0] == task})
            for task in tasks
        },
        against_random={name: difference(by_cell, random, group) for name, group in groups.items()},
        against_imagenet={
            name: difference(by_cell, imagenet, group) for name, group in groups.items()
        },
    )


def ablate(results: Sequence[Result], networks: Sequence[str]) -> Ablation:
    """Return each network's paired difference to the last of ``networks``, for each table."""
    by_method = _by_method(results)
    return {
        network: {
            f"{features}, {batch_norm}": difference(
                by_method[network, batch_norm, features],
                by_method[networks[-1], batch_norm, features],
                KS,
            )
            for features, batch_norm in TABLES
        }
        for network in networks[:-1]
    }


def _by_method(results: Sequence[Result]) -> dict[tuple[str, ...], ResultsByCell]:
    """Return the results of each (network, batch norm, features)."""
    by_method: dict[tuple[str, ...], ResultsByCell] = {}
    for result in results:
        cell = result.cell
        by_cell = by_method.setdefault(tuple(cell.method.split(" | ")), {})
        by_cell[cell.task, cell.k, cell.draw] = result
    return by_method


def _mean(results: ResultsByCell) -> float:
    """Return the mean over the tasks of the means over k and draws."""
    tasks = dict.fromkeys(task for task, _, _ in results)
    means = [
        np.mean([r.scores.macro_f1 for (of, _, _), r in results.items() if of == task])
        for task in tasks
    ]
    return float(np.mean(means))


def difference(
    by_cell: ResultsByCell, reference: ResultsByCell, ks: Sequence[int], seed: int = 0
) -> Interval:
    """Return the mean over the tasks of the paired difference over people, with its interval.

    Each person's difference of macro-F1 is averaged over k and over the draws that tested this
    person. The people of each task are drawn with replacement, as many as there are; the tasks stay
    the same (a bootstrap stratified by task, Efron and Tibshirani 1993). So the interval is for
    other people in the same tasks, not for other tasks, other photographs or another seed of the
    pre-training.
    """
    random = np.random.default_rng(seed)
    means = []
    resampled = []
    for task in dict.fromkeys(task for task, _, _ in by_cell):
        of_person: dict[str, list[float]] = {}
        for (of, k, draw), result in by_cell.items():
            if of == task and k in ks and (of, k, draw) in reference:
                reference_scores = reference[of, k, draw].scores.score_of_subject
                for person, value in result.scores.score_of_subject.items():
                    of_person.setdefault(person, []).append(value - reference_scores[person])
        if not of_person:  # the task has too few windows for this k
            continue
        people: Float64Array = np.array([np.mean(values) for values in of_person.values()])
        means.append(people.mean())
        drawn = random.integers(0, len(people), (RESAMPLES, len(people)))
        resampled.append(people[drawn].mean(1))
    low, high = np.quantile(np.mean(resampled, 0), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(np.mean(means)), float(low), float(high))


def make_tables(rows: Sequence[NetworkRow], ablations: Sequence[Ablation], about: str) -> str:
    """Return Markdown: the networks with the most draws by table and by task, and the ablations."""
    most_draws = max(row.draws for row in rows)
    shown = [row for row in rows if row.draws == most_draws]
    parts = [
        f"{about}. Macro-F1 in points, mean over the tasks. Differences are paired over people, "
        f"with their 95 % interval. {most_draws} draws; the ablation has fewer."
    ]
    header = ["network", "k = 1", "k = 2", "k = 5", "mean", "against random", "against ImageNet"]
    for features, batch_norm in TABLES:
        table = markdown_table(
            header,
            [
                [
                    row.network,
                    *(f"{100 * value:.1f}" for value in row.macro_f1.values()),
                    _difference_cell(row.against_random["mean"]),
                    _difference_cell(row.against_imagenet["mean"]),
                ]
                for row in shown
                if (row.features, row.batch_norm) == (features, batch_norm)
            ],
        )
        parts.append(f"### Features: {features}; batch norm: {batch_norm}\n\n{table}")
    tasks = list(shown[0].of_task)
    table = markdown_table(
        ["features", "batch norm", "network", *tasks],
        [
            [
                row.features,
                row.batch_norm,
                row.network,
                *(f"{100 * row.of_task[task]:.1f}" for task in tasks),
            ]
            for row in shown
        ],
    )
    parts.append(f"### Task by task, mean over k\n\n{table}")
    for ablation in ablations:
        start = next(iter(ablation))
        table = markdown_table(
            ["against all augmentations", *ablation[start]],
            [
                [network, *map(_difference_cell, differences.values())]
                for network, differences in ablation.items()
            ],
        )
        parts.append(f"### Ablation from {start} weights\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _difference_cell(interval: Interval) -> str:
    if interval.low == interval.high == interval.mean:  # compared with itself
        return "–"
    return signed_points(interval.mean, interval)


def plot_differences(rows: Sequence[NetworkRow], path: Path) -> None:
    """Plot differences to the ImageNet weights with their intervals, a panel for each table."""
    from matplotlib.figure import Figure

    rows_of_table = {
        table: [row for row in rows if (row.features, row.batch_norm) == table] for table in TABLES
    }
    most = max(map(len, rows_of_table.values()))
    figure = Figure(figsize=(15, 2 * (0.8 + 0.24 * most)), layout="constrained")
    panels = figure.subplots(2, 2, sharey="row").ravel()
    for ((features, batch_norm), table), panel in zip(rows_of_table.items(), panels, strict=True):
        bottom_up = table[::-1]
        for place, row in enumerate(bottom_up):
            if row.network.startswith(RANDOM):
                colour = "C1"
            elif row.network == NO_NETWORK:
                colour = "C7"
            else:
                colour = "C0"
            gain = row.against_imagenet["mean"]
            ends = [100 * (gain.low or 0), 100 * (gain.high or 0)]
            panel.plot(ends, [place, place], color=colour, linewidth=2)
            panel.plot(100 * gain.mean, place, "o", color=colour, markersize=4)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(range(len(bottom_up)), [row.network for row in bottom_up])
        panel.set(
            title=f"{features}, batch norm {batch_norm}",
            xlabel="macro-F1, points more than ImageNet weights",
        )
        panel.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"pretraining: {error}")
