"""The same decision by other methods, measured side by side: ``make bench``.

Each way of deciding runs in a separate process with one thread. The processes take turns of a few
decisions, so that other load on the machine affects all of them alike. Every way gets the same made
stream, that of the bundled model: 6 axes at 50 Hz in windows of 5 s. The paper's way uses the
accelerometer alone, one image, as in its app; a second variant uses both sensors, two images. No
way has been trained: the cost of a decision does not depend on the weights.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from alternatives_worker import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    MINIROCKET,
    MODEL,
    NETWORK,
    ONNX,
    OURS,
    PAPER,
    SIGNAL,
    WAYS,
)

from edge_runtime.bench.results import BUSY_LOAD
from edge_runtime.bench.worker import made_motion
from edge_runtime.commands.run import DEMO_MODEL
from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import Contract
from edge_runtime.machine import cpu_name, read_state
from img2imu.markdown import markdown_table
from img2imu.progress import track

WARM_UP = 3  # decisions at the beginning of each turn that are not counted
WINDOWS_PER_CLASS = 10  # for MiniRocket's ridge classifier
LIBRARIES = ("ai-edge-litert", "numpy", "scipy", "torch", "onnxruntime", "aeon")
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
DECISIONS_PER_S = 4  # for the share of a core
# The targets for ours
MAX_MS = 1.0
MAX_SHARE_PERCENT = 0.6
MAX_MB = 60.0
MIN_RATIO = 30.0  # of the paper's processor time to ours


def main() -> None:
    """Measure, print a table, and write ``OUT/alternatives.json``, ``.md`` and ``.png``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model",
        type=Path,
        default=DEMO_MODEL,
        help="model file of ours (default: the bundled one)",
    )
    parser.add_argument("--turns", type=int, default=20, help="turns of each way (default: 20)")
    parser.add_argument(
        "--decisions", type=int, default=20, help="counted decisions in each turn (default: 20)"
    )
    parser.add_argument(
        "--starts", type=int, default=3, help="number of processes of each way (default: 3)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/bench"),
        help="directory of results (default: out/bench)",
    )
    arguments = parser.parse_args()
    if min(arguments.turns, arguments.decisions, arguments.starts) < 1:
        parser.error("--turns, --decisions and --starts must be 1 or more")
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    contract = read_model(arguments.model).contract
    load = read_state().load
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        print(
            "making the stream, ResNet-18, its ONNX file, and MiniRocket with ridge ...",
            file=sys.stderr,
            flush=True,
        )
        prepare(directory, arguments.model, contract)
        costs = measure(
            directory,
            arguments.turns,
            arguments.decisions,
            arguments.starts,
            contract.stream.rate_hz,
        )
    about = describe(contract, arguments, load)
    text = f"{about}{cost_table(costs)}\n\n" + "\n".join(verdicts(costs)) + "\n"
    print(text)
    (out / "alternatives.md").write_text(text)
    content = {way: asdict(cost) for way, cost in costs.items()}
    (out / "alternatives.json").write_text(json.dumps(content, indent=1))
    plot_costs(costs, out / "alternatives.png")
    print(f"wrote {out}/alternatives.md, .json and .png", file=sys.stderr)


@dataclass(frozen=True)
class WayCost:
    """Cost of one way.

    Attributes:
        start_s: from the start of a process to its first decision, median of the starts.
        p50_ms: time of a decision from its newest sample on, median.
        p99_ms: 99th percentile of the same.
        fastest_ms: minimum of the same.
        cpu_ms: processor time of a decision, median.
        fastest_cpu_ms: minimum of the same.
        share_percent: share of one core at 4 decisions per second, with all samples between them;
            from the medians.
        least_share_percent: the same from the minima, about what an undisturbed machine would need.
        resident_mb: memory at the end, None if the system does not report it.
    """

    start_s: float
    p50_ms: float
    p99_ms: float
    fastest_ms: float
    cpu_ms: float
    fastest_cpu_ms: float
    share_percent: float
    least_share_percent: float
    resident_mb: float | None


@dataclass(frozen=True)
class MissingPackage:
    """A way that cannot run since a package is not installed."""

    module: str


Costs = dict[str, WayCost | MissingPackage]  # by way


def prepare(directory: Path, model: Path, contract: Contract) -> None:
    """Write what the ways load: the stream, the model file, ResNet-18 twice, and MiniRocket."""
    import torch
    from torchvision.models import resnet18

    from img2imu.baselines.rocket import minirocket_pipeline

    labels = len(contract.labels)
    np.savez(
        directory / SIGNAL,
        motion=made_motion(contract),
        window_samples=contract.window_samples,
        hop_samples=contract.hop_samples,
        rate_hz=contract.stream.rate_hz,
    )
    shutil.copyfile(model, directory / MODEL)
    torch.manual_seed(0)
    network = resnet18(weights=None, num_classes=labels).eval()
    torch.save(network.state_dict(), directory / NETWORK)
    if importlib.util.find_spec("onnx"):
        image = torch.zeros(1, 3, IMAGE_HEIGHT, IMAGE_WIDTH)
        with warnings.catch_warnings():
            # torch's newer exporter would need one more package
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(network, (image,), directory / ONNX, dynamo=False)
    shape = (labels * WINDOWS_PER_CLASS, len(contract.stream.channels), contract.window_samples)
    windows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    fitted = minirocket_pipeline(seed=0).fit(windows, np.arange(len(windows)) % labels)
    (directory / MINIROCKET).write_bytes(pickle.dumps(fitted))


