"""What ``img2imu bench`` found, and its JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.contract.strict_json import JsonError, from_json, show, to_json
from edge_runtime.errors import SourceError
from edge_runtime.files import atomic_write
from edge_runtime.machine import MachineState, Memory

SCHEMA = 1
MAX_FILE_BYTES = 1 << 24  # a hundred models are under a hundredth of it


@dataclass(frozen=True)
class Percentiles:
    """Of one time that was measured again and again, microseconds."""

    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float

    @staticmethod
    def of(times_us: Sequence[float]) -> Percentiles:
        """Of one or more times."""
        return Percentiles(*(float(p) for p in np.percentile(times_us, (50, 90, 99, 100))))


@dataclass(frozen=True)
class Start:
    """One start of a process.

    Attributes:
        process_ms: until Python, numpy and LiteRT are there.
        load_ms: to read and check the model file and make the interpreter.
        first_inference_ms: of the network, part of the next.
        first_decision_ms: the first whole window, from samples to decision.
        total_ms: from the start of the process to the first decision.
    """

    process_ms: float
    load_ms: float
    first_inference_ms: float
    first_decision_ms: float
    total_ms: float


@dataclass(frozen=True)
class Speed:
    """Decisions one after the other, each over the samples of a hop that were pushed at once.

    Attributes:
        threads: of the network.
        decisions: how many were timed.
        late: how many took longer than a hop.
        front_end: samples to images and statistics.
        inference: the network.
        rest: resampling, window, smoothing and decision: all that is neither of these two.
        total: samples to decision.
        cpu_us: processor time of all threads, per decision.
    """

    threads: int
    decisions: int
    late: int
    front_end: Percentiles
    inference: Percentiles
    rest: Percentiles
    total: Percentiles
    cpu_us: float


@dataclass(frozen=True)
class Live:
    """Samples that come one by one at the contract's rate, as out of a sensor.

    Attributes:
        seconds: how long.
        decisions: how many fell.
        late: how many were there only after the next one was due.
        cpu_share: processor time by time passed; 1 is one core. Without source and sink.
        age: of the newest sample when its decision is there, since the moment it was due.
    """

    seconds: float
    decisions: int
    late: int
    cpu_share: float
    age: Percentiles


@dataclass(frozen=True)
class ModelResult:
    """One model; what was not reached yet is empty or None.

    Attributes:
        file: name of the model file.
        name: of the model, out of its contract.
        channels: values in a sample.
        rate_hz: samples per second.
        hop_s: time between two decisions, seconds.
        size_bytes: of the file.
        runtime: interpreter and version, empty when it was never loaded.
        starts: of a process with one thread.
        speeds: one for each number of threads.
        live: with one thread.
        memory: at the end of ``live``.
        failure: why it could not be measured to the end.
    """

    file: str
    name: str
    channels: int
    rate_hz: float
    hop_s: float
    size_bytes: int
    runtime: str = ""
    starts: tuple[Start, ...] = ()
    speeds: tuple[Speed, ...] = ()
    live: Live | None = None
    memory: Memory | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    cpu: str
    cores: int
    system: str
    python: str
    numpy: str
    img2imu: str


@dataclass(frozen=True)
class BenchResult:
    """A run of the command.

    Attributes:
        schema: version of this document.
        created: date and time, ISO 8601.
        machine: where.
        before: its state before the first measurement.
        after: its state after the last, None when the run was interrupted too early.
        models: in the order of the command line.
    """

    schema: int
    created: str
    machine: Machine
    before: MachineState
    after: MachineState | None
    models: tuple[ModelResult, ...]


def write_result(result: BenchResult, path: str | os.PathLike[str]) -> None:
    """Write the JSON file.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(to_json(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_write(path) as file:
        file.write(text.encode())


def read_result(path: str | os.PathLike[str]) -> BenchResult:
    """Read a file of :func:`write_result`.

    Raises:
        SourceError: it is missing, or no such file.
    """
    remedy = "give a file written by img2imu bench --json"
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise SourceError(
            f"cannot read the result {path}: {getattr(error, 'strerror', None) or error}; check the "
            "path"
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise SourceError(
            f"{path} has more than {MAX_FILE_BYTES} bytes, expected a result of a benchmark: {remedy}"
        )
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path} is no JSON, expected a result of a benchmark: {remedy}"
        ) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise SourceError(
            f"{path} has schema {show(schema)}, expected {SCHEMA}: {remedy} of this version"
        )
    try:
        return from_json(BenchResult, document, "result")
    except JsonError as error:
        raise SourceError(f"in {path}, {error}: {remedy}") from error
