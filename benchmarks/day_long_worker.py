"""The process that is watched while it recognises for a day: it holds what a device would, and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from day_long_source import Block

from edge_runtime.decision import Decision
from edge_runtime.machine import read_memory
from edge_runtime.recognizer import Recognizer
from edge_runtime.stream.counts import StreamCounts


@dataclass(frozen=True)
class Answer:
    """What came of a block.

    Attributes:
        decisions: all of them, gaps and warming up included.
        cpu_s: processor time.
        resident_mb: memory held afterwards, None where the system does not tell.
        counts: of the whole stream so far.
    """

    decisions: list[Decision]
    cpu_s: float
    resident_mb: float | None
    counts: StreamCounts


def work(parent: Connection, model: Path) -> None:
    """Answer each block, and None, which ends the stream."""
    recognizer = Recognizer.load(model)
    running = True
    while running:
        block: Block | None = parent.recv()
        running = block is not None
        began = time.process_time()
        decisions = recognizer.flush() if block is None else _push(recognizer, block)
        cpu_s = time.process_time() - began
        # nobody needs the latencies and counts of each, which would have to be sent
        decisions = [replace(decision, latency_us=None, counts=None) for decision in decisions]
        parent.send(Answer(decisions, cpu_s, read_memory().resident_mb, recognizer.counts))


def _push(recognizer: Recognizer, block: Block) -> list[Decision]:
    decisions: list[Decision] = []
    begin = 0
    for end in (*block.cuts.tolist(), len(block.times_s)):
        decisions += recognizer.push(block.times_s[begin:end], block.values[begin:end])
        begin = end
    return decisions
