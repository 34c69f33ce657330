"""A whole day of samples at maximum speed through the bundled model: ``make day``.

Four million samples with the faults of a real stream are recognised in a separate process, minute
by minute. The benchmark checks that its memory stays flat, that every sample is accounted for, that
each decision equals that of a batch computation, and that the last hour costs as much as the first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import Contract
from edge_runtime.decision import Decision, Smoother
from edge_runtime.frontend import FrontEnd
from edge_runtime.machine import cpu_name, read_memory, read_state
from edge_runtime.network.interpreter import Model
from edge_runtime.recognizer import Recognizer
from edge_runtime.recordings import read_recording
from edge_runtime.stream.checks import has_holes
from edge_runtime.stream.counts import StreamCounts
from edge_runtime.stream.order import RESTART_S
from edge_runtime.stream.resampler import LinearResampler
from img2imu.progress import track

# The stream
BLOCK_S = 60.0
LOST_SHARE = 0.003
LATE_SHARE = 0.002
REPEATED_SHARE = 0.002
MAX_OVERTAKEN = 6  # samples that overtake a late one
SHORT_PAUSES = 0.5  # share of blocks; the radio of a phone
SHORT_PAUSE_S = (0.1, 0.4)  # the contract bridges 0.5 s
LONG_PAUSES = 0.1  # share of blocks; a person out of reach of the phone
LONG_PAUSE_S = (0.6, 20.0)
SET_BACK_EVERY_S = 6 * 3600.0
SET_BACK_S = 3600.0
DRIFT = 50e-6  # of a cheap crystal
JITTER = 0.2  # of the time between two samples
NOISE = 0.02  # m/s^2 or rad/s
BURST_SHARE = 0.05  # of the calls
BURST_SAMPLES = (2, 40)

# The marks
MAX_GROWTH_MB = 2.0
WARM_UP_BLOCKS = 10  # not counted for memory: caches fill, and the allocator finds its size
MAX_RISE = 0.1  # of the cost from the first hour to the last
PART_BLOCKS = 60  # an hour; a quarter of a shorter stream


def main() -> int:
    """Measure, print the marks, and write ``OUT/day.json`` and ``day.png``.

    Returns:
        1 if a mark is missed, else 0.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="hours of stream (default: 24)")
    parser.add_argument(
        "--out", type=Path, default=Path("out/day"), help="directory of results (default: out/day)"
    )
    arguments = parser.parse_args()
    out: Path = arguments.out
    minutes = round(arguments.hours * 3600 / BLOCK_S)
    if not 1 <= minutes <= 1e6:
        parser.error(f"--hours is {arguments.hours:g}, expected at least a minute, 0.017")
    out.mkdir(parents=True, exist_ok=True)

    load = read_state().load
    day = measure(minutes)
    marks = check(day)
    print(
        f"{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy "
        f"{np.__version__}, ai-edge-litert {metadata.version('ai-edge-litert')}; load before {load}"
        f"\n{minutes * BLOCK_S / 3600:g} hours of stream: {day.counts.summary()}; {day.decisions} "
        f"decisions, {day.labels} labels; {np.median(day.cpu_ms):.2f} ms of processor time per "
        "second of stream at the median\n"
    )
    for mark in marks:
        print(f"- {mark.name}: {mark.found}: {'reached' if mark.reached else 'MISSED'}")
    document = {**asdict(day), "marks": [asdict(mark) for mark in marks]}
    (out / "day.json").write_text(json.dumps(document, indent=1))
    plot_day(day, out / "day.png")
    print(f"wrote {out}/day.json and .png", file=sys.stderr)
    return 0 if all(mark.reached for mark in marks) else 1