def measure(directory: Path, turns: int, decisions: int, starts: int, rate_hz: float) -> Costs:
    """Start every way, then let the ways take turns."""
    starts_s: dict[str, list[float]] = {way: [] for way in WAYS}
    missing: dict[str, MissingPackage] = {}

    def read_start(worker: Worker) -> None:
        first = worker.read()
        if "missing" in first:
            missing[worker.way] = MissingPackage(first["missing"])
        else:
            starts_s[worker.way].append(first["start_s"])

    for _ in track(range(starts - 1), "starting", starts - 1):
        for way in WAYS:
            with Worker(way, directory) as worker:
                read_start(worker)
    with ExitStack() as stack:
        workers = []
        for way in WAYS:  # one after another, so that no start disturbs the next
            worker = stack.enter_context(Worker(way, directory))
            read_start(worker)
            if way not in missing:
                workers.append(worker)
        turns_of_way: dict[str, list[dict[str, Any]]] = {worker.way: [] for worker in workers}
        for _ in track(range(turns), "decisions in turns", turns):
            for worker in workers:
                worker.decide(WARM_UP)
                turns_of_way[worker.way].append(worker.decide(decisions))
    costs: Costs = {}
    for way in WAYS:
        if way in missing:
            costs[way] = missing[way]
        else:
            costs[way] = summarise(starts_s[way], turns_of_way[way], rate_hz)
    return costs


