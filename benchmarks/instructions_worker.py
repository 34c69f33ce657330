"""What a decision costs in instructions; ``.ci/arm64/bench`` runs it in a virtual machine that counts them.

There an instruction takes a nanosecond of virtual time, so the clock is the counter. ``python
instructions_worker.py`` prints one JSON object: ``clock``, nanoseconds per instruction of a loop
whose instructions are known, and the medians over decisions of the bundled model: ``front_end``,
``inference``, and ``push``, all pushes of single samples from one decision to the next, with
resampling, checks, smoothing and the two just named.
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

WARM_UP, DECISIONS = 5, 25
# subs x0, x0, #1; b.ne to the one before; ret: two instructions a turn
LOOP = struct.pack("<3I", 0xF1000400, 0x54FFFFE1, 0xD65F03C0)
TURNS = 2_000_000


def nanoseconds_per_instruction() -> float:
    """Time a loop in machine code; 1 where instructions are counted."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(LOOP)
    loop = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(
        ctypes.addressof(ctypes.c_char.from_buffer(memory))
    )
    loop(1)
    began = time.perf_counter_ns()
    loop(TURNS)
    return (time.perf_counter_ns() - began) / (2 * TURNS)


def measure() -> dict[str, float]:
    """Push sample after sample; see the module."""
    feeder = Feeder(Recognizer.load(DEMO_MODEL))
    contract = feeder.recognizer.contract
    feeder.push(contract.window_samples)
    found: dict[str, list[float]] = {"front_end": [], "inference": [], "push": []}
    for turn in range(WARM_UP + DECISIONS):
        pushed = 0
        decisions = []
        while not decisions:
            began = time.perf_counter_ns()
            decisions = feeder.push(1)
            pushed += time.perf_counter_ns() - began
        latency = decisions[0].latency_us
        assert latency is not None
        if turn >= WARM_UP:
            found["front_end"].append(latency.frontend * 1e3)
            found["inference"].append(latency.inference * 1e3)
            found["push"].append(pushed)
    return {name: statistics.median(values) for name, values in found.items()}


if __name__ == "__main__":
    print(json.dumps({"clock": nanoseconds_per_instruction(), **measure()}), flush=True)
