"""A whole day of samples at maximum speed through the bundled model: ``make day``.

Four million samples with everything that goes wrong on the way are recognised in a process of their
own, minute by minute. Does its memory stay flat, is every sample accounted for, is each decision
that of a batch computation, and does the last hour cost as much as the first?
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections import deque
from dataclasses import asdict, dataclass, field
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from day_long_batch import Batch
from day_long_source import BLOCK_S, blocks
from day_long_worker import Answer, work

from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from edge_runtime.contract.container import read_model
from edge_runtime.decision import Decision
from edge_runtime.machine import cpu_name, read_state
from edge_runtime.network.interpreter import Model
from edge_runtime.recordings import read_recording
from edge_runtime.stream.counts import StreamCounts
from img2imu.progress import track

MOST_GROWTH_MB = 2.0
WARM_UP_BLOCKS = 10  # not counted for memory: caches fill, the allocator finds its size
MOST_RISE = 0.1  # of the cost from the first hour to the last
PART_BLOCKS = 60  # an hour; of a shorter stream, a quarter


@dataclass
class Day:
    """What was seen.

    Attributes:
        cpu_ms: processor time per second of stream, of each minute.
        resident_mb: after each minute; empty where the system does not tell.
        decisions: how many fell.
        labels: how many of them gave a label.
        differing: how many are not those of the batch computation, the first of them in words, and
            the moments where one way has more decisions than the other.
        counts: at the end.
        expected: what the batch computation counted.
    """

    cpu_ms: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)
    decisions: int = 0
    labels: int = 0
    differing: int = 0
    first_difference: str = ""
    counts: StreamCounts = field(default_factory=StreamCounts)
    expected: StreamCounts = field(default_factory=StreamCounts)

    def add(self, answer: Answer) -> None:
        """Note what a minute cost."""
        self.cpu_ms.append(answer.cpu_s / BLOCK_S * 1e3)
        if answer.resident_mb is not None:
            self.resident_mb.append(answer.resident_mb)
        self.counts = answer.counts
        self.decisions += len(answer.decisions)
        self.labels += sum(decision.label is not None for decision in answer.decisions)

    def compare(self, streamed: deque[Decision], batch: deque[Decision]) -> None:
        """Take from both what has come in both."""
        while streamed and batch:
            one, other = streamed.popleft(), batch.popleft()
            if one != other:
                self.differing += 1
                self.first_difference = self.first_difference or f"{one} instead of {other}"


def main() -> int:
    """Measure, print the marks, and write ``OUT/day.json`` and ``day.png``; 1 when a mark was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="of stream; default: 24")
    parser.add_argument("--out", type=Path, default=Path("out/day"))
    arguments = parser.parse_args()
    minutes = round(arguments.hours * 3600 / BLOCK_S)
    if not 1 <= minutes <= 1e6:
        parser.error(f"--hours is {arguments.hours:g}, expected at least a minute, 0.017")
    arguments.out.mkdir(parents=True, exist_ok=True)

    before = read_state()
    day = measure(minutes)
    marks = verdicts(day)
    print(
        f"{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, "
        f"ai-edge-litert {metadata.version('ai-edge-litert')}; load before {before.load}\n"
        f"{minutes * BLOCK_S / 3600:g} hours of stream: {day.counts.summary()}; {day.decisions} decisions, "
        f"{day.labels} labels; {np.median(day.cpu_ms):.2f} ms of processor time per second of stream at the median\n"
    )
    print(
        "\n".join(
            f"- {name}: {words}: {'reached' if reached else 'MISSED'}"
            for name, reached, words in marks
        )
    )
    (arguments.out / "day.json").write_text(
        json.dumps(
            {
                **asdict(day),
                "marks": [
                    {"name": name, "reached": ok, "found": found} for name, ok, found in marks
                ],
            },
            indent=1,
        )
    )
    draw(day, arguments.out / "day.png")
    print(f"wrote {arguments.out}/day.json and .png", file=sys.stderr)
    return 0 if all(reached for _, reached, _ in marks) else 1


