"""Every recipe by every converter on three networks: ``make export-matrix``.

The default model, and torchvision's ResNet-18 and MobileNetV3-small fine-tuned on the same windows:
watch data, ten windows per class, judged on three people that none of them learnt from. A cell that
fails is reported, and stops no other.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import torch
from image_networks import NETWORKS, fine_tuned

from edge_runtime.contract.strict_json import to_json
from edge_runtime.errors import UserError
from edge_runtime.files import atomic_write
from edge_runtime.machine import cpu_name
from export.evaluation import ExportWindows, choose_windows, evenly_spaced
from export.pipeline import Exportable, Exporter, Job
from export.recipes import CONVERTERS, RECIPES
from export.report import FileReport
from img2imu.classifier import MotionClassifier
from img2imu.datasets import load_data_set
from img2imu.splits import manifest_sha256, pick_support, split_by_subject
from img2imu.storage import Header, describe
from img2imu.windows import cut_windows

WINDOW_S, WINDOWS_PER_CLASS, TEST_PEOPLE = 5.0, 10, 3
DEFAULT = "default"
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


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model by one route in one recipe."""

    model: str
    route: str
    file: FileReport


def main() -> None:
    """Make every file, print a Markdown table, and write ``OUT/matrix.md`` and ``OUT/matrix.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=[DEFAULT, *NETWORKS], default=[DEFAULT, *NETWORKS]
    )
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--converters", nargs="+", choices=CONVERTERS, default=list(CONVERTERS))
    parser.add_argument(
        "--windows", type=int, default=129, help="to judge on (default: 129, half of all)"
    )
    parser.add_argument(
        "--weights-dir",
        type=Path,
        help="with resnet18.pth and mobilenet_v3_small.pth as torchvision "
        "publishes them (default: random weights before fine-tuning)",
    )
    parser.add_argument("--out", type=Path, default=Path("out/export_matrix"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    classifier, header = learn()
    cells: list[Cell] = []
    for name in arguments.models:
        model = (
            Exportable.of(classifier, header)
            if name == DEFAULT
            else fine_tuned(
                name,
                classifier,
                header,
                arguments.weights_dir and arguments.weights_dir / f"{name}.pth",
            )
        )
        evidence = fewer(
            choose_windows(model.contract, model.support, model.support_classes, "watch"),
            arguments.windows,
        )
        routes = [
            (converter, front_end)
            for converter, front_end in ROUTES
            if converter in arguments.converters and (front_end == "host" or name == DEFAULT)
        ]
        for cell in export_all(name, Exporter(model, evidence), routes, arguments.recipes):
            cells.append(cell)
            write(arguments.out, cells, len(evidence.verification.samples))
    print((arguments.out / "matrix.md").read_text())


def learn() -> tuple[MotionClassifier, Header]:
    """The demo's model: what every network here learns from."""
    data_set = load_data_set("watch")
    windows = cut_windows(data_set, WINDOW_S)
    train, _ = split_by_subject(windows, TEST_PEOPLE, 0)
    support = windows.select(indices := pick_support(windows, train, WINDOWS_PER_CLASS, 0))
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, 0).fit(
        support.samples, support.class_names
    )
    return classifier, describe(
        classifier, "shoulder exercises", data_set.name, manifest_sha256(windows, indices)
    )


def fewer(evidence: ExportWindows, count: int) -> ExportWindows:
    """With ``count`` verification windows at most: 16-bit activations take a second a window in a ResNet."""
    judged = evidence.verification
    chosen = evenly_spaced(len(judged.samples), count)
    return dataclasses.replace(
        evidence,
        verification=dataclasses.replace(
            judged, samples=judged.samples[chosen], classes=judged.classes[chosen]
        ),
    )


def export_all(
    name: str, exporter: Exporter, routes: list[tuple[str, str]], recipes: list[str]
) -> Iterator[Cell]:
    """Every cell of a model; what fails says why."""
    for converter, front_end in routes:
        for recipe in recipes:
            started = time.perf_counter()
            with tempfile.TemporaryDirectory() as directory:
                job = Job(
                    Path(directory) / f"{recipe}.tflite",
                    RECIPES[recipe],
                    converter,
                    front_end=front_end,
                )
                try:
                    file = FileReport.of(exporter.export(job))
                except UserError as error:
                    file = FileReport.failed(job, str(error))
            route = converter if front_end == "host" else f"{converter}, graph"
            print(
                f"{name}, {route}, {recipe}: {file.error or f'{file.n_bytes / 1024:.0f} KiB'}, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )
            yield Cell(name, route, file)


def write(out: Path, cells: list[Cell], windows: int) -> None:
    """Both files, after every cell, so that what was measured outlives an interruption."""
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("ai-edge-litert", "torch", "litert-torch")
    )
    machine = (
        f"{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
    )
    notes = "".join(
        f"- {cell.model}, {cell.route}, {cell.file.recipe}: {cell.file.error}\n"
        for cell in cells
        if cell.file.error
    )
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(row(cell, cells) for cell in cells)]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    text += (
        f"\nwatch data, {WINDOWS_PER_CLASS} windows per class, {windows} windows of {TEST_PEOPLE} people never "
        f"seen; {machine}. ms: median latency of the network on one thread. of float32: of the same model by the "
        "same route. front end + ms: with the front end on the host, or inside.\n"
    )
    text += f"\nNo file:\n\n{notes}" if notes else ""
    document = {"machine": machine, "windows": windows, "cells": to_json(cells)}
    for name, content in (("matrix.md", text), ("matrix.json", json.dumps(document, indent=1))):
        with atomic_write(out / name) as file:
            file.write(content.encode())


def row(cell: Cell, cells: list[Cell]) -> list[str]:
    """What the table says of a cell."""
    file = cell.file
    if file.comparison is None or file.cost is None:
        return [cell.model, cell.route, file.recipe, *["-"] * (len(HEADINGS) - 3)]
    found, ms = file.comparison, file.cost.one_thread.p50_us / 1e3
    reference = next(
        (
            other.file
            for other in cells
            if (other.model, other.route, other.file.recipe) == (cell.model, cell.route, "float32")
        ),
        None,
    )
    size = speed = "-"
    if reference is not None and reference.cost is not None:
        size = f"{file.n_bytes / reference.n_bytes:.0%}"
        speed = f"{ms * 1e3 / reference.cost.one_thread.p50_us:.0%}"
    whole = ms + (file.cost.front_end.p50_us / 1e3 if file.cost.front_end else 0)
    return [
        cell.model,
        cell.route,
        file.recipe,
        f"{file.n_bytes / 1024:,.0f}",
        size,
        f"{found.macro_f1:.3f}",
        f"{found.macro_f1 - found.macro_f1_float:+.3f}",
        f"{found.agreement:.1%}",
        f"{found.max_probability_difference:.3f}",
        f"{ms:.2f}",
        speed,
        f"{whole:.2f}",
        "?" if file.cost.outside_xnnpack is None else str(len(file.cost.outside_xnnpack)),
    ]


if __name__ == "__main__":
    main()
