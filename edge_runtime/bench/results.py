"""Results of ``img2imu bench``: their JSON file, tables, and what they mean in words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.contract.strict_json import JsonError, from_json, show, to_json
from edge_runtime.errors import SourceError
from edge_runtime.files import atomic_write
from edge_runtime.machine import MachineState, Memory

SCHEMA = 1
MAX_FILE_BYTES = 1 << 24  # a hundred models take less than a hundredth of it
# Other tasks per core. Above it, percentiles say as much about the other tasks as about the model.
BUSY_LOAD = 0.5
HOT_C = 80.0  # a Pi limits its clock a little at 80 degrees Celsius, and strictly at 85


@dataclass(frozen=True)
class Percentiles:
    """Percentiles of a time that was measured many times, microseconds."""

    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float

    @staticmethod
    def of(times_us: Sequence[float]) -> Percentiles:
        """Compute the percentiles of one or more times."""
        return Percentiles(*(float(p) for p in np.percentile(times_us, (50, 90, 99, 100))))


@dataclass(frozen=True)
class Start:
    """One start of a process.

    Attributes:
        process_ms: time until Python, numpy and LiteRT are loaded.
        load_ms: time to read and check the model file and to make the interpreter.
        first_inference_ms: time of the first inference, which is part of the first decision.
        first_decision_ms: time from the samples of the first whole window to its decision.
        total_ms: time from the start of the process to the first decision.
    """

    process_ms: float
    load_ms: float
    first_inference_ms: float
    first_decision_ms: float
    total_ms: float


@dataclass(frozen=True)
class Speed:
    """Decisions without pauses between them, each on the samples of one hop pushed at once.

    Attributes:
        threads: CPU threads used by the interpreter.
        decisions: number of decisions timed.
        late: number of decisions that took longer than a hop.
        front_end: time from samples to images and statistics.
        inference: time of the network.
        rest: time of resampling, window, smoothing and decision, that is, of everything else.
        total: time from samples to decision.
        cpu_us: processor time of all threads per decision.
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
class LiveCost:
    """Samples that come one by one at the contract's rate, as from a sensor.

    Attributes:
        seconds: length of the measurement.
        decisions: number of decisions.
        late: number of decisions that were made only after the next one was due.
        cpu_share: processor time divided by elapsed time; 1 is one core. Source and sink are not
            included.
        age: time from the moment the newest sample was due to the decision.
    """

    seconds: float
    decisions: int
    late: int
    cpu_share: float
    age: Percentiles


