"""Every recipe by every converter on three networks: ``make export-matrix``.

The networks are the default model, and torchvision's ResNet-18 and MobileNetV3-small fine-tuned on
the same windows: watch data, ten windows per class. All are tested on three people who are not in
the training windows. A cell that fails is reported and stops no other.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision import models

from edge_runtime.contract.strict_json import to_json
from edge_runtime.errors import DataError, UserError
from edge_runtime.files import atomic_write
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.machine import cpu_name
from export.evaluation import ExportWindows, choose_windows, evenly_spaced
from export.pipeline import Exportable, Exporter, Job, build_contract
from export.recipes import CONVERTERS, RECIPES
from export.report import FileReport
from img2imu.baselines.training import seeded
from img2imu.classifier import MotionClassifier
from img2imu.datasets import load_data_set
from img2imu.markdown import markdown_table
from img2imu.progress import track
from img2imu.splits import manifest_sha256, pick_support, split_by_subject
from img2imu.storage import Header, describe
from img2imu.windows import cut_windows

WINDOW_S = 5.0
WINDOWS_PER_CLASS = 10
TEST_PEOPLE = 3
DEFAULT = "default"
REFERENCE_RECIPE = "float32"
ROUTES = (*((converter, "host") for converter in CONVERTERS), (CONVERTERS[0], "graph"))
HEADINGS = (
    "model",
    "route",
    "recipe",
    "KiB",
    "of float32",
    "macro-F1",
    "change",
    "agree",
    "diff.",
    "ms",
    "of float32",
    "front end + ms",
    "slow",
)

# Fine-tuning of the image networks
BATCH_WINDOWS = 16
# torch's default. With MobileNetV3's own 0.01, the running statistics would still be near their
# initial values after these few steps.
NORM_MOMENTUM = 0.1
MIN_STD = 1e-3  # added to every deviation of a statistic
MIN_PROBABILITY = 1e-9  # added before the logarithm


def main() -> None:
    """Make every file, print a table, and write ``OUT/matrix.md`` and ``OUT/matrix.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    all_models = [DEFAULT, *NETWORKS]
    parser.add_argument(
        "--models",
        nargs="+",
        choices=all_models,
        default=all_models,
        help="models to export (default: all)",
    )
    parser.add_argument(
        "--recipes",
        nargs="+",
        choices=RECIPES,
        default=list(RECIPES),
        help="recipes to export with (default: all)",
    )
    parser.add_argument(
        "--converters",
        nargs="+",
        choices=CONVERTERS,
        default=list(CONVERTERS),
        help="converters to export by (default: all)",
    )
    parser.add_argument(
        "--windows",
        type=int,
        default=129,
        help="number of windows to verify on (default: 129, half of all)",
    )
    parser.add_argument(
        "--weights-dir",
        type=Path,
        help="directory of resnet18.pth and mobilenet_v3_small.pth as torchvision publishes them "
        "(default: random weights before fine-tuning)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/export_matrix"),
        help="directory of results (default: %(default)s)",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    classifier, header = train_default()
    cells: list[MatrixCell] = []
    for name in arguments.models:
        if name == DEFAULT:
            model = Exportable.of(classifier, header)
        else:
            weights = arguments.weights_dir and arguments.weights_dir / f"{name}.pth"
            model = fine_tune(name, classifier, header, weights)
        evidence = choose_windows(model.contract, model.support, model.support_classes, "watch")
        evidence = keep_windows(evidence, arguments.windows)
        routes = [
            (converter, front_end)
            for converter, front_end in ROUTES
            if converter in arguments.converters and (front_end == "host" or name == DEFAULT)
        ]
        for cell in export_all(name, Exporter(model, evidence), routes, arguments.recipes):
            cells.append(cell)
            # After every cell, so that an interruption loses nothing
            write_report(out, cells, len(evidence.verification.samples))
    print((out / "matrix.md").read_text())


def train_default() -> tuple[MotionClassifier, Header]:
    """Train the demo's model; its windows train the image networks, too."""
    data_set = load_data_set("watch")
    windows = cut_windows(data_set, WINDOW_S)
    train, _ = split_by_subject(windows, TEST_PEOPLE, 0)
    indices = pick_support(windows, train, WINDOWS_PER_CLASS, 0)
    support = windows.select(indices)
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, 0)
    classifier.fit(support.samples, support.class_names)
    split_sha256 = manifest_sha256(windows, indices)
    return classifier, describe(classifier, "shoulder exercises", data_set.name, split_sha256)


