"""Tables of a benchmark for people, and what they mean in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.bench.results import BenchResult, Machine, ModelResult, Percentiles
from edge_runtime.machine import MachineState

BUSY_LOAD = (
    0.5  # tasks besides this one, per core: from there on percentiles are theirs as much as ours
)
HOT_C = 80.0  # a Pi caps its clock softly at 80 degrees Celsius and hard at 85


@dataclass(frozen=True)
class Row:
    """One line of a comparison.

    Attributes:
        name: what is measured, with its unit.
        value: of one model, None when it was not measured.
        decimals: that are shown.
    """

    name: str
    value: float | None
    decimals: int = 0


def show_model(result: ModelResult) -> list[str]:
    """Everything about one model, then in words."""
    size_kib = result.size_bytes / 1024
    lines = [
        "",
        f"{result.file} ({result.name}): {result.channels} channels at {result.rate_hz:g} Hz, a decision "
        f"every {result.hop_s:g} s, {size_kib:.0f} KiB{f', {result.runtime}' if result.runtime else ''}",
    ]
    if result.starts:
        values = [
            np.median([getattr(s, key) for s in result.starts])
            for key in (
                "total_ms",
                "process_ms",
                "load_ms",
                "first_decision_ms",
                "first_inference_ms",
            )
        ]
        lines.append(
            "  start to first decision {:.0f} ms: Python, numpy and LiteRT {:.0f}, loading the model {:.1f}, "
            "first decision {:.1f} (network {:.1f}); median of {} starts".format(
                *values, len(result.starts)
            )
        )
    if result.speeds:
        lines += [
            "",
            f"  {'microseconds':<30}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}",
            *_percentiles(result),
        ]
    return [*lines, "", *(f"  {line}" for line in in_words(result))]


def _percentiles(result: ModelResult) -> Iterator[str]:
    one, *more = result.speeds
    shown: list[tuple[str, Percentiles]] = [
        ("front end", one.front_end),
        ("inference", one.inference),
        ("resampling, smoothing", one.rest),
        ("one decision", one.total),
    ]
    if result.live is not None:
        shown.append(("live, age of newest sample", result.live.age))
    for speed in more:
        shown += [
            (f"inference, {speed.threads} threads", speed.inference),
            (f"one decision, {speed.threads} threads", speed.total),
        ]
    for name, p in shown:
        yield f"  {name:<30}{p.p50_us:>10.0f}{p.p90_us:>10.0f}{p.p99_us:>10.0f}{p.max_us:>10.0f}"


def in_words(result: ModelResult) -> list[str]:
    """What it means for somebody who wants to run the model here."""
    lines = []
    live = result.live
    if live is not None:
        fit = int(1 / live.cpu_share) if live.cpu_share > 0 else 0
        many = f"about {fit} such models would fit on it" if fit >= 2 else "it fills that core"
        lines.append(
            f"Live it uses {100 * live.cpu_share:.2g} % of one core; {many}. Source and sink come on top."
        )
    timed = [(live.decisions, live.late)] if live is not None else []
    timed += [(speed.decisions, speed.late) for speed in result.speeds[:1]]
    if timed:
        decisions, late = (sum(column) for column in zip(*timed, strict=True))
        slowest_ms = max(s.total.max_us for s in result.speeds[:1]) / 1e3
        lines.append(
            f"{late} of {decisions} decisions came later than the {1e3 * result.hop_s:.0f} ms between two."
            if late
            else f"Every one of {decisions} decisions was in time: the slowest took "
            f"{slowest_ms:.1f} ms of the {1e3 * result.hop_s:.0f} ms between two."
        )
    if live is not None:
        lines.append(
            f"A decision is there {live.age.p50_us / 1e3:.1f} ms after its newest sample, "
            f"{live.age.p99_us / 1e3:.1f} ms at the 99th percentile."
        )
    if result.memory is not None and result.memory.resident_mb is not None:
        lines.append(
            f"The process that runs it holds {result.memory.resident_mb:.0f} MB of memory"
            + (
                f", {result.memory.peak_mb:.0f} MB at most."
                if result.memory.peak_mb is not None
                else "."
            )
        )
    if len(result.speeds) > 1:
        best = min(result.speeds, key=lambda speed: speed.total.p50_us)
        lines.append(
            f"{best.threads} thread{' is' if best.threads == 1 else 's are'} fastest at the median."
        )
    if result.failure is not None:
        lines.append(f"Not measured to the end: {result.failure}")
    return lines or ["Nothing was measured."]


def show_machine(machine: Machine, before: MachineState, after: MachineState | None) -> list[str]:
    """The machine, its state before and after, and a warning for each thing that makes figures doubtful."""
    lines = [
        f"{machine.cpu}, {machine.cores} core{'s' if machine.cores > 1 else ''}, {machine.system}; Python "
        f"{machine.python}, numpy {machine.numpy}, img2imu {machine.img2imu}",
        f"before  {_state(before)}",
    ]
    if after is not None:
        lines.append(f"after   {_state(after)}")
    return lines + [f"careful: {sentence}" for sentence in doubts(machine, before, after)]


def _state(state: MachineState) -> str:
    clock = None if state.clock_mhz is None else f"{state.clock_mhz:.0f}"
    if clock and state.max_clock_mhz is not None:
        clock += f" of {state.max_clock_mhz:.0f}"
    parts = [
        f"governor {state.governor}" if state.governor else None,
        f"{clock} MHz" if clock else None,
        f"{state.temperature_c:.0f} °C" if state.temperature_c is not None else None,
        None
        if state.throttled_now is None
        else f"throttling: {', '.join(state.throttled_now) or 'none'}",
        f"load {state.load:.2f}" if state.load is not None else None,
    ]
    return ", ".join(part for part in parts if part) or "the system does not tell"


def doubts(machine: Machine, before: MachineState, after: MachineState | None) -> Iterator[str]:
    """Why figures may be worse than the machine can do, and the remedy."""
    if before.load is not None and before.load > BUSY_LOAD * machine.cores:
        yield (
            f"the machine was busy before this began (load {before.load:.2f} on {machine.cores} cores), expected an "
            "idle one: end other work and run this again"
        )
    states = [before] if after is None else [before, after]
    now = sorted({name for state in states for name in state.throttled_now or ()})
    new = sorted(set(states[-1].throttled_before or ()) - set(before.throttled_before or ()))
    if now:
        yield (
            f"the processor was held back while this ran ({', '.join(now)}), expected its full clock: use a "
            "stronger power supply against under-voltage, cool it against the rest"
        )
    elif new:
        yield (
            f"the processor was held back for a moment while this ran ({', '.join(new)}), expected its full clock: "
            "use a stronger power supply against under-voltage, cool it against the rest"
        )
    hottest = max((s.temperature_c for s in states if s.temperature_c is not None), default=None)
    if hottest is not None and hottest >= HOT_C:
        yield f"the processor was at {hottest:.0f} °C, expected less than {HOT_C:.0f}: cool it and run this again"


def rows(result: ModelResult) -> list[Row]:
    """The figures of one model that are compared with another's; the same names in the same order for all."""
    live, memory = result.live, result.memory
    start_ms = float(np.median([s.total_ms for s in result.starts])) if result.starts else None
    found = [
        Row("file, KiB", result.size_bytes / 1024),
        Row("start to first decision, ms", start_ms),
    ]
    one = result.speeds[0] if result.speeds else None
    names = (
        "front end p50, us",
        "inference p50, us",
        "one decision p50, us",
        "one decision p90, us",
        "one decision p99, us",
        "one decision max, us",
        "processor time a decision, us",
    )
    values = (
        (None,) * len(names)
        if one is None
        else (
            one.front_end.p50_us,
            one.inference.p50_us,
            one.total.p50_us,
            one.total.p90_us,
            one.total.p99_us,
            one.total.max_us,
            one.cpu_us,
        )
    )
    found += [Row(name, value) for name, value in zip(names, values, strict=True)]
    return [
        *found,
        Row("late decisions", None if one is None or live is None else float(one.late + live.late)),
        Row("share of one core, %", None if live is None else 100 * live.cpu_share, 2),
        Row("age of newest sample p50, us", None if live is None else live.age.p50_us),
        Row("resident memory, MB", None if memory is None else memory.resident_mb, 1),
    ]