def measure(minutes: int) -> Day:
    """Let another process recognise the stream, while this one computes its decisions in batches."""
    file, day = read_model(DEMO_MODEL), Day()
    recording = read_recording(DEMO_RECORDING)
    batch = Batch(file.contract, Model(file.tflite, file.contract))
    streamed, computed = deque[Decision](), deque[Decision]()
    context = get_context("spawn")
    worker, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, DEMO_MODEL), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed here
    try:
        for block in track(
            blocks(recording.samples, file.contract.stream.rate_hz, minutes), "minutes", minutes
        ):
            worker.send(block)
            computed += batch.take(block)
            answer: Answer = worker.recv()
            day.add(answer)
            streamed += answer.decisions
            day.compare(streamed, computed)
        worker.send(None)
        answer = worker.recv()
    except EOFError as error:
        raise SystemExit(
            "the process that recognises ended too early: its reason stands above"
        ) from error
    day.counts = answer.counts
    day.decisions += len(answer.decisions)
    streamed += answer.decisions
    computed += batch.finish()
    day.compare(streamed, computed)
    day.differing += len(streamed) + len(computed)
    day.expected = batch.expected
    process.join()
    return day


def verdicts(day: Day) -> list[tuple[str, bool, str]]:
    """Each mark: its name, whether it was reached, and what was found."""
    counts, expected, marks = day.counts, day.expected, []
    memory = day.resident_mb[min(WARM_UP_BLOCKS, len(day.resident_mb) // 2) :]
    if memory:
        growth = max(memory) - min(memory)
        marks.append(
            (
                "memory",
                growth <= MOST_GROWTH_MB,
                f"{min(memory):.1f} to {max(memory):.1f} MB resident, wanted "
                f"within {MOST_GROWTH_MB:g} MB",
            )
        )
    closed = (
        counts.received
        == counts.used + counts.waiting + counts.late + counts.duplicate + counts.refused
    )
    wrong = [
        f"{name} {getattr(counts, name)} instead of {value}"
        for name, value in asdict(expected).items()
        if getattr(counts, name) != value
    ]
    marks.append(
        (
            "every sample accounted for",
            closed and not wrong,
            "; ".join(wrong)
            or (
                f"{counts.received} received = {counts.used} used + {counts.late} late + "
                f"{counts.duplicate} duplicate + {counts.waiting + counts.refused} others, as counted apart"
            ),
        )
    )
    marks.append(
        (
            "decisions as computed in batches",
            day.differing == 0 and day.decisions > 0,
            f"{day.differing} of {day.decisions} differ"
            + (f", first {day.first_difference}" if day.first_difference else ""),
        )
    )
    first, last = costs(day)
    marks.append(
        (
            "cost constant",
            last <= first * (1 + MOST_RISE),
            f"{first:.2f} ms of processor time per second of "
            f"stream in the first hour or quarter, {last:.2f} in the last (cheapest tenth of minutes), wanted at "
            f"most {MOST_RISE:.0%} more",
        )
    )
    return marks


def costs(day: Day) -> tuple[float, float]:
    """Of the first and the last hour, or quarter: the tenth percentile of minutes, since other work disturbs."""
    part = max(1, min(PART_BLOCKS, len(day.cpu_ms) // 4))
    first, last = (
        float(np.percentile(piece, 10)) for piece in (day.cpu_ms[:part], day.cpu_ms[-part:])
    )
    return first, last


def draw(day: Day, path: Path) -> None:
    """Memory and cost over the hours."""
    from matplotlib.figure import Figure

    hours = (np.arange(len(day.cpu_ms)) + 1) * BLOCK_S / 3600
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    if day.resident_mb:
        above.plot(hours, day.resident_mb, color="black")
        middle = (min(day.resident_mb) + max(day.resident_mb)) / 2
        above.set_ylim(middle - 5, middle + 5)
    above.set_ylabel("resident memory (MB)")
    below.plot(hours, day.cpu_ms, ".", markersize=3, color="C0", label="each minute")
    window = min(PART_BLOCKS, len(hours))
    least = [np.percentile(day.cpu_ms[i : i + window], 10) for i in range(0, len(hours), window)]
    below.step(
        [*hours[::window], hours[-1]],
        [*least, least[-1]],
        where="post",
        color="black",
        label="least tenth of an hour",
    )
    below.set_ylim(0, 2 * float(np.median(day.cpu_ms)))
    below.set_ylabel("processor time per second\nof stream (ms)")
    below.set_xlabel("hours of stream")
    below.legend(loc="lower right", frameon=False)
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