class Worker:
    """A process that decides in one way; it is killed at the end of the ``with`` block.

    Args:
        way: a key of WAYS.
        directory: where :func:`prepare` has written.
    """

    def __init__(self, way: str, directory: Path) -> None:
        self.way = way
        root = Path(__file__).parent.parent
        environment = {
            **os.environ,
            **ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
        }
        script = str(Path(__file__).with_name("alternatives_worker.py"))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the block
        self._process = subprocess.Popen(
            [sys.executable, script, way, str(directory), repr(time.monotonic())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
        )

    def decide(self, decisions: int) -> dict[str, Any]:
        """Make a number of decisions, and return their times and the memory."""
        assert self._process.stdin is not None
        print(decisions, file=self._process.stdin, flush=True)
        return self.read()

    def read(self) -> dict[str, Any]:
        """Return the next line that the process prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise SystemExit(
                f"the process of '{self.way}' ended: {self._errors.read().decode()[-2000:]}"
            )
        return json.loads(line)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def summarise(
    starts_s: Sequence[float], turns: Sequence[dict[str, Any]], rate_hz: float
) -> WayCost:
    """Return the cost of a way.

    Args:
        starts_s: time to the first decision of each process.
        turns: what the process printed after each turn.
        rate_hz: samples per second of the stream.
    """
    times_ms, decide_ms, add_ms = (
        np.concatenate([turn[key] for turn in turns]) / 1e3
        for key in ("times_us", "decide_cpu_us", "add_cpu_us")
    )
    p50, p99 = np.percentile(times_ms, (50, 99))

    def share_percent(decide: float, add: float) -> float:
        """1 ms a second is 0.1 %."""
        return (DECISIONS_PER_S * decide + (rate_hz - DECISIONS_PER_S) * add) / 10

    return WayCost(
        start_s=float(np.median(starts_s)),
        p50_ms=float(p50),
        p99_ms=float(p99),
        fastest_ms=float(times_ms.min()),
        cpu_ms=float(np.median(decide_ms)),
        fastest_cpu_ms=float(decide_ms.min()),
        share_percent=share_percent(float(np.median(decide_ms)), float(np.median(add_ms))),
        least_share_percent=share_percent(float(decide_ms.min()), float(add_ms.min())),
        resident_mb=turns[-1]["resident_mb"],
    )


def describe(contract: Contract, arguments: argparse.Namespace, load: float | None) -> str:
    """Describe the stream and the machine, and warn if the machine was busy."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    stream = contract.stream
    cores = os.cpu_count() or 1
    text = (
        f"{cpu_name()}, {cores} cores, Python {platform.python_version()}; {', '.join(versions)}; "
        f"{len(stream.channels)} axes at {stream.rate_hz:g} Hz, windows of {contract.window_s:g} "
        f"s; one thread each, {arguments.turns} turns of {arguments.decisions} decisions, "
        f"{arguments.starts} starts\n\n"
    )
    if load is not None and load > BUSY_LOAD * cores:
        text += (
            f"The machine was busy (load {load:.1f} on {cores} cores). Times are then mostly "
            "waiting for a core, and a long computation waits more often than a short one. "
            "Processor time suffers least. Measure again on an idle machine before you quote a "
            "figure.\n\n"
        )
    return text


def cost_table(costs: Costs) -> str:
    """Return a Markdown table, a row for each way; ratios are to ours."""
    header = [
        "way",
        "one decision p50 / p99 / fastest, ms",
        "p50 to ours",
        "processor time of a decision p50 / least, ms",
        "to ours",
        f"share of a core at {DECISIONS_PER_S} decisions per second, p50 / least",
        "memory, MB",
        "start to first decision, s",
    ]
    ours = costs[OURS]
    assert isinstance(ours, WayCost)
    rows = []
    for way, cost in costs.items():
        if isinstance(cost, MissingPackage):
            why = f"not measured: the Python package '{cost.module}' is not installed"
            rows.append([way, why, *[""] * (len(header) - 2)])
            continue
        rows.append(
            [
                way,
                f"{cost.p50_ms:.2f} / {cost.p99_ms:.2f} / {cost.fastest_ms:.2f}",
                f"x{cost.p50_ms / ours.p50_ms:.1f}",
                f"{cost.cpu_ms:.2f} / {cost.fastest_cpu_ms:.2f}",
                f"x{cost.cpu_ms / ours.cpu_ms:.1f}",
                f"{cost.share_percent:.2f} / {cost.least_share_percent:.2f} %",
                "-" if cost.resident_mb is None else f"{cost.resident_mb:.0f}",
                f"{cost.start_s:.2f}",
            ]
        )
    return markdown_table(header, rows)


def verdicts(costs: Costs) -> list[str]:
    """Return a line for each target for ours, and whether it is reached."""
    ours = costs[OURS]
    paper = costs[PAPER]
    assert isinstance(ours, WayCost)
    lines = [
        _verdict(
            "one decision at p50",
            ours.p50_ms,
            MAX_MS,
            "ms",
            f" (processor time {ours.cpu_ms:.2f} ms, fastest decision {ours.fastest_ms:.2f} ms)",
        ),
        _verdict(
            f"share of a core at {DECISIONS_PER_S} decisions per second",
            ours.share_percent,
            MAX_SHARE_PERCENT,
            "%",
            f" (least {ours.least_share_percent:.2f} %)",
        ),
    ]
    if ours.resident_mb is not None:
        lines.append(_verdict("resident memory", ours.resident_mb, MAX_MB, "MB"))
    if isinstance(paper, WayCost):
        # Of processor time: on a busy machine a long computation waits more often than a short one.
        ratio = paper.cpu_ms / ours.cpu_ms
        lines.append(
            f"- times less processor time than the paper's way: {ratio:.1f}, wanted at least "
            f"{MIN_RATIO:g}: {'reached' if ratio >= MIN_RATIO else 'MISSED'} (least by least "
            f"{paper.fastest_cpu_ms / ours.fastest_cpu_ms:.1f}, of the times at the median "
            f"{paper.p50_ms / ours.p50_ms:.1f})"
        )
    return lines


def _verdict(name: str, value: float, maximum: float, unit: str, remark: str = "") -> str:
    reached = "reached" if value <= maximum else "MISSED"
    return f"- {name}: {value:.2f} {unit}, wanted at most {maximum:g} {unit}: {reached}{remark}"


def plot_costs(costs: Costs, path: Path) -> None:
    """Plot processor time, share of a core, memory and start-up; farther left is better."""
    from matplotlib.figure import Figure

    measured = {way: cost for way, cost in costs.items() if isinstance(cost, WayCost)}
    panels = {
        "processor time of a\ndecision, p50 (ms)": [cost.cpu_ms for cost in measured.values()],
        f"share of a core at\n{DECISIONS_PER_S} decisions per second (%)": [
            cost.share_percent for cost in measured.values()
        ],
        "resident memory (MB)": [cost.resident_mb or np.nan for cost in measured.values()],
        "start to first decision (s)": [cost.start_s for cost in measured.values()],
    }
    figure = Figure(figsize=(12, 1 + 0.45 * len(measured)), layout="constrained")
    all_axes = figure.subplots(1, len(panels), sharey=True)
    for axes, (title, values) in zip(all_axes, panels.items(), strict=True):
        for row, (way, value) in enumerate(zip(measured, values, strict=True)):
            axes.plot(value, row, "o", color="black" if way == OURS else "C0", markersize=8)
            axes.annotate(
                f"{value:.3g}", (value, row), (8, 0), textcoords="offset points", va="center"
            )
        axes.set_xscale("log")
        axes.set_xlim(np.nanmin(values) / 2, np.nanmax(values) * 5)  # room for the numbers
        axes.set_yticks(range(len(measured)), list(measured))
        axes.set_ylim(len(measured) - 0.5, -0.5)  # ours on top
        axes.grid(axis="x", alpha=0.3)
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