@dataclass
class Day:
    """Measurements of a day.

    Attributes:
        cpu_ms: processor time per second of stream, of each minute.
        resident_mb: memory after each minute; empty if the system does not report it.
        decisions: number of decisions.
        labels: number of decisions with a label.
        differing: number of decisions that differ from the batch computation, and of decisions that
            one of the two has and the other has not.
        first_difference: human-readable description of the first that differs.
        counts: counts of the recogniser at the end.
        expected: counts of the batch computation.
    """

    cpu_ms: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)
    decisions: int = 0
    labels: int = 0
    differing: int = 0
    first_difference: str = ""
    counts: StreamCounts = field(default_factory=StreamCounts)
    expected: StreamCounts = field(default_factory=StreamCounts)

    def add_minute(self, result: BlockResult) -> None:
        """Add the cost and the decisions of a minute."""
        self.cpu_ms.append(result.cpu_s / BLOCK_S * 1e3)
        if result.resident_mb is not None:
            self.resident_mb.append(result.resident_mb)
        self.counts = result.counts
        self.decisions += len(result.decisions)
        self.labels += sum(decision.label is not None for decision in result.decisions)

    def compare(self, streamed: deque[Decision], batch: deque[Decision]) -> None:
        """Compare decisions in order, and remove those that both queues have."""
        while streamed and batch:
            one = streamed.popleft()
            other = batch.popleft()
            if one != other:
                self.differing += 1
                self.first_difference = self.first_difference or f"{one} instead of {other}"


def measure(minutes: int) -> Day:
    """Let another process recognise the stream, while this one computes it in batches."""
    file = read_model(DEMO_MODEL)
    recording = read_recording(DEMO_RECORDING)
    batch = BatchRecognizer(file.contract, Model(file.tflite, file.contract))
    day = Day()
    streamed = deque[Decision]()
    computed = deque[Decision]()
    context = get_context("spawn")
    connection, worker_connection = context.Pipe()
    process = context.Process(target=recognise, args=(worker_connection, DEMO_MODEL), daemon=True)
    process.start()
    worker_connection.close()  # so that the end of the worker raises EOFError here
    try:
        for block in track(
            blocks(recording.samples, file.contract.stream.rate_hz, minutes), "minutes", minutes
        ):
            connection.send(block)
            computed += batch.recognise(block)
            result: BlockResult = connection.recv()
            day.add_minute(result)
            streamed += result.decisions
            day.compare(streamed, computed)
        connection.send(None)
        result = connection.recv()
    except EOFError as error:
        raise SystemExit("the recognising process ended too early: see its error above") from error
    day.counts = result.counts
    day.decisions += len(result.decisions)
    streamed += result.decisions
    computed += batch.finish()
    day.compare(streamed, computed)
    day.differing += len(streamed) + len(computed)
    day.expected = batch.expected
    process.join()
    return day


# ---- the stream: jitter, drift, lost, late and repeated samples, pauses, and a clock set back


@dataclass(frozen=True)
class Block:
    """A minute of samples in the order in which they arrive.

    Attributes:
        times_s: (n,) on the sensor's clock.
        values: (n, channels) float32.
        cuts: index of the first sample of each call but the first. Most calls have a single sample,
            some have a burst.
    """

    times_s: Float64Array
    values: Float32Array
    cuts: npt.NDArray[np.intp]


