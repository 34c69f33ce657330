"""What a model file costs: latency, memory, and operators outside the fast path, seen in a process of its own.

``python -m export.cost MODEL`` imports what a device has and nothing else, so that neither torch's
threads nor its memory are in the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.contract.container import read_model
from edge_runtime.contract.strict_json import from_json
from edge_runtime.errors import UserError
from edge_runtime.frontend import FrontEnd
from edge_runtime.machine import read_memory
from edge_runtime.network.interpreter import Model

WARM_UP = 20
RUNS = 300
MAX_SECONDS = 2.0  # of one measurement; int16 activations take 50 ms and more
THREADS = (1, 2)


@dataclass(frozen=True)
class Latency:
    """Of one call, microseconds."""

    p50_us: float
    p95_us: float


@dataclass(frozen=True)
class Cost:
    """What ``python -m export.cost`` found.

    Attributes:
        one_thread: of the network.
        two_threads: of the network.
        front_end: of a whole window on the host (live, most of it is shared with the window
            before); None where it is inside the network.
        peak_mb: largest resident memory of the process, None where the system does not tell.
        outside_xnnpack: kinds of the operators that the fast path did not take; None when unknown.
    """

    one_thread: Latency
    two_threads: Latency
    front_end: Latency | None
    peak_mb: float | None
    outside_xnnpack: tuple[str, ...] | None


def measure(path: Path) -> Cost:
    """Measure a model file in a process of its own.

    Raises:
        UserError: the process failed.
    """
    root = str(Path(__file__).parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }
    result = subprocess.run(
        [sys.executable, "-m", "export.cost", str(path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(
            f"the model could not be measured (exit code {result.returncode}: {reason[:200]}); no file was "
            "written: please report this"
        )
    return from_json(Cost, json.loads(result.stdout), "cost")


def main() -> None:
    """Measure the file named on the command line; print JSON."""
    file = read_model(sys.argv[1])
    front_end = FrontEnd.of(file.contract)
    window = file.golden.windows[0]
    takes_windows = Model.of(file).takes_windows
    given = window if takes_windows else front_end.compute(window)
    latencies = {}
    for threads in THREADS:
        model = Model.of(file, threads)
        latencies[threads] = _latency(lambda model=model: model.infer(given))
        if threads == 1:
            peak_mb, outside = read_memory().peak_mb, model.outside_delegate
    on_host = None if takes_windows else _latency(lambda: front_end.compute(window))
    print(
        json.dumps(
            {
                "one_thread": latencies[1],
                "two_threads": latencies[2],
                "front_end": on_host,
                "peak_mb": peak_mb,
                "outside_xnnpack": outside,
            }
        )
    )


def _latency(call) -> dict[str, float]:  # type: ignore[no-untyped-def]
    ends = time.perf_counter() + MAX_SECONDS
    for _ in range(WARM_UP):
        if time.perf_counter() < ends:
            call()
    times_ns: list[int] = []
    ends = time.perf_counter() + MAX_SECONDS
    while not times_ns or (len(times_ns) < RUNS and time.perf_counter() < ends):
        started = time.perf_counter_ns()
        call()
        times_ns.append(time.perf_counter_ns() - started)
    p50, p95 = np.percentile(times_ns, (50, 95)) / 1e3
    return {"p50_us": float(p50), "p95_us": float(p95)}


if __name__ == "__main__":
    main()