def keep_windows(evidence: ExportWindows, count: int) -> ExportWindows:
    """Keep at most ``count`` verification windows.

    16-bit activations take a second per window in a ResNet.
    """
    verification = evidence.verification
    kept = evenly_spaced(len(verification.samples), count)
    verification = dataclasses.replace(
        verification, samples=verification.samples[kept], classes=verification.classes[kept]
    )
    return dataclasses.replace(evidence, verification=verification)


@dataclasses.dataclass(frozen=True)
class MatrixCell:
    """One model by one route in one recipe."""

    model: str
    route: str
    file: FileReport


def export_all(
    name: str, exporter: Exporter, routes: list[tuple[str, str]], recipes: list[str]
) -> Iterator[MatrixCell]:
    """Yield every cell of a model; a cell that failed has the error."""
    for converter, front_end in routes:
        route = converter if front_end == "host" else f"{converter}, graph"
        for recipe in recipes:
            started = time.perf_counter()
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / f"{recipe}.tflite"
                job = Job(path, RECIPES[recipe], converter, front_end=front_end)
                try:
                    file = FileReport.of(exporter.export(job))
                except UserError as error:
                    file = FileReport.failed(job, str(error))
            outcome = file.error or f"{file.n_bytes / 1024:.0f} KiB"
            seconds = time.perf_counter() - started
            print(f"{name}, {route}, {recipe}: {outcome}, {seconds:.0f} s", flush=True)
            yield MatrixCell(name, route, file)


def write_report(out: Path, cells: list[MatrixCell], windows: int) -> None:
    """Write ``matrix.md`` and ``matrix.json``."""
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("ai-edge-litert", "torch", "litert-torch")
    )
    machine = (
        f"{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
    )
    table = markdown_table(HEADINGS, [table_row(cell, cells) for cell in cells])
    text = (
        f"{table}\n\nwatch data, {WINDOWS_PER_CLASS} windows per class, {windows} windows of "
        f"{TEST_PEOPLE} people never seen; {machine}. ms: median latency of the network on one "
        "thread. of float32: of the same model by the same route. front end + ms: with the front "
        "end on the host, or inside.\n"
    )
    errors = "".join(
        f"- {cell.model}, {cell.route}, {cell.file.recipe}: {cell.file.error}\n"
        for cell in cells
        if cell.file.error
    )
    if errors:
        text += f"\nNo file:\n\n{errors}"
    document = {"machine": machine, "windows": windows, "cells": to_json(cells)}
    for name, content in (("matrix.md", text), ("matrix.json", json.dumps(document, indent=1))):
        with atomic_write(out / name) as file:
            file.write(content.encode())


def table_row(cell: MatrixCell, cells: list[MatrixCell]) -> list[str]:
    """Return the row of a cell, under :data:`HEADINGS`.

    Args:
        cell: the cell.
        cells: all cells; the float32 cell of the same model and route is the reference.
    """
    file = cell.file
    comparison = file.comparison
    cost = file.cost
    if comparison is None or cost is None:
        return [cell.model, cell.route, file.recipe, *["-"] * (len(HEADINGS) - 3)]
    ms = cost.one_thread.p50_us / 1e3
    key = (cell.model, cell.route, REFERENCE_RECIPE)
    references = [c.file for c in cells if (c.model, c.route, c.file.recipe) == key]
    size = "-"
    latency = "-"
    if references and references[0].cost is not None:
        size = f"{file.n_bytes / references[0].n_bytes:.0%}"
        latency = f"{ms * 1e3 / references[0].cost.one_thread.p50_us:.0%}"
    front_end_ms = cost.front_end.p50_us / 1e3 if cost.front_end else 0
    slow = "?" if cost.outside_xnnpack is None else str(len(cost.outside_xnnpack))
    return [
        cell.model,
        cell.route,
        file.recipe,
        f"{file.n_bytes / 1024:,.0f}",
        size,
        f"{comparison.macro_f1:.3f}",
        f"{comparison.macro_f1 - comparison.macro_f1_float:+.3f}",
        f"{comparison.agreement:.1%}",
        f"{comparison.max_probability_difference:.3f}",
        f"{ms:.2f}",
        latency,
        f"{ms + front_end_ms:.2f}",
        slow,
    ]


# ---- whole image networks of torchvision on the same spectrogram images
#
# These are the obvious networks to try first. torchvision's wheel has no weights of photographs.
# Without a file of them, a network starts at random. That is enough for an export matrix (size,
# speed, loss by quantisation), but it does not show how well such a network recognises.


