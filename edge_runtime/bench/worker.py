"""Measure one model after the other, each in a process that holds nothing else.

:func:`measure` starts the processes. ``python -m edge_runtime.bench.worker MODEL THREADS SPEED_S
LIVE_S STARTED_S`` is such a process. It prints one JSON object a line, as soon as it is measured:
``start``; ``speed`` if SPEED_S is above 0; ``live`` and ``memory`` if LIVE_S is; or ``error``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.bench.results import LiveCost, ModelResult, Percentiles, Speed, Start
from edge_runtime.contract.container import ModelFile
from edge_runtime.contract.spec import Contract
from edge_runtime.contract.strict_json import from_json, to_json
from edge_runtime.decision import Decision
from edge_runtime.errors import UserError
from edge_runtime.machine import Memory, read_memory
from edge_runtime.network.interpreter import load_interpreter
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream.checks import STANDARD_GRAVITY

STARTS = 5
WARM_UP = 20  # decisions: they fill caches, and wake the clock of an idle core
MAX_DECISIONS = 5000  # the slowest fiftieth of a percent adds nothing
MOTION_HOPS = 64  # length of the made motion, which then repeats

# ---- the process that starts the others


class WorkerError(UserError):
    """A measuring process failed, or says why the model cannot be measured."""


def describe(path: Path, file: ModelFile) -> ModelResult:
    """Return a result in which nothing is measured yet."""
    contract = file.contract
    return ModelResult(
        file=path.name,
        name=contract.name,
        channels=len(contract.stream.channels),
        rate_hz=contract.stream.rate_hz,
        hop_s=contract.hop_s,
        size_bytes=path.stat().st_size,
    )


def measure(
    path: Path, result: ModelResult, threads: int, seconds: float, say: Callable[[str], None]
) -> Iterator[ModelResult]:
    """Measure a model; yield a new result whenever something was measured.

    Args:
        path: the model file.
        result: of :func:`describe`.
        threads: the network is measured with 1 to this number of threads.
        seconds: length of each measurement.
        say: callback that shows the user what is being measured.

    Raises:
        WorkerError: the model cannot be measured.
    """
    say(f"{result.file}: starting it {STARTS} times")
    for _ in range(STARTS):
        for document in _run_worker(path, threads=1, speed_s=0, live_s=0):
            result = _with(result, document)
            yield result
    for n in range(1, threads + 1):
        step = f"{n} thread{'s' if n > 1 else ''}, decisions one after the other"
        step += f" (up to {seconds:g} s)"
        live_s = 0.0
        if n == 1:
            live_s = seconds
            step += f", then live for {seconds:g} s"
        say(f"{result.file}: {step}")
        for document in _run_worker(path, n, seconds, live_s):
            if "start" not in document:  # starts were measured above, with one thread
                result = _with(result, document)
                yield result


def _run_worker(
    path: Path, threads: int, speed_s: float, live_s: float
) -> Iterator[dict[str, Any]]:
    """Run a measuring process; yield the documents that it prints."""
    root = str(Path(__file__).parents[2])
    python_path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    # -P: no module is imported from the current directory
    command = [sys.executable, "-P", "-m", "edge_runtime.bench.worker", str(path)]
    command += [str(threads), str(speed_s), str(live_s)]
    with tempfile.TemporaryFile() as errors:
        # In a session of its own it does not hear Ctrl-C. This process does, and ends it silently.
        process = subprocess.Popen(
            [*command, repr(time.monotonic())],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": python_path},
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                document = json.loads(line)
                if "error" in document:
                    raise WorkerError(document["error"])
                yield document
            code = process.wait()
        finally:
            process.kill()
            process.communicate()
        if code:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1][:200] if lines else "no reason given"
            raise WorkerError(
                f"the process that measures {path.name} ended with exit code {code} ({reason}), "
                "expected it to finish: free some memory, then try again; if it fails every time, "
                "export the model again"
            )


def _with(result: ModelResult, document: dict[str, Any]) -> ModelResult:
    """Return the result with what a measuring process printed."""
    if "start" in document:
        start = from_json(Start, document["start"], "start")
        return replace(result, starts=(*result.starts, start), runtime=str(document["runtime"]))
    if "speed" in document:
        speed = from_json(Speed, document["speed"], "speed")
        return replace(result, speeds=(*result.speeds, speed))
    return replace(
        result,
        live=from_json(LiveCost, document["live"], "live"),
        memory=from_json(Memory, document["memory"], "memory"),
    )


# ---- the process that measures


def main() -> None:
    """Measure what the command line says, see the top of this file."""
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
            process_ms=(ready_s - float(started_s)) * 1e3,
            load_ms=(loaded_s - ready_s) * 1e3,
            first_inference_ms=first.inference / 1e3,
            first_decision_ms=(decided_s - loaded_s) * 1e3,
            total_ms=(decided_s - float(started_s)) * 1e3,
        )
        _print(start=to_json(start), runtime=feeder.recognizer.model.runtime)
        if float(speed_s):
            _print(speed=to_json(measure_speed(feeder, float(speed_s))))
        if float(live_s):
            live = measure_live(feeder, float(live_s))
            _print(live=to_json(live), memory=to_json(read_memory()))
    except UserError as error:
        _print(error=str(error))


def _print(**document: Any) -> None:
    print(json.dumps(document), flush=True)


class Feeder:
    """Pushes made motion into a recogniser.

    Args:
        recognizer: with an empty window.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self._motion = made_motion(recognizer.contract)
        self._next = 0

    def push(self, n: int) -> list[Decision]:
        """Push the next ``n`` samples at once; return the decisions, without those on a gap."""
        return self.push_samples(*self.take(n))

    def take(self, n: int) -> tuple[Float64Array, Float32Array]:
        """Return the next ``n`` samples for :meth:`push_samples`: times (n,), (n, channels)."""
        indices = np.arange(self._next, self._next + n)
        self._next += n
        times_s = indices / self.recognizer.contract.stream.rate_hz
        return times_s, self._motion[indices % len(self._motion)]

    def push_samples(self, times_s: Float64Array, samples: Float32Array) -> list[Decision]:
        """Push samples at once; return the decisions, without those on a gap."""
        decisions = self.recognizer.push(times_s, samples)
        return [decision for decision in decisions if decision.latency_us is not None]


