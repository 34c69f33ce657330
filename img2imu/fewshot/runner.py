"""Runs the grid of tasks, methods, draws and k in parallel, and continues a stopped run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import DataError
from img2imu.baselines import MAX_DRAWS, Factory
from img2imu.fewshot.manifest import Indices, Manifest
from img2imu.fewshot.scores import Scores, score
from img2imu.fewshot.tasks import TaskData
from img2imu.progress import track
from img2imu.windows import Windows


@dataclass(frozen=True)
class Cell:
    """One point of the grid.

    Attributes:
        task: name of the task.
        method: name of the method.
        k: labelled windows per class.
        draw: number of the draw.
        sha256: hash of the data, the test windows and the support
            (:class:`~img2imu.fewshot.manifest.Draw`).
    """

    task: str
    method: str
    k: int
    draw: int
    sha256: str


@dataclass(frozen=True)
class Result:
    """A finished cell: a line of the results file.

    Attributes:
        cell: the cell.
        scores: its scores.
        fit_s: seconds of fitting, without embeddings that are cached from other cells.
        predict_s: seconds of predicting, likewise.
    """

    cell: Cell
    scores: Scores
    fit_s: float
    predict_s: float


@dataclass(frozen=True)
class Failure:
    """A cell that failed; it is tried again next time.

    Attributes:
        cell: the cell.
        why: type and message of the error.
    """

    cell: Cell
    why: str


@dataclass(frozen=True, eq=False)
class _Job:
    cell: Cell
    factory: Factory
    windows: Windows
    support: Indices
    training: Indices
    test: Indices


def run_grid(
    tasks: Sequence[TaskData],
    manifests: Sequence[Manifest],
    methods: Mapping[str, Factory],
    path: Path,
    n_jobs: int = 1,
) -> tuple[list[Result], list[Failure]]:
    """Run every cell that the results file lacks, and add each to the file when it is finished.

    Cells run through joblib on any of its backends, for instance dask's within
    ``joblib.parallel_config(backend="dask")``.

    Args:
        tasks: tasks with their windows.
        manifests: one for each task, in the same order.
        methods: factories by name.
        path: the results file, JSON lines. Results of other grids stay in it and are not returned.
        n_jobs: number of cells that run at the same time.

    Returns:
        The results of this grid in the grid's order, those of earlier runs included, and the cells
        that failed.

    Raises:
        DataError: the file is not a results file, or a draw has a person in training and in test.
    """
    jobs = {
        job.cell: job
        for data, manifest in zip(tasks, manifests, strict=True)
        for job in _jobs(data, manifest, methods)
    }
    finished = {result.cell: result for result in read_results(path)}
    waiting = [job for cell, job in jobs.items() if cell not in finished]
    failures = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for outcome in track(_outcomes(waiting, n_jobs), "few-shot cells", len(waiting)):
            if isinstance(outcome, Failure):
                failures.append(outcome)
                continue
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            finished[outcome.cell] = outcome
    return [finished[cell] for cell in jobs if cell in finished], failures


def read_results(path: Path) -> list[Result]:
    """Return all results in a file, or none if there is no file.

    A last line that was cut off, for instance by switching the machine off, is removed from the
    file.

    Raises:
        DataError: another line is not a result.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        path.write_bytes(b"".join(lines[:-1]))
        del lines[-1]
    results = []
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            cell = Cell(**fields.pop("cell"))
            scores = Scores(**fields.pop("scores"))
            results.append(Result(cell, scores, **fields))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"line {number} of {path} is not a result of this benchmark, expected one JSON "
                "object a line as written by img2imu fewshot: remove the line, or give another "
                "--out"
            ) from error
    return results


def _jobs(data: TaskData, manifest: Manifest, methods: Mapping[str, Factory]) -> Iterator[_Job]:
    """Yield the cells of one task, method by method, so that a method can cache embeddings."""
    for draw in manifest.draws:
        both = np.intersect1d(
            data.windows.subjects[draw.training], data.windows.subjects[draw.test]
        )
        if len(both):
            raise DataError(
                f"draw {draw.number} of {data.task.name} has {', '.join(both)} both in training "
                "and in test, expected different people: make the manifest again"
            )
    for method, factory in methods.items():
        for draw in manifest.draws[: MAX_DRAWS.get(method)]:
            for k, support in draw.support.items():
                yield _Job(
                    cell=Cell(data.task.name, method, k, draw.number, draw.sha256[k]),
                    factory=factory,
                    windows=data.windows,
                    support=support,
                    training=draw.training,
                    test=draw.test,
                )


def _outcomes(jobs: Sequence[_Job], n_jobs: int) -> Iterable[Result | Failure]:
    """Yield outcomes as cells finish, in any order."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped]  # no type information

    try:
        yield from Parallel(n_jobs, return_as="generator_unordered")(
            delayed(_run)(job) for job in jobs
        )
        return
    except ValueError as error:
        # Some backends, for instance multiprocessing and ray, refuse return_as before anything
        # runs.
        if "return_as" not in str(error):
            raise
    # These backends return whole lists only. Short lists lose little if the run is stopped.
    parallel = Parallel(n_jobs)
    size = 4 * parallel._effective_n_jobs()
    for begin in range(0, len(jobs), size):
        yield from parallel(delayed(_run)(job) for job in jobs[begin : begin + size])


def _run(job: _Job) -> Result | Failure:
    """Run one cell. A method that fails must not stop the others, whatever its error."""
    windows = job.windows
    test = job.test
    try:
        start_s = time.perf_counter()
        method = job.factory(windows.rate_hz, windows.channels, job.cell.draw)
        method.fit(
            windows.samples[job.support],
            windows.labels[job.support],
            windows.samples[job.training],
        )
        fitted_s = time.perf_counter()
        predicted = np.asarray(method.predict(windows.samples[test]), np.int64)
        end_s = time.perf_counter()
        names = np.array(windows.label_names)
        scores = score(names[windows.labels[test]], names[predicted], windows.subjects[test])
    except Exception as error:
        first_line = (str(error).splitlines() or [""])[0]
        return Failure(job.cell, f"{type(error).__name__}: {first_line}")
    return Result(job.cell, scores, fitted_s - start_s, end_s - fitted_s)
