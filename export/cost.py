"""Measure a model file in a separate process: latency, memory, operators outside the fast path.

``python -m export.cost MODEL`` imports only what a device has, so torch's threads and memory do not
count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edge_runtime.contract.container import read_model
from edge_runtime.contract.strict_json import from_json
from edge_runtime.errors import UserError
from edge_runtime.frontend import FrontEnd
from edge_runtime.machine import read_memory
from edge_runtime.network.interpreter import Model

WARM_UP = 20  # calls before the first that is timed
RUNS = 300
MAX_SECONDS = 2.0  # of one measurement; a call with int16 activations takes 50 ms and more
THREADS = (1, 2)


@dataclass(frozen=True)
class LatencyPercentiles:
    """Latency of one call: median and 95th percentile, microseconds."""

    p50_us: float
    p95_us: float


@dataclass(frozen=True)
class Cost:
    """Result of ``python -m export.cost``.

    Attributes:
        one_thread: latency of the network on one thread.
        two_threads: latency of the network on two threads.
        front_end: latency of the runtime's front end for a whole window; live, most of its work is
            shared with the window before. None if the front end is inside the network.
        peak_mb: peak resident memory of the process, MB; None if the system does not tell.
        outside_xnnpack: names of the operators that the fast path does not run; None if unknown.
    """

    one_thread: LatencyPercentiles
    two_threads: LatencyPercentiles
    front_end: LatencyPercentiles | None
    peak_mb: float | None
    outside_xnnpack: tuple[str, ...] | None


def measure(path: Path) -> Cost:
    """Measure a model file in a separate process.

    Raises:
        UserError: the process failed.
    """
    root = str(Path(__file__).parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }
    result = subprocess.run(
        [sys.executable, "-P", "-m", "export.cost", str(path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(
            f"the model could not be measured (exit code {result.returncode}: {reason[:200]}), "
            "expected exit code 0; no file was written: please report this"
        )
    return from_json(Cost, json.loads(result.stdout), "cost")


def main() -> None:
    """Measure the file named on the command line and print a :class:`Cost` as JSON."""
    file = read_model(sys.argv[1])
    front_end = FrontEnd.of(file.contract)
    window = file.golden.windows[0]
    takes_windows = Model.of(file).takes_windows
    inputs = window if takes_windows else front_end.compute(window)
    latencies = {}
    for threads in THREADS:
        model = Model.of(file, threads)
        latencies[threads] = _latency(partial(model.infer, inputs))
        if threads == 1:
            peak_mb, outside = read_memory().peak_mb, model.outside_delegate
    on_host = None if takes_windows else _latency(partial(front_end.compute, window))
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


def _latency(call: Callable[[], object]) -> dict[str, float]:
    """Time repeated calls. Returns the fields of a :class:`LatencyPercentiles`."""
    deadline = time.perf_counter() + MAX_SECONDS
    for _ in range(WARM_UP):
        if time.perf_counter() < deadline:
            call()
    times_ns: list[int] = []
    deadline = time.perf_counter() + MAX_SECONDS
    while not times_ns or (len(times_ns) < RUNS and time.perf_counter() < deadline):
        started = time.perf_counter_ns()
        call()
        times_ns.append(time.perf_counter_ns() - started)
    p50, p95 = np.percentile(times_ns, (50, 95)) / 1e3
    return {"p50_us": float(p50), "p95_us": float(p95)}


if __name__ == "__main__":
    main()
