"""One model with one number of threads, measured in a process that holds nothing else.

``python -m edge_runtime.bench.worker MODEL THREADS SPEED_S LIVE_S STARTED_S`` prints a JSON object
a line, as soon as it is known: ``start``; ``speed`` when SPEED_S is above 0; ``live`` and
``memory`` when LIVE_S is; or ``error``.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.bench.made_motion import made_motion
from edge_runtime.bench.results import Live, Percentiles, Speed, Start
from edge_runtime.contract.strict_json import to_json
from edge_runtime.decision import Decision
from edge_runtime.errors import UserError
from edge_runtime.machine import read_memory
from edge_runtime.network.interpreter import load_interpreter
from edge_runtime.recognizer import Recognizer

WARM_UP = 20  # decisions: caches, and the clock of a core that was asleep
MAX_DECISIONS = 5000  # the slowest fiftieth of a percent adds nothing


class Feeder:
    """Pushes made motion into a recogniser, timestamps and all.

    Args:
        recognizer: with an empty window.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self._motion = made_motion(recognizer.contract)
        self._next = 0

    def push(self, n: int) -> list[Decision]:
        """Push the next ``n`` samples at once; the decisions that have a latency, so no announcements of a gap."""
        return self.give(*self.ahead(n))

    def ahead(self, n: int) -> tuple[Float64Array, Float32Array]:
        """The next ``n`` samples, times (n,) and values (n, channels), for :meth:`give`."""
        indices = np.arange(self._next, self._next + n)
        self._next += n
        return indices / self.recognizer.contract.stream.rate_hz, self._motion[
            indices % len(self._motion)
        ]

    def give(self, times_s: Float64Array, samples: Float32Array) -> list[Decision]:
        """Push these."""
        return [d for d in self.recognizer.push(times_s, samples) if d.latency_us is not None]


def measure_speed(feeder: Feeder, seconds: float) -> Speed:
    """Decide again and again for so long, at least once."""
    contract = feeder.recognizer.contract
    ends = time.perf_counter() + seconds
    for _ in range(WARM_UP):
        if time.perf_counter() < ends:
            feeder.push(contract.hop_samples)
    stages: list[tuple[float, float, float, float]] = []
    cpu_ns = 0
    ends = time.perf_counter() + seconds
    while not stages or (len(stages) < MAX_DECISIONS and time.perf_counter() < ends):
        began_cpu, began = time.process_time_ns(), time.perf_counter_ns()
        (decision,) = feeder.push(contract.hop_samples)
        total_us = (time.perf_counter_ns() - began) / 1e3
        cpu_ns += time.process_time_ns() - began_cpu
        latency = decision.latency_us
        assert latency is not None
        stages.append(
            (
                latency.frontend,
                latency.inference,
                total_us - latency.frontend - latency.inference,
                total_us,
            )
        )
    front_end, inference, rest, total = (
        Percentiles.of(column) for column in zip(*stages, strict=True)
    )
    late = sum(stage[-1] > contract.hop_s * 1e6 for stage in stages)
    return Speed(
        feeder.recognizer.model.threads,
        len(stages),
        late,
        front_end,
        inference,
        rest,
        total,
        cpu_ns / len(stages) / 1e3,
    )


def measure_live(feeder: Feeder, seconds: float) -> Live:
    """Push sample after sample when it is due, for so long and until at least one decision has fallen."""
    contract = feeder.recognizer.contract
    n = max(round(seconds * contract.stream.rate_hz), contract.hop_samples)
    ages_us: list[float] = []
    times, samples = feeder.ahead(n)  # making them is no part of it
    began_cpu, began = time.process_time(), time.perf_counter()
    for i in range(1, n + 1):
        due = began + i / contract.stream.rate_hz
        time.sleep(max(0.0, due - time.perf_counter()))
        if feeder.give(times[i - 1 : i], samples[i - 1 : i]):
            ages_us.append((time.perf_counter() - due) * 1e6)
    passed = time.perf_counter() - began
    share = (time.process_time() - began_cpu) / passed
    late = sum(age_us > contract.hop_s * 1e6 for age_us in ages_us)
    return Live(passed, len(ages_us), late, share, Percentiles.of(ages_us))


def main() -> None:
    """Measure as the command line says."""
    path, threads, speed_s, live_s, started_s = sys.argv[1:]
    try:
        load_interpreter()
        ready_s = time.monotonic()
        feeder = Feeder(Recognizer.load(path, int(threads)))
        loaded_s = time.monotonic()
        contract = feeder.recognizer.contract
        decisions = feeder.push(contract.window_samples)
        while not decisions:  # a resampler may hold a few samples back
            decisions = feeder.push(contract.hop_samples)
        first = decisions[0].latency_us
        decided_s = time.monotonic()
        assert first is not None
        start = Start(
            (ready_s - float(started_s)) * 1e3,
            (loaded_s - ready_s) * 1e3,
            first.inference / 1e3,
            (decided_s - loaded_s) * 1e3,
            (decided_s - float(started_s)) * 1e3,
        )
        _print(start=to_json(start), runtime=feeder.recognizer.model.runtime)
        if float(speed_s):
            _print(speed=to_json(measure_speed(feeder, float(speed_s))))
        if float(live_s):
            _print(live=to_json(measure_live(feeder, float(live_s))), memory=to_json(read_memory()))
    except UserError as error:
        _print(error=str(error))


def _print(**found: Any) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