@dataclasses.dataclass(frozen=True)
class TorchvisionNetwork:
    """A torchvision network, and how it is fine-tuned.

    Attributes:
        make: returns the network without weights.
        head: name of its last layers, which classify the thousand classes of ImageNet.
        steps: number of batches to learn from.
        rate: rate of AdamW, falling to zero along a cosine.
    """

    make: Callable[[], nn.Module]
    head: str
    steps: int
    rate: float


NETWORKS = {
    "resnet18": TorchvisionNetwork(models.resnet18, "fc", 60, 1e-3),
    "mobilenet_v3_small": TorchvisionNetwork(models.mobilenet_v3_small, "classifier", 150, 3e-3),
}


def fine_tune(
    name: str, classifier: MotionClassifier, header: Header, weights: Path | None = None
) -> Exportable:
    """Fine-tune a network on the training windows of a classifier, ready to be exported.

    Args:
        name: a key of :data:`NETWORKS`.
        classifier: fitted; provides windows, classes, front end and seed.
        header: source of the windows.
        weights: see :class:`ImageClassifier`.
    """
    settings = NETWORKS[name]
    contract = build_contract(classifier, header)
    features = FrontEnd.of(contract).compute_batch(classifier.support_windows_)
    classes = torch.from_numpy(classifier.support_classes_)
    with seeded(classifier.seed):
        network = ImageClassifier(name, features, len(contract.labels), weights)
        optimiser = torch.optim.AdamW(network.parameters(), settings.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
        network.train()
        for _ in track(range(settings.steps), f"fine-tuning {name}", settings.steps):
            drawn = torch.randint(len(classes), (BATCH_WINDOWS,))
            images = torch.from_numpy(features.images[drawn.numpy()]).flatten(0, 1)
            statistics = torch.from_numpy(features.statistics[drawn.numpy()])
            probabilities, _ = network(images, statistics)
            log_probabilities = torch.log(probabilities + MIN_PROBABILITY)
            loss = nn.functional.nll_loss(log_probabilities, classes[drawn])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval().requires_grad_(False)
    support_classes = np.asarray(classifier.support_classes_)
    return Exportable(network, contract, classifier.support_windows_, support_classes)


class ImageClassifier(nn.Module):
    """A torchvision network on every image of a window, and a linear layer on all its outputs.

    Args:
        name: a key of :data:`NETWORKS`.
        features: of the training windows, for the sizes and the scale of the statistics.
        classes: number of classes.
        weights: a state dict as torchvision publishes them; None starts at random.

    Raises:
        DataError: the weights are missing or do not fit.
    """

    def __init__(
        self, name: str, features: Features, classes: int, weights: Path | None = None
    ) -> None:
        super().__init__()
        settings = NETWORKS[name]
        self.backbone = settings.make()
        if weights is not None:
            _load_weights(self.backbone, weights)
        setattr(self.backbone, settings.head, nn.Identity())
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = NORM_MOMENTUM
        n_images = features.images.shape[1]
        size = self._output_size(features)
        self.register_buffer("mean", torch.from_numpy(features.statistics.mean(0)))
        self.register_buffer("std", torch.from_numpy(features.statistics.std(0) + MIN_STD))
        self.linear = nn.Linear(n_images * size + features.statistics.shape[1], classes)

    def forward(
        self, images: torch.Tensor, statistics: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return probabilities (B, classes) and embedding (B, d) of windows.

        Args:
            images: (B * n_images, H, W, 3).
            statistics: (B, n_statistics).
        """
        outputs = self.backbone(images.permute(0, 3, 1, 2)).reshape(len(statistics), -1)
        embedding = torch.cat([outputs, (statistics - self.mean) / self.std], 1)
        return torch.softmax(self.linear(embedding), 1), embedding

    @torch.inference_mode()
    def _output_size(self, features: Features) -> int:
        self.backbone.eval()
        image = torch.from_numpy(features.images[0, :1]).permute(0, 3, 1, 2)
        return int(self.backbone(image).numel())


def _load_weights(network: nn.Module, path: Path) -> None:
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        first_line = (str(error).splitlines() or [""])[0][:120]
        raise DataError(
            f"{path} holds no weights of this network ({first_line}), expected a state dict as "
            "torchvision publishes them: check the file"
        ) from error


if __name__ == "__main__":
    main()
