"""Count the instructions of a decision; ``.ci/arm64/bench`` runs it in a virtual machine.

An instruction takes a nanosecond of virtual time there, so that the clock counts instructions. This
file imports only the runtime. ``python instructions_worker.py`` prints one JSON object:

- ``clock``: nanoseconds per instruction, from a loop of known length;
- ``front_end`` and ``inference``: instructions of these parts, medians over decisions of the
  bundled model;
- ``push``: instructions of all pushes of single samples from one decision to the next, with
  resampling, checks, smoothing and the two parts above.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import statistics
import struct
import time

from edge_runtime.bench.worker import Feeder
from edge_runtime.commands.run import DEMO_MODEL
from edge_runtime.recognizer import Recognizer

WARM_UP = 5
DECISIONS = 25
# subs x0, x0, #1; b.ne to the instruction before; ret: two instructions a turn
LOOP = struct.pack("<3I", 0xF1000400, 0x54FFFFE1, 0xD65F03C0)
TURNS = 2_000_000


def nanoseconds_per_instruction() -> float:
    """Time a loop in machine code; the result is 1 if the clock counts instructions."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(LOOP)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    loop = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(address)
    loop(1)
    began = time.perf_counter_ns()
    loop(TURNS)
    return (time.perf_counter_ns() - began) / (2 * TURNS)


def measure() -> dict[str, float]:
    """Push sample after sample and return the medians."""
    feeder = Feeder(Recognizer.load(DEMO_MODEL))
    contract = feeder.recognizer.contract
    feeder.push(contract.window_samples)
    counts: dict[str, list[float]] = {"front_end": [], "inference": [], "push": []}
    for turn in range(WARM_UP + DECISIONS):
        push = 0
        decisions = []
        while not decisions:
            began = time.perf_counter_ns()
            decisions = feeder.push(1)
            push += time.perf_counter_ns() - began
        latency = decisions[0].latency_us
        assert latency is not None
        if turn >= WARM_UP:
            counts["front_end"].append(latency.frontend * 1e3)
            counts["inference"].append(latency.inference * 1e3)
            counts["push"].append(push)
    return {name: statistics.median(values) for name, values in counts.items()}


if __name__ == "__main__":
    print(json.dumps({"clock": nanoseconds_per_instruction(), **measure()}), flush=True)