def made_motion(contract: Contract) -> Float32Array:
    """Make samples that any model accepts, from its contract alone.

    Every channel is a slow sine with noise, and has gravity along z if the contract says so, so the
    checks of units pass. The cost of a decision does not depend on the values.

    Returns:
        (window and a whole number of hops, channels), SI units.
    """
    n = contract.window_samples + MOTION_HOPS * contract.hop_samples
    channels = contract.stream.channels
    generator = np.random.default_rng(0)
    seconds = np.arange(n)[:, None] / contract.stream.rate_hz
    phases = np.arange(len(channels))
    noise = generator.normal(0, 0.1, (n, len(channels)))
    samples = 0.2 * np.sin(2 * np.pi * seconds + phases) + noise
    if contract.stream.gravity == "included" and "acc_z" in channels:
        samples[:, channels.index("acc_z")] += STANDARD_GRAVITY
    return samples.astype(np.float32)


def measure_speed(feeder: Feeder, seconds: float) -> Speed:
    """Measure decisions without pauses, for a number of seconds and at least one decision."""
    contract = feeder.recognizer.contract
    ends_s = time.perf_counter() + seconds
    for _ in range(WARM_UP):
        if time.perf_counter() < ends_s:
            feeder.push(contract.hop_samples)
    front_end_us: list[float] = []
    inference_us: list[float] = []
    rest_us: list[float] = []
    total_us: list[float] = []
    cpu_ns = 0
    ends_s = time.perf_counter() + seconds
    while not total_us or (len(total_us) < MAX_DECISIONS and time.perf_counter() < ends_s):
        began_cpu_ns = time.process_time_ns()
        began_ns = time.perf_counter_ns()
        (decision,) = feeder.push(contract.hop_samples)
        took_us = (time.perf_counter_ns() - began_ns) / 1e3
        cpu_ns += time.process_time_ns() - began_cpu_ns
        latency = decision.latency_us
        assert latency is not None
        front_end_us.append(latency.frontend)
        inference_us.append(latency.inference)
        rest_us.append(took_us - latency.frontend - latency.inference)
        total_us.append(took_us)
    hop_us = contract.hop_s * 1e6
    return Speed(
        threads=feeder.recognizer.model.threads,
        decisions=len(total_us),
        late=sum(took_us > hop_us for took_us in total_us),
        front_end=Percentiles.of(front_end_us),
        inference=Percentiles.of(inference_us),
        rest=Percentiles.of(rest_us),
        total=Percentiles.of(total_us),
        cpu_us=cpu_ns / len(total_us) / 1e3,
    )


def measure_live(feeder: Feeder, seconds: float) -> LiveCost:
    """Push each sample when it is due, for a number of seconds and at least one decision."""
    contract = feeder.recognizer.contract
    n = max(round(seconds * contract.stream.rate_hz), contract.hop_samples)
    ages_us: list[float] = []
    times_s, samples = feeder.take(n)  # before the clock starts: making them is not measured
    began_cpu_s = time.process_time()
    began_s = time.perf_counter()
    for i in range(1, n + 1):
        due_s = began_s + i / contract.stream.rate_hz
        time.sleep(max(0.0, due_s - time.perf_counter()))
        if feeder.push_samples(times_s[i - 1 : i], samples[i - 1 : i]):
            ages_us.append((time.perf_counter() - due_s) * 1e6)
    passed_s = time.perf_counter() - began_s
    cpu_s = time.process_time() - began_cpu_s
    hop_us = contract.hop_s * 1e6
    return LiveCost(
        seconds=passed_s,
        decisions=len(ages_us),
        late=sum(age_us > hop_us for age_us in ages_us),
        cpu_share=cpu_s / passed_s,
        age=Percentiles.of(ages_us),
    )


if __name__ == "__main__":
    main()