@dataclass(frozen=True)
class ModelResult:
    """The figures of one model; those not measured are empty or None.

    Attributes:
        file: name of the model file.
        name: name of the model, from its contract.
        channels: number of values in a sample.
        rate_hz: samples per second.
        hop_s: time between two decisions, seconds.
        size_bytes: size of the file.
        runtime: interpreter and version; empty if the model was never loaded.
        starts: starts of a process with one thread.
        speeds: one for each number of threads.
        live: live stream with one thread.
        memory: memory at the end of ``live``.
        failure: why not everything was measured.
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
    live: LiveCost | None = None
    memory: Memory | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Machine:
    """The machine and its software."""

    cpu: str
    cores: int
    system: str
    python: str
    numpy: str
    img2imu: str


@dataclass(frozen=True)
class BenchResult:
    """One run of the command.

    Attributes:
        schema: version of this document.
        created: date and time, ISO 8601.
        machine: the machine that was measured.
        before: its state before the first measurement.
        after: its state after the last measurement; None if the run was interrupted before.
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
        OutputError: the file cannot be written.
    """
    text = json.dumps(to_json(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_write(path) as file:
        file.write(text.encode())


def read_result(path: str | os.PathLike[str]) -> BenchResult:
    """Read a file of :func:`write_result`.

    Raises:
        SourceError: the file is missing, or holds something else.
    """
    remedy = "give a file written by img2imu bench --json"
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"cannot read the result {path}: {reason}; check the path") from error
    if len(content) > MAX_FILE_BYTES:
        raise SourceError(
            f"{path} has more than {MAX_FILE_BYTES} bytes, expected a result of a benchmark: "
            f"{remedy}"
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


def show_machine(machine: Machine, before: MachineState, after: MachineState | None) -> list[str]:
    """Return the machine, its state before and after, and what makes the figures doubtful."""
    cores = f"{machine.cores} core{'s' if machine.cores > 1 else ''}"
    lines = [
        f"{machine.cpu}, {cores}, {machine.system}; Python {machine.python}, numpy "
        f"{machine.numpy}, img2imu {machine.img2imu}",
        f"before  {_state_text(before)}",
    ]
    if after is not None:
        lines.append(f"after   {_state_text(after)}")
    return lines + [f"careful: {doubt}" for doubt in doubts(machine, before, after)]


def doubts(machine: Machine, before: MachineState, after: MachineState | None) -> Iterator[str]:
    """Yield why the machine could do better than the figures say, with remedies."""
    if before.load is not None and before.load > BUSY_LOAD * machine.cores:
        yield (
            f"the machine was busy before this began (load {before.load:.2f} on {machine.cores} "
            "cores), expected an idle one: end other work and run this again"
        )
    states = [before] if after is None else [before, after]
    held_back = {name for state in states for name in state.throttled_now or ()}
    held_back_since = set(states[-1].throttled_before or ()) - set(before.throttled_before or ())
    remedy = (
        "expected its full clock: use a stronger power supply against under-voltage, cool it "
        "against the rest"
    )
    if held_back:
        names = ", ".join(sorted(held_back))
        yield f"the processor was held back while this ran ({names}), {remedy}"
    elif held_back_since:
        names = ", ".join(sorted(held_back_since))
        yield f"the processor was held back for a moment while this ran ({names}), {remedy}"
    hottest_c = max((s.temperature_c for s in states if s.temperature_c is not None), default=None)
    if hottest_c is not None and hottest_c >= HOT_C:
        yield (
            f"the processor was at {hottest_c:.0f} °C, expected less than {HOT_C:.0f}: cool it and "
            "run this again"
        )


def show_model(result: ModelResult) -> list[str]:
    """Return a table of the figures of one model, then what they mean."""
    heading = (
        f"{result.file} ({result.name}): {result.channels} channels at {result.rate_hz:g} Hz, a "
        f"decision every {result.hop_s:g} s, {result.size_bytes / 1024:.0f} KiB"
    )
    lines = ["", f"{heading}, {result.runtime}" if result.runtime else heading]
    if result.starts:

        def median_ms(name: str) -> float:
            return float(np.median([getattr(start, name) for start in result.starts]))

        lines.append(
            f"  start to first decision {median_ms('total_ms'):.0f} ms: Python, numpy and LiteRT "
            f"{median_ms('process_ms'):.0f}, loading the model {median_ms('load_ms'):.1f}, first "
            f"decision {median_ms('first_decision_ms'):.1f} (network "
            f"{median_ms('first_inference_ms'):.1f}); median of {len(result.starts)} starts"
        )
    if result.speeds:
        lines += ["", f"  {'microseconds':<30}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}"]
        lines += _percentile_lines(result)
    return [*lines, "", *(f"  {sentence}" for sentence in explain(result))]


def explain(result: ModelResult) -> list[str]:
    """Return what the figures mean for somebody who wants to run the model here, in sentences."""
    sentences = []
    live = result.live
    if live is not None:
        models = int(1 / live.cpu_share) if live.cpu_share > 0 else 0
        room = "it fills that core"
        if models >= 2:
            room = f"about {models} such models would fit on it"
        sentences.append(
            f"Live it uses {100 * live.cpu_share:.2g} % of one core; {room}. "
            "Source and sink add to that."
        )
    sentences += _punctuality(result)
    if live is not None:
        sentences.append(
            f"A decision comes {live.age.p50_us / 1e3:.1f} ms after its newest sample, "
            f"{live.age.p99_us / 1e3:.1f} ms at the 99th percentile."
        )
    memory = result.memory
    if memory is not None and memory.resident_mb is not None:
        peak = "" if memory.peak_mb is None else f", {memory.peak_mb:.0f} MB at most"
        sentences.append(
            f"The process that runs it takes {memory.resident_mb:.0f} MB of memory{peak}."
        )
    if len(result.speeds) > 1:
        threads = min(result.speeds, key=lambda speed: speed.total.p50_us).threads
        are = "thread is" if threads == 1 else "threads are"
        sentences.append(f"{threads} {are} fastest at the median.")
    if result.failure is not None:
        sentences.append(f"Not everything was measured: {result.failure}")
    return sentences or ["Nothing was measured."]


def show_comparison(columns: Sequence[tuple[str, ModelResult]]) -> list[str]:
    """Return a table of models side by side; each ratio is to the first model.

    Args:
        columns: heading and model, two or more.
    """
    width = max(14, *(len(heading) + 2 for heading, _ in columns))
    headings = [f"{heading:>{width}}" for heading, _ in columns]
    lines = ["", f"{'':<30}{headings[0]}" + "".join(f"{text}   ratio" for text in headings[1:])]
    for row in zip(*(comparison_figures(result) for _, result in columns), strict=True):
        first = row[0]
        line = f"{first.name:<30}{first.text:>{width}}"
        for figure in row[1:]:
            line += f"{figure.text:>{width}}{_ratio(figure.value, first.value):>8}"
        lines.append(line)
    return lines


def show_files(names: tuple[str, str], results: tuple[BenchResult, BenchResult]) -> list[str]:
    """Return two result files side by side.

    Models are matched by file name. If each file has only one model, these two are matched.
    """
    a, b = results
    lines = []
    for heading, name, result in zip("AB", names, results, strict=True):
        lines.append(f"{heading}  {name}, {result.created}")
        machine_lines = show_machine(result.machine, result.before, result.after)
        lines += [f"   {line}" for line in machine_lines]
    if a.machine != b.machine:
        lines.append(
            "the machines or their software differ: the ratios show the difference of machine and "
            "model together"
        )
    if len(a.models) == len(b.models) == 1:
        pairs = [(a.models[0], b.models[0])]
    else:
        b_by_file = {model.file: model for model in b.models}
        pairs = [(model, b_by_file[model.file]) for model in a.models if model.file in b_by_file]
    for left, right in pairs:
        both = left.file if left.file == right.file else f"{left.file} and {right.file}"
        lines += ["", both, *show_comparison([("A", left), ("B", right)])[1:]]
    for heading, models in (("A", a.models), ("B", b.models)):
        alone = [m.file for m in models if all(m is not model for pair in pairs for model in pair)]
        if alone:
            lines.append(f"only in {heading}: {', '.join(alone)}")
    return lines


@dataclass(frozen=True)
class Figure:
    """One figure of a model in a comparison.

    Attributes:
        name: what was measured, with its unit.
        value: None if it was not measured.
        decimals: number of decimals shown.
    """

    name: str
    value: float | None
    decimals: int = 0

    @property
    def text(self) -> str:
        """The value as it is shown."""
        return "-" if self.value is None else f"{self.value:.{self.decimals}f}"


SPEED_FIGURES: tuple[tuple[str, Callable[[Speed], float]], ...] = (
    ("front end p50, us", lambda speed: speed.front_end.p50_us),
    ("inference p50, us", lambda speed: speed.inference.p50_us),
    ("one decision p50, us", lambda speed: speed.total.p50_us),
    ("one decision p90, us", lambda speed: speed.total.p90_us),
    ("one decision p99, us", lambda speed: speed.total.p99_us),
    ("one decision max, us", lambda speed: speed.total.max_us),
    ("processor time a decision, us", lambda speed: speed.cpu_us),
)


def comparison_figures(result: ModelResult) -> list[Figure]:
    """Return the figures of one model that are compared; every model has the same, in one order."""
    speed = result.speeds[0] if result.speeds else None
    live = result.live
    start_ms = None
    if result.starts:
        start_ms = float(np.median([start.total_ms for start in result.starts]))
    late = None
    if speed is not None and live is not None:
        late = float(speed.late + live.late)
    return [
        Figure("file, KiB", result.size_bytes / 1024),
        Figure("start to first decision, ms", start_ms),
        *(Figure(name, None if speed is None else value(speed)) for name, value in SPEED_FIGURES),
        Figure("late decisions", late),
        Figure("share of one core, %", None if live is None else 100 * live.cpu_share, 2),
        Figure("age of newest sample p50, us", None if live is None else live.age.p50_us),
        Figure(
            "resident memory, MB", None if result.memory is None else result.memory.resident_mb, 1
        ),
    ]


def _state_text(state: MachineState) -> str:
    parts = []
    if state.governor:
        parts.append(f"governor {state.governor}")
    if state.clock_mhz is not None and state.max_clock_mhz is not None:
        parts.append(f"{state.clock_mhz:.0f} of {state.max_clock_mhz:.0f} MHz")
    elif state.clock_mhz is not None:
        parts.append(f"{state.clock_mhz:.0f} MHz")
    if state.temperature_c is not None:
        parts.append(f"{state.temperature_c:.0f} °C")
    if state.throttled_now is not None:
        parts.append(f"throttling: {', '.join(state.throttled_now) or 'none'}")
    if state.load is not None:
        parts.append(f"load {state.load:.2f}")
    return ", ".join(parts) or "unknown"


def _percentile_lines(result: ModelResult) -> Iterator[str]:
    one, *more = result.speeds
    shown = [
        ("front end", one.front_end),
        ("inference", one.inference),
        ("resampling, smoothing", one.rest),
        ("one decision", one.total),
    ]
    if result.live is not None:
        shown.append(("live, age of newest sample", result.live.age))
    for speed in more:
        shown.append((f"inference, {speed.threads} threads", speed.inference))
        shown.append((f"one decision, {speed.threads} threads", speed.total))
    for name, p in shown:
        yield f"  {name:<30}{p.p50_us:>10.0f}{p.p90_us:>10.0f}{p.p99_us:>10.0f}{p.max_us:>10.0f}"


def _punctuality(result: ModelResult) -> Iterator[str]:
    """Yield whether decisions were late, with one thread."""
    timed: list[Speed | LiveCost] = list(result.speeds[:1])
    if result.live is not None:
        timed.append(result.live)
    if not timed:
        return
    decisions = sum(measurement.decisions for measurement in timed)
    late = sum(measurement.late for measurement in timed)
    hop = f"the {1e3 * result.hop_s:.0f} ms of a hop"
    if late:
        yield f"{late} of {decisions} decisions were late: they took longer than {hop}."
    elif result.speeds:
        slowest_ms = result.speeds[0].total.max_us / 1e3
        yield (
            f"All {decisions} decisions were in time: the slowest took {slowest_ms:.1f} ms "
            f"of {hop}."
        )
    else:
        yield f"All {decisions} decisions were in time, within {hop}."


def _ratio(value: float | None, first: float | None) -> str:
    return "-" if value is None or not first else f"x{value / first:.2f}"
