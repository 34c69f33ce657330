"""How well a network recognises after one to five labelled windows per class, with everything else as it ships."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pretraining_report import KS

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.head import fit_head
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.frontend.design import block_sizes, design_front_end
from img2imu.backbone import EarlyBlocks, embed
from img2imu.baselines.random_network import estimate_batch_norm
from img2imu.fewshot.manifest import Draw, Manifest, make_manifest
from img2imu.fewshot.runner import Cell, Result
from img2imu.fewshot.scores import score
from img2imu.fewshot.tasks import TaskData, load_tasks, pick_tasks
from img2imu.progress import track

TEST_WINDOWS = 100  # of a draw, at most: all networks see the same ones
REFERENCE_WINDOWS = 64  # unlabelled ones of the training people, for batch norm

# Which of the blocks that ``embed`` gives the head is fitted on; the texture, the network's part,
# comes first.
FEATURES: dict[str, Callable[[Sequence[Float32Array]], Sequence[Float32Array]]] = {
    "everything": lambda blocks: blocks,
    "texture alone": lambda blocks: blocks[:1],
    "no network": lambda blocks: blocks[1:],
}


@dataclass(frozen=True, eq=False)
class Judged:
    """A task with its images, computed once, and its draws."""

    data: TaskData
    features: Features
    manifest: Manifest


def load(
    names: Sequence[str] | None, data_dir: Path, draws: int, seed: int
) -> tuple[list[Judged], list[str]]:
    """Tasks ready to be judged, and a sentence for each that is left out."""
    tasks, missing = load_tasks(pick_tasks(names), data_dir)
    return [
        Judged(data, _images(data), make_manifest(data, KS, draws, seed))
        for data in track(tasks, "spectrograms", len(tasks))
    ], missing


def evaluate(
    name: str,
    make: Callable[[int], EarlyBlocks],
    judged: Sequence[Judged],
    batch_norm: str,
    features: Sequence[str],
    draws: int,
    skip: Callable[[Cell], bool],
) -> Iterator[Result]:
    """Judge a network on every task, draw and k that is not to be skipped.

    Args:
        name: of the network.
        make: gives the network for a draw.
        judged: the tasks.
        batch_norm: "re-estimated" takes the statistics of batch norm from unlabelled windows of the
            draw's training people, "as trained" leaves them.
        features: names out of :data:`FEATURES`.
        draws: the first so many of each task.
        skip: whether a cell is there already.
    """
    work = [(task, draw) for task in judged for draw in task.manifest.draws[:draws]]
    for task, draw in track(work, name[:22], len(work)):
        cells = {
            (k, of): Cell(
                task.data.task.name, method(name, batch_norm, of), k, draw.number, draw.sha256[k]
            )
            for k in draw.support
            for of in features
        }
        waiting = {key: cell for key, cell in cells.items() if not skip(cell)}
        if waiting:
            yield from _judge(task, draw, make(draw.number), batch_norm, waiting)


def method(name: str, batch_norm: str, features: str) -> str:
    """What a cell is called."""
    return f"{name} | {batch_norm} | {features}"


def _judge(
    task: Judged,
    draw: Draw,
    network: EarlyBlocks,
    batch_norm: str,
    cells: dict[tuple[int, str], Cell],
) -> Iterator[Result]:
    windows, random = task.data.windows, np.random.default_rng([task.manifest.seed, draw.number])
    test = np.sort(random.permutation(draw.test)[:TEST_WINDOWS])
    if batch_norm == "re-estimated":
        network = copy.deepcopy(network)
        estimate_batch_norm(
            network, _of(task.features, random.permutation(draw.training)[:REFERENCE_WINDOWS])
        )
    every = np.unique(np.concatenate([test, *draw.support.values()]))
    start_s = time.perf_counter()
    blocks = embed(network, _of(task.features, every))
    embedded_s = time.perf_counter() - start_s
    names = np.array(windows.label_names)
    for (k, of), cell in cells.items():
        start_s = time.perf_counter()
        chosen = FEATURES[of](blocks)
        rows = np.concatenate(chosen, 1)
        learnt, classes = np.unique(windows.labels[draw.support[k]], return_inverse=True)
        head = fit_head(
            rows[np.searchsorted(every, draw.support[k])],
            classes.astype(np.int64),
            [chosen[0].shape[1]]
            if of == "texture alone"
            else block_sizes(chosen, len(windows.channels)),
        )
        called = learnt[head.probabilities(rows[np.searchsorted(every, test)]).argmax(1)]
        scores = score(names[windows.labels[test]], names[called], windows.subjects[test])
        yield Result(cell, scores, time.perf_counter() - start_s, embedded_s)


def _images(data: TaskData) -> Features:
    windows = data.windows
    samples, channels = windows.samples.shape[1:]
    spec = design_front_end(windows.rate_hz, samples, windows.channels)
    return FrontEnd(spec, samples, channels, windows.rate_hz).compute_batch(windows.samples)


def _of(features: Features, indices: npt.NDArray[np.int64]) -> Features:
    return Features(features.images[indices], features.statistics[indices])
