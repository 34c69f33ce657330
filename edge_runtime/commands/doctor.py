"""``img2imu doctor``: look at a live source, and say what is wrong with it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import sys
import time
from typing import TYPE_CHECKING

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.commands.arguments import positive
from edge_runtime.commands.record import CHANNELS

if TYPE_CHECKING:
    from edge_runtime.sources.source import Source
    from edge_runtime.stream.diagnosis import Finding

MAX_BATCH_S = 2.0  # longest time between two messages of a phone
WAIT_S = 30.0  # for the first sample: a phone has to be set up
MAX_SAMPLES = 1_000_000
EXIT_BAD = 1
_positive = functools.partial(positive, limit=1e6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("model", nargs="?", help="model file (.tflite) that the source should fit")
    parser.add_argument(
        "--source", metavar="URI", required=True, help="where samples come from, as for img2imu run"
    )
    parser.add_argument(
        "--seconds",
        type=_positive,
        default=10.0,
        metavar="N",
        help="how long to look; let the sensor rest for a part of it (default: 10)",
    )
    parser.add_argument(
        "--channels",
        choices=CHANNELS,
        default="acc+gyro",
        help="channels to expect without a model (default: acc+gyro)",
    )
    parser.add_argument(
        "--rate-hz",
        type=_positive,
        default=50.0,
        metavar="HZ",
        help="rate to expect without a model (default: 50)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def main(arguments: argparse.Namespace) -> int:
    """Run the command; the exit code is 1 if something is bad."""
    from edge_runtime.contract.container import read_model
    from edge_runtime.contract.spec import StreamSpec
    from edge_runtime.sources import open_source
    from edge_runtime.stream.diagnosis import BAD, OK, WARNING, Finding, diagnose

    if arguments.model:
        spec = read_model(arguments.model).contract.stream
    else:
        spec = StreamSpec(CHANNELS[arguments.channels], arguments.rate_hz, "included")
    source = open_source(arguments.source, spec.channels, spec.rate_hz)
    source.notes.say = functools.partial(print, file=sys.stderr, flush=True)
    times_s, samples, silent_s = _collect(source, arguments.seconds)
    findings = diagnose(times_s, samples, spec)
    if silent_s > spec.max_gap_s + MAX_BATCH_S:
        findings.append(
            Finding(
                "silence",
                BAD,
                f"nothing came in the last {silent_s:.1f} s",
                "it stopped: check the sensor and its connection",
            )
        )
    if source.notes.counts:
        findings.append(
            Finding(
                "left out by the source",
                WARNING,
                source.notes.summary(),
                "see the source's messages above",
            )
        )
    verdicts = {finding.verdict for finding in findings}
    worst = next(verdict for verdict in (BAD, WARNING, OK) if verdict in verdicts)
    if arguments.json:
        document = {
            "source": arguments.source,
            "model": arguments.model,
            "samples": len(times_s),
            "verdict": worst,
            "findings": [dataclasses.asdict(finding) for finding in findings],
        }
        print(json.dumps(document, indent=1))
    else:
        _show(findings)
        conclusions = {
            BAD: "bad: a run would fail or mislead",
            WARNING: "usable, with warnings",
            OK: "all is well",
        }
        print(conclusions[worst])
    return EXIT_BAD if worst == BAD else 0


def _collect(source: Source, seconds: float) -> tuple[Float64Array, Float32Array, float]:
    """Collect what comes in some seconds after the first sample, on the sensor's clock or on ours.

    Ctrl-C ends it too.

    Returns:
        Timestamps (n,), samples (n, channels), and for how many seconds nothing came at the end.
    """
    import numpy as np

    print(
        f"looking for {seconds:g} s: let the sensor rest for a part of it",
        file=sys.stderr,
        flush=True,
    )
    times: list[Float64Array] = []
    samples: list[Float32Array] = []
    count = 0
    opened_s = time.monotonic()
    began_s = 0.0
    heard_s = 0.0
    now_s = 0.0
    with contextlib.suppress(KeyboardInterrupt):
        for chunk in source:
            now_s = time.monotonic()
            if not len(chunk.timestamps_s):
                patience_s = seconds if count else WAIT_S
                if now_s - (began_s or opened_s) > patience_s:
                    break
                continue
            began_s = began_s or now_s
            heard_s = now_s
            times.append(chunk.timestamps_s)
            samples.append(chunk.samples)
            count += len(chunk.timestamps_s)
            sensor_s = chunk.timestamps_s[-1] - times[0][0]
            if sensor_s >= seconds or now_s - began_s >= seconds or count >= MAX_SAMPLES:
                break
    if not times:
        return np.empty(0), np.empty((0, 1), np.float32), 0.0
    return np.concatenate(times), np.concatenate(samples), now_s - heard_s


def _show(findings: list[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:>7}  {finding.what:<{width}}  {finding.measured}")
        if finding.remedy:
            print(f"{'':>7}  {'':<{width}}  -> {finding.remedy}")
