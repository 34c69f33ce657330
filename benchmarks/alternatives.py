"""The same decision by what people would use instead, side by side: ``make bench``.

Each way runs in a process of its own with one thread, and they take turns: a few decisions of each,
again and again, so that whatever else the machine does meets all of them alike. Every way gets the
same made stream, that of the bundled model: 6 axes at 50 Hz in windows of 5 s; the paper's way uses
the accelerometer alone, one image, as in its app, and beside that both sensors, two images. No way
has learnt anything: what a decision costs does not depend on the weights.
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
from contextlib import ExitStack
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import numpy as np
from alternatives_report import Found, Missing, draw, summarise, table, verdicts
from alternatives_worker import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    MINIROCKET,
    MODEL,
    NETWORK,
    ONNX,
    SIGNAL,
    WAYS,
)

from edge_runtime.bench.results import BUSY_LOAD
from edge_runtime.bench.worker import made_motion
from edge_runtime.commands.run import DEMO_MODEL
from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import Contract
from edge_runtime.machine import cpu_name, read_state
from img2imu.progress import track

WARM_UP = 3  # decisions at the beginning of each turn that are not counted
WINDOWS_PER_CLASS = 10  # that MiniRocket and ridge are fitted on
LIBRARIES = ("ai-edge-litert", "numpy", "scipy", "torch", "onnxruntime", "aeon")
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def main() -> None:
    """Measure, print a Markdown table, and write ``OUT/alternatives.json``, ``.md`` and ``.png``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=Path, default=DEMO_MODEL, help="of ours; default: the bundled one"
    )
    parser.add_argument("--turns", type=int, default=20, help="of each way; default: 20")
    parser.add_argument(
        "--decisions", type=int, default=20, help="counted in each turn; default: 20"
    )
    parser.add_argument("--starts", type=int, default=3, help="processes of each way; default: 3")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    arguments = parser.parse_args()
    if min(arguments.turns, arguments.decisions, arguments.starts) < 1:
        parser.error("--turns, --decisions and --starts must be 1 or more")
    arguments.out.mkdir(parents=True, exist_ok=True)

    contract = read_model(arguments.model).contract
    before = read_state()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        print(
            "making the stream, ResNet-18, its ONNX file, and MiniRocket with ridge ...",
            file=sys.stderr,
            flush=True,
        )
        prepare(directory, arguments.model, contract)
        found = measure(
            directory,
            arguments.turns,
            arguments.decisions,
            arguments.starts,
            contract.stream.rate_hz,
        )
    text = (
        describe(contract, arguments, before.load)
        + table(found)
        + "\n"
        + "\n".join(verdicts(found))
        + "\n"
    )
    print(text)
    (arguments.out / "alternatives.md").write_text(text)
    (arguments.out / "alternatives.json").write_text(
        json.dumps({way: asdict(m) for way, m in found.items()}, indent=1)
    )
    draw(found, arguments.out / "alternatives.png")
    print(f"wrote {arguments.out}/alternatives.md, .json and .png", file=sys.stderr)


def prepare(directory: Path, model: Path, contract: Contract) -> None:
    """What the ways load: the stream, the model file, ResNet-18 twice, MiniRocket with ridge."""
    import torch
    from aeon.transformations.collection.convolution_based import MiniRocket
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from torchvision.models import resnet18

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
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # the other exporter needs one more package
            torch.onnx.export(
                network,
                (torch.zeros(1, 3, IMAGE_HEIGHT, IMAGE_WIDTH),),
                directory / ONNX,
                dynamo=False,
            )
    channels_first = (len(contract.stream.channels), contract.window_samples)
    windows = (
        np.random.default_rng(0)
        .normal(size=(labels * WINDOWS_PER_CLASS, *channels_first))
        .astype(np.float32)
    )
    fitted = make_pipeline(
        MiniRocket(random_state=0),
        StandardScaler(with_mean=False),
        RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)),
    )  # as in img2imu.baselines.minirocket
    fitted.fit(windows, np.arange(len(windows)) % labels)
    (directory / MINIROCKET).write_bytes(pickle.dumps(fitted))


def measure(directory: Path, turns: int, decisions: int, starts: int, rate_hz: float) -> Found:
    """Start every way, then let them take turns."""
    begun: dict[str, list[float]] = {way: [] for way in WAYS}
    missing: dict[str, Missing] = {}
    for _ in track(range(starts - 1), "starting", starts - 1):
        for way in WAYS:
            with Worker(way, directory) as worker:
                _note(worker, begun, missing)
    with ExitStack() as stack:
        workers = []
        for way in WAYS:  # one after the other: no start disturbs the next
            workers.append(stack.enter_context(Worker(way, directory)))
            _note(workers[-1], begun, missing)
        workers = [worker for worker in workers if worker.way not in missing]
        answers: dict[str, list[dict]] = {worker.way: [] for worker in workers}
        for _ in track(range(turns), "decisions in turns", turns):
            for worker in workers:
                worker.ask(WARM_UP)
                answers[worker.way].append(worker.ask(decisions))
    return {way: missing.get(way) or summarise(begun[way], answers[way], rate_hz) for way in WAYS}


def _note(worker: Worker, begun: dict[str, list[float]], missing: dict[str, Missing]) -> None:
    first = worker.answer()
    if "missing" in first:
        missing[worker.way] = Missing(first["missing"])
    else:
        begun[worker.way].append(first["start_s"])


class Worker:
    """A process that recognises in one way; it ends with the block.

    Args:
        way: one of WAYS.
        directory: what :func:`prepare` wrote.
    """

    def __init__(self, way: str, directory: Path) -> None:
        self.way = way
        root = Path(__file__).parent.parent
        environment = {
            **os.environ,
            **ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
        }
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the block
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("alternatives_worker.py")),
                way,
                str(directory),
                repr(time.monotonic()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=environment,
        )

    def ask(self, decisions: int) -> dict:
        """Let it make so many decisions."""
        assert self._process.stdin is not None
        print(decisions, file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict:
        """The next line that it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._complaints.seek(0)
            raise SystemExit(
                f"the process of '{self.way}' ended: {self._complaints.read().decode()[-2000:]}"
            )
        return json.loads(line)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._complaints.close()


def describe(contract: Contract, arguments: argparse.Namespace, load: float | None) -> str:
    """What was measured, where, and whether the machine was idle."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    stream, cores = contract.stream, os.cpu_count() or 1
    text = (
        f"{cpu_name()}, {cores} cores, Python {platform.python_version()}; {', '.join(versions)}; "
        f"{len(stream.channels)} axes at {stream.rate_hz:g} Hz, windows of {contract.window_s:g} s; one thread "
        f"each, {arguments.turns} turns of {arguments.decisions} decisions, {arguments.starts} starts\n\n"
    )
    if load is not None and load > BUSY_LOAD * cores:
        text += (
            f"The machine was busy (load {load:.1f} on {cores} cores): times are mostly those of waiting for a "
            "core, the more the longer a computation is; measure again on an idle one before quoting any. "
            "Processor time suffers least.\n\n"
        )
    return text


if __name__ == "__main__":
    main()
