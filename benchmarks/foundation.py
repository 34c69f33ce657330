"""The figures that the README quotes: ``make figures``.

Every draw chooses other test people and other labelled windows, learns, exports, and replays the
test people's recordings sample by sample through the live path. Start-up and memory are those of a
separate ``img2imu run`` process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from edge_runtime.machine import cpu_name, read_memory
from export.watch_demo import DemoReport, run_demo
from img2imu.progress import track

STARTS = 9


def main() -> None:
    """Measure, print a Markdown table, and write ``OUT/foundation.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10, help="default: 10")
    parser.add_argument(
        "--windows-per-class", type=int, default=10, metavar="K", help="default: 10"
    )
    parser.add_argument("--out", type=Path, default=Path("out/figures"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    reports = []
    for seed in track(range(arguments.draws), "draws", arguments.draws):
        with tempfile.TemporaryDirectory() as directory:
            reports.append(
                run_demo(Path(directory), seed, arguments.windows_per_class, show_progress=False)
            )
        print(
            f"draw {seed}: people {', '.join(reports[-1].test_people)}, macro-F1 {reports[-1].macro_f1:.3f} "
            f"(float {reports[-1].macro_f1_float:.3f})",
            file=sys.stderr,
            flush=True,
        )
    process = [start_process() for _ in range(STARTS)]
    rows = table(reports, process)
    machine = f"{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("ai-edge-litert", "numpy", "torch")
    )
    print(
        f"\n{machine}; {versions}; {arguments.draws} draws, {arguments.windows_per_class} windows per class, "
        f"{reports[0].n_test_people} test people\n\n| figure | value |\n|---|---|"
    )
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    (arguments.out / "foundation.json").write_text(
        json.dumps(
            {
                "machine": machine,
                "versions": versions,
                "figures": rows,
                "draws": [vars(r) for r in reports],
                "process": process,
            },
            indent=1,
        )
    )


def table(reports: list[DemoReport], process: list[dict[str, float]]) -> dict[str, str]:
    """What the README's table says."""
    f1, f1_float = (
        np.array([getattr(r, key) for r in reports]) for key in ("macro_f1", "macro_f1_float")
    )
    latency = {
        stage: [
            float(np.median([r.latency_us[stage][p] for r in reports]))
            for p in ("p50", "p95", "p99")
        ]
        for stage in reports[0].latency_us
    }
    people = len({person for r in reports for person in r.test_people})
    return {
        "macro-F1 on people never seen, int8": f"{f1.mean():.3f} (lowest draw {f1.min():.3f}, highest {f1.max():.3f}; "
        f"{people} different people)",
        "the same before quantisation": f"{f1_float.mean():.3f}; mean absolute difference "
        f"{np.abs(f1 - f1_float).mean():.3f}",
        "every decision as shown live": f"{np.mean([r.macro_f1_decisions for r in reports]):.3f}",
        "int8 and float name the same class": f"{np.mean([r.float_int8_agreement for r in reports]):.1%} of windows",
        "model file": f"{max(r.model_bytes for r in reports) / 1024:.0f} KiB",
        **{
            f"latency of a decision, {stage} (p50 / p95 / p99)": " / ".join(
                f"{v / 1e3:.2f}" for v in values
            )
            + " ms"
            for stage, values in latency.items()
        },
        "learning": f"{np.median([r.train_seconds for r in reports]):.1f} s",
        "export": f"{np.median([r.export_seconds for r in reports]):.1f} s",
        "runtime process: memory at its peak": f"{np.median([p['peak_mb'] for p in process]):.0f} MB",
        "runtime process: start to first decision": f"{np.median([p['first_decision_s'] for p in process]):.2f} s",
    }


def start_process() -> dict[str, float]:
    """Start ``img2imu run`` on the bundled recording; time to its first decision, and its peak memory."""
    command = [
        sys.executable,
        "-m",
        "img2imu",
        "run",
        str(DEMO_MODEL),
        "--source",
        f"replay:{DEMO_RECORDING}?speed=max",
        "--sink",
        "jsonl:-",
    ]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        first_decision_s, peak_mb = 0.0, 0.0
        for _ in process.stdout:
            first_decision_s = first_decision_s or time.perf_counter() - started
            peak_mb = read_memory(process.pid).peak_mb or peak_mb
    if process.returncode:
        raise SystemExit(f"img2imu run failed with exit code {process.returncode}")
    return {"first_decision_s": first_decision_s, "peak_mb": peak_mb}


if __name__ == "__main__":
    main()
