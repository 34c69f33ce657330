"""Measuring models, each in processes of its own."""

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

from edge_runtime.bench.results import Live, ModelResult, Speed, Start
from edge_runtime.contract.container import ModelFile
from edge_runtime.contract.strict_json import from_json
from edge_runtime.errors import UserError
from edge_runtime.machine import Memory

STARTS = 5


class WorkerError(UserError):
    """A process that measures ended badly, or says why it cannot."""


def describe(path: Path, file: ModelFile) -> ModelResult:
    """A result in which nothing is measured yet."""
    contract = file.contract
    return ModelResult(
        path.name,
        contract.name,
        len(contract.stream.channels),
        contract.stream.rate_hz,
        contract.hop_s,
        path.stat().st_size,
    )


def measure(
    path: Path, result: ModelResult, threads: int, seconds: float, say: Callable[[str], None]
) -> Iterator[ModelResult]:
    """Measure a model; gives the result anew whenever something is added to it.

    Args:
        path: model file.
        result: of :func:`describe`.
        threads: the network is measured with 1 to so many.
        seconds: length of each measurement.
        say: told what is being done.

    Raises:
        WorkerError: the model cannot be measured.
    """
    say(f"{result.file}: starting it {STARTS} times")
    for _ in range(STARTS):
        for found in _work(path, 1, 0, 0):
            result = _add(result, found)
            yield result
    for number in range(1, threads + 1):
        live_s = seconds if number == 1 else 0.0
        say(
            f"{result.file}: {number} thread{'s' if number > 1 else ''}, decisions one after the other "
            f"(up to {seconds:g} s){f', then live for {seconds:g} s' if live_s else ''}"
        )
        for found in _work(path, number, seconds, live_s):
            if "start" not in found:  # those were counted above, with one thread
                result = _add(result, found)
                yield result


def _add(result: ModelResult, found: dict[str, Any]) -> ModelResult:
    if "start" in found:
        start = from_json(Start, found["start"], "start")
        return replace(result, starts=(*result.starts, start), runtime=str(found["runtime"]))
    if "speed" in found:
        return replace(result, speeds=(*result.speeds, from_json(Speed, found["speed"], "speed")))
    return replace(
        result,
        live=from_json(Live, found["live"], "live"),
        memory=from_json(Memory, found["memory"], "memory"),
    )


def _work(path: Path, threads: int, speed_s: float, live_s: float) -> Iterator[dict[str, Any]]:
    """What a worker prints, line by line."""
    root = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }
    # -P: whatever lies in the current directory is not imported
    command = [
        sys.executable,
        "-P",
        "-m",
        "edge_runtime.bench.worker",
        str(path),
        str(threads),
        str(speed_s),
        str(live_s),
    ]
    with tempfile.TemporaryFile() as complaints:
        # a session of its own: Ctrl-C is for this process, which then ends the other without a word
        # from it
        process = subprocess.Popen(
            [*command, repr(time.monotonic())],
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                found = json.loads(line)
                if "error" in found:
                    raise WorkerError(found["error"])
                yield found
            code = process.wait()
        finally:
            process.kill()
            process.communicate()
        if code:
            complaints.seek(0)
            reason = (
                complaints.read().decode(errors="replace").strip().splitlines()
                or ["no reason given"]
            )[-1]
            raise WorkerError(
                f"the process that measures {path.name} ended with exit code {code} ({reason[:200]}), "
                "expected it to finish: free some memory, then try again; a model that does so every "
                "time should be exported again"
            )