def blocks(motion: Float32Array, rate_hz: float, n: int) -> Iterator[Block]:
    """Yield the first ``n`` minutes of the stream, always the same.

    Args:
        motion: (samples, channels) in SI units; it is repeated without end, each time with new
            noise.
        rate_hz: samples per second of the sensor.
        n: number of blocks.
    """
    generator = np.random.default_rng(0)
    size = round(BLOCK_S * rate_hz)
    for i in range(n):
        index = np.arange(i * size, (i + 1) * size)
        back_s = SET_BACK_S * (i * BLOCK_S // SET_BACK_EVERY_S)
        jitter = generator.uniform(-JITTER, JITTER, size)
        times = (index + jitter) / (rate_hz * (1 + DRIFT)) - back_s
        values = motion[index % len(motion)] + generator.normal(0, NOISE, (size, motion.shape[1]))
        order = np.flatnonzero(
            (generator.random(size) >= LOST_SHARE) & ~_pauses(size, rate_hz, generator)
        )
        late = np.flatnonzero(generator.random(len(order)) < LATE_SHARE)
        rank = np.arange(len(order), dtype=float)
        rank[late] += generator.integers(1, MAX_OVERTAKEN + 1, len(late)) + 0.5
        order = order[np.argsort(rank)]
        repeated = np.flatnonzero(generator.random(len(order)) < REPEATED_SHARE)
        order = np.insert(order, repeated + 1, order[repeated])
        is_burst = generator.random(len(order)) < BURST_SHARE
        cuts = np.cumsum(np.where(is_burst, generator.integers(*BURST_SAMPLES, len(order)), 1))
        yield Block(times[order], values[order].astype(np.float32), cuts[cuts < len(order)])


def _pauses(size: int, rate_hz: float, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which samples of a block never arrive: (size,)."""
    paused = np.zeros(size, bool)
    for share, (min_s, max_s) in ((SHORT_PAUSES, SHORT_PAUSE_S), (LONG_PAUSES, LONG_PAUSE_S)):
        if generator.random() < share:
            begin = generator.integers(size)
            paused[begin : begin + round(generator.uniform(min_s, max_s) * rate_hz)] = True
    return paused


# ---- the process that recognises


@dataclass(frozen=True)
class BlockResult:
    """Decisions and cost of a block.

    Attributes:
        decisions: all of them, gaps and warming up included.
        cpu_s: processor time.
        resident_mb: memory afterwards, None if the system does not report it.
        counts: counts of the whole stream so far.
    """

    decisions: list[Decision]
    cpu_s: float
    resident_mb: float | None
    counts: StreamCounts


def recognise(parent: Connection, model: Path) -> None:
    """Answer each block with a :class:`BlockResult`.

    None ends the stream and is answered with the last result. This process is measured: it holds
    what a device would.
    """
    recognizer = Recognizer.load(model)
    running = True
    while running:
        block: Block | None = parent.recv()
        running = block is not None
        began = time.process_time()
        decisions = recognizer.flush() if block is None else _push_block(recognizer, block)
        cpu_s = time.process_time() - began
        # Latencies and counts of single decisions are not used, and need not be sent.
        decisions = [replace(decision, latency_us=None, counts=None) for decision in decisions]
        parent.send(BlockResult(decisions, cpu_s, read_memory().resident_mb, recognizer.counts))


def _push_block(recognizer: Recognizer, block: Block) -> list[Decision]:
    decisions: list[Decision] = []
    begin = 0
    for end in (*block.cuts.tolist(), len(block.times_s)):
        decisions += recognizer.push(block.times_s[begin:end], block.values[begin:end])
        begin = end
    return decisions


# ---- the batch computation


class BatchRecognizer:
    """Recognises a stream in batches: cut at its gaps, each piece resampled whole, then windowed.

    No result of one window is used for the next, except by the smoothing.

    Args:
        contract: contract of the model.
        model: the network.
    """

    def __init__(self, contract: Contract, model: Model) -> None:
        self._contract = contract
        self._model = model
        self._front_end = FrontEnd.of(contract)
        self._times: list[float] = []
        self._rows: list[np.ndarray] = []
        self.expected = StreamCounts()  # what the counts of the recogniser should be

    def recognise(self, block: Block) -> list[Decision]:
        """Return the decisions of pieces that end in a block, and of the gaps after them."""
        decisions: list[Decision] = []
        self.expected.received += len(block.times_s)
        max_gap_s = self._contract.stream.max_gap_s
        for time_s, row in zip(block.times_s.tolist(), block.values, strict=True):
            newest_s = self._times[-1] if self._times else -np.inf
            is_new_piece = not newest_s - RESTART_S <= time_s <= newest_s + max_gap_s
            if self._times and is_new_piece:
                decisions += [*self.finish(), Decision.gap(time_s), Decision.warming_up(time_s)]
                self.expected.gaps += 1
            elif time_s == newest_s:
                self.expected.duplicate += 1
                continue
            elif time_s < newest_s:
                self.expected.late += 1
                continue
            self._times.append(time_s)
            self._rows.append(row)
        return decisions

    def finish(self) -> list[Decision]:
        """End the present piece and return its decisions."""
        contract = self._contract
        n = contract.window_samples
        resampler = LinearResampler(contract.stream.rate_hz, len(contract.stream.channels))
        piece = resampler.resample(np.array(self._times), np.array(self._rows, np.float32))
        self.expected.used += len(self._times)
        self.expected.interpolated += piece.interpolated
        self._times = []
        self._rows = []
        smoother = Smoother(contract.decision, contract.labels)
        decisions: list[Decision] = []
        for end in range(n, len(piece.times_s) + 1, contract.hop_samples):
            time_s = float(piece.times_s[end - 1])
            if has_holes(piece.received[end - n : end], contract.stream):
                smoother.reset()
                decisions.append(Decision.gap(time_s))
                continue
            features = self._front_end.compute(piece.samples[end - n : end])
            decisions.append(smoother.decide(time_s, self._model.infer(features)[0]))
        return decisions


# ---- the marks


@dataclass(frozen=True)
class Mark:
    """A target of the benchmark.

    Attributes:
        name: name of the target.
        reached: whether it was reached.
        found: human-readable description of what was measured.
    """

    name: str
    reached: bool
    found: str


def check(day: Day) -> list[Mark]:
    """Return all marks; memory is left out if the system does not report it."""
    marks = [_samples_mark(day), _decisions_mark(day), _cost_mark(day)]
    if day.resident_mb:
        marks.insert(0, _memory_mark(day))
    return marks


def _memory_mark(day: Day) -> Mark:
    memory = day.resident_mb[min(WARM_UP_BLOCKS, len(day.resident_mb) // 2) :]
    return Mark(
        "memory",
        max(memory) - min(memory) <= MAX_GROWTH_MB,
        f"{min(memory):.1f} to {max(memory):.1f} MB resident, wanted within {MAX_GROWTH_MB:g} MB",
    )


def _samples_mark(day: Day) -> Mark:
    counts = day.counts
    accounted = counts.used + counts.waiting + counts.late + counts.duplicate + counts.refused
    wrong = [
        f"{name} {getattr(counts, name)} instead of {value}"
        for name, value in asdict(day.expected).items()
        if getattr(counts, name) != value
    ]
    measured = (
        f"{counts.received} received = {counts.used} used + {counts.late} late + "
        f"{counts.duplicate} duplicate + {counts.waiting + counts.refused} others, as in batches"
    )
    if wrong:
        measured = "; ".join(wrong)
    return Mark("every sample accounted for", counts.received == accounted and not wrong, measured)


def _decisions_mark(day: Day) -> Mark:
    measured = f"{day.differing} of {day.decisions} differ"
    if day.first_difference:
        measured += f", first {day.first_difference}"
    return Mark(
        "decisions as computed in batches", day.differing == 0 and day.decisions > 0, measured
    )


def _cost_mark(day: Day) -> Mark:
    """Compare the cheapest tenth of minutes, since other processes disturb the rest."""
    part = max(1, min(PART_BLOCKS, len(day.cpu_ms) // 4))
    first = float(np.percentile(day.cpu_ms[:part], 10))
    last = float(np.percentile(day.cpu_ms[-part:], 10))
    return Mark(
        "cost constant",
        last <= first * (1 + MAX_RISE),
        f"{first:.2f} ms of processor time per second of stream in the first hour or quarter, "
        f"{last:.2f} in the last (cheapest tenth of minutes), wanted at most {MAX_RISE:.0%} more",
    )


def plot_day(day: Day, path: Path) -> None:
    """Plot memory and cost over the hours."""
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
    cheapest = [np.percentile(day.cpu_ms[i : i + window], 10) for i in range(0, len(hours), window)]
    below.step(
        [*hours[::window], hours[-1]],
        [*cheapest, cheapest[-1]],
        where="post",
        color="black",
        label="cheapest tenth of an hour",
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