def show_comparison(columns: Sequence[tuple[str, ModelResult]]) -> list[str]:
    """Models side by side; each ratio is to the first.

    Args:
        columns: heading and model, two or more.
    """
    table = [rows(result) for _, result in columns]
    width = max(14, *(len(heading) + 2 for heading, _ in columns))
    lines = [
        "",
        f"{'':<30}"
        + "".join(
            f"{heading:>{width}}{'' if i == 0 else '   ratio':8}"
            for i, (heading, _) in enumerate(columns)
        ).rstrip(),
    ]
    for same in zip(*table, strict=True):
        first = same[0].value
        text = f"{same[0].name:<30}"
        for i, row in enumerate(same):
            text += f"{'-' if row.value is None else f'{row.value:.{row.decimals}f}':>{width}}"
            text += "" if i == 0 else f"{_ratio(row.value, first):>8}"
        lines.append(text.rstrip())
    return lines


def _ratio(value: float | None, first: float | None) -> str:
    return "-" if value is None or not first else f"x{value / first:.2f}"


def show_files(names: tuple[str, str], results: tuple[BenchResult, BenchResult]) -> list[str]:
    """Two result files side by side; models are matched by file name, or each file's only model with the other's."""
    a, b = results
    lines = []
    for heading, result in zip("AB", results, strict=True):
        lines += [
            f"{heading}  {names['AB'.index(heading)]}, {result.created}",
            *(f"   {line}" for line in show_machine(result.machine, result.before, result.after)),
        ]
    if a.machine != b.machine:
        lines.append("the machines or their software differ: ratios are of both, machine and model")
    if len(a.models) == len(b.models) == 1:
        pairs = [(a.models[0], b.models[0])]
    else:
        others = {model.file: model for model in b.models}
        pairs = [(model, others[model.file]) for model in a.models if model.file in others]
    for left, right in pairs:
        both = left.file if left.file == right.file else f"{left.file} and {right.file}"
        lines += ["", f"{both}", *show_comparison([("A", left), ("B", right)])[1:]]
    for heading, mine in (("A", a.models), ("B", b.models)):
        alone = [m.file for m in mine if all(m is not model for pair in pairs for model in pair)]
        if alone:
            lines.append(f"only in {heading}: {', '.join(alone)}")
    return lines
