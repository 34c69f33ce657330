"""What came out of ``benchmarks/alternatives.py``: a table, the figures that were wanted, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

OURS, PAPER = "ours", "paper, PyTorch"
DECISIONS_PER_S = 4  # that the share of a core is for
# what was wanted of ours
MOST_MS, LEAST_RATIO, MOST_SHARE_PERCENT, MOST_MB = 1.0, 30.0, 0.6, 60.0


@dataclass(frozen=True)
class Measured:
    """One way.

    Attributes:
        start_s: from the start of a process to its first decision, median of the starts.
        p50_ms: of a decision, from its newest sample on.
        p99_ms: likewise.
        fastest_ms: the fastest of all.
        cpu_ms: processor time of a decision, median.
        fastest_cpu_ms: the least of all.
        share_percent: of one core at so many decisions per second, with all samples between them;
            of the medians.
        least_share_percent: the same of the least times: what an undisturbed machine would come
            near.
        resident_mb: memory at the end, None where the system does not tell.
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
class Missing:
    """A way whose module is not installed."""

    module: str


Found = dict[str, Measured | Missing]


def summarise(
    starts_s: Sequence[float], turns: Sequence[dict[str, Any]], rate_hz: float
) -> Measured:
    """Everything that a way's processes said, about a stream of so many samples per second."""
    times_ms, decide_ms, add_ms = (
        np.concatenate([turn[key] for turn in turns]) / 1e3
        for key in ("times_us", "decide_cpu_us", "add_cpu_us")
    )
    p50, p99 = np.percentile(times_ms, (50, 99))

    def share_percent(decide: float, add: float) -> float:
        return (DECISIONS_PER_S * decide + (rate_hz - DECISIONS_PER_S) * add) / 10

    return Measured(
        float(np.median(starts_s)),
        float(p50),
        float(p99),
        float(times_ms.min()),
        float(np.median(decide_ms)),
        float(decide_ms.min()),
        share_percent(float(np.median(decide_ms)), float(np.median(add_ms))),
        share_percent(float(decide_ms.min()), float(add_ms.min())),
        turns[-1]["resident_mb"],
    )


def table(found: Found) -> str:
    """Markdown, a row for each way; ratios are to ours."""
    lines = [
        "| way | one decision p50 / p99 / fastest, ms | p50 to ours | processor time of a decision p50 / "
        f"least, ms | to ours | share of a core at {DECISIONS_PER_S} decisions per second, p50 / least "
        "| memory, MB | start to first decision, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ours = found[OURS]
    assert isinstance(ours, Measured)
    for way, m in found.items():
        if isinstance(m, Missing):
            lines.append(
                f"| {way} | not measured: the Python package '{m.module}' is not installed | | | | | | |"
            )
            continue
        memory = "-" if m.resident_mb is None else f"{m.resident_mb:.0f}"
        lines.append(
            f"| {way} | {m.p50_ms:.2f} / {m.p99_ms:.2f} / {m.fastest_ms:.2f} | x{m.p50_ms / ours.p50_ms:.1f} "
            f"| {m.cpu_ms:.2f} / {m.fastest_cpu_ms:.2f} | x{m.cpu_ms / ours.cpu_ms:.1f} "
            f"| {m.share_percent:.2f} / {m.least_share_percent:.2f} % | {memory} | {m.start_s:.2f} |"
        )
    return "\n".join(lines) + "\n"


def verdicts(found: Found) -> list[str]:
    """Each figure that was wanted of ours, what was found, and whether that is enough."""
    ours, paper = found[OURS], found[PAPER]
    assert isinstance(ours, Measured)
    lines = [
        _verdict(
            "one decision at p50",
            ours.p50_ms,
            "ms",
            MOST_MS,
            f"processor time {ours.cpu_ms:.2f} ms, fastest decision {ours.fastest_ms:.2f} ms",
        ),
        _verdict(
            f"share of a core at {DECISIONS_PER_S} decisions per second",
            ours.share_percent,
            "%",
            MOST_SHARE_PERCENT,
            f"least {ours.least_share_percent:.2f} %",
        ),
    ]
    if ours.resident_mb is not None:
        lines.append(_verdict("resident memory", ours.resident_mb, "MB", MOST_MB, ""))
    if isinstance(paper, Measured):
        ratio = (
            paper.cpu_ms / ours.cpu_ms
        )  # on a busy machine a long computation waits more often than a short one
        lines.append(
            f"- times less processor time than the paper's way: {ratio:.1f}, wanted at least {LEAST_RATIO:g}: "
            f"{'reached' if ratio >= LEAST_RATIO else 'MISSED'} (least by least "
            f"{paper.fastest_cpu_ms / ours.fastest_cpu_ms:.1f}, of the times at the median "
            f"{paper.p50_ms / ours.p50_ms:.1f})"
        )
    return lines


def _verdict(name: str, value: float, unit: str, most: float, beside: str) -> str:
    return (
        f"- {name}: {value:.2f} {unit}, wanted at most {most:g} {unit}: {'reached' if value <= most else 'MISSED'}"
        + (f" ({beside})" if beside else "")
    )


def draw(found: Found, path: Path) -> None:
    """Points on logarithmic scales: processor time, share of a core, memory, start-up; farther left is better."""
    from matplotlib.figure import Figure

    measured = {way: m for way, m in found.items() if isinstance(m, Measured)}
    panels = (
        ("processor time of a\ndecision, p50 (ms)", [m.cpu_ms for m in measured.values()]),
        (
            f"share of a core at\n{DECISIONS_PER_S} decisions per second (%)",
            [m.share_percent for m in measured.values()],
        ),
        ("resident memory (MB)", [m.resident_mb or np.nan for m in measured.values()]),
        ("start to first decision (s)", [m.start_s for m in measured.values()]),
    )
    figure = Figure(figsize=(12, 1 + 0.45 * len(measured)), layout="constrained")
    for axes, (title, values) in zip(
        figure.subplots(1, len(panels), sharey=True), panels, strict=True
    ):
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
