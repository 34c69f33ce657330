"""The figures that the README quotes: ``make figures``.

Every draw chooses other test people and other labelled windows, trains, exports, and replays the
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
from img2imu.markdown import markdown_table
from img2imu.progress import track

STARTS = 9


def main() -> None:
    """Measure, print a Markdown table, and write ``OUT/foundation.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10, help="number of draws (default: 10)")
    parser.add_argument(
        "--windows-per-class",
        type=int,
        default=10,
        metavar="K",
        help="labelled windows per class (default: 10)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/figures"),
        help="directory of results (default: out/figures)",
    )
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    reports = []
    for seed in track(range(arguments.draws), "draws", arguments.draws):
        with tempfile.TemporaryDirectory() as directory:
            report = run_demo(
                Path(directory), seed, arguments.windows_per_class, show_progress=False
            )
        reports.append(report)
        print(
            f"draw {seed}: people {', '.join(report.test_people)}, macro-F1 {report.macro_f1:.3f} "
            f"(float {report.macro_f1_float:.3f})",
            file=sys.stderr,
            flush=True,
        )
    process = [start_process() for _ in range(STARTS)]
    figures = compute_figures(reports, process)
    machine = f"{cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("ai-edge-litert", "numpy", "torch")
    )
    print(
        f"\n{machine}; {versions}; {arguments.draws} draws, {arguments.windows_per_class} windows "
        f"per class, {reports[0].n_test_people} test people\n"
    )
    print(markdown_table(["figure", "value"], figures.items()))
    content = {
        "machine": machine,
        "versions": versions,
        "figures": figures,
        "draws": [vars(report) for report in reports],
        "process": process,
    }
    (out / "foundation.json").write_text(json.dumps(content, indent=1))


def compute_figures(reports: list[DemoReport], process: list[dict[str, float]]) -> dict[str, str]:
    """Return the rows of the README's table.

    Args:
        reports: one for each draw.
        process: what :func:`start_process` returned.
    """
    f1 = np.array([report.macro_f1 for report in reports])
    f1_float = np.array([report.macro_f1_float for report in reports])
    f1_live = np.mean([report.macro_f1_decisions for report in reports])
    agreement = np.mean([report.float_int8_agreement for report in reports])
    people = len({person for report in reports for person in report.test_people})
    figures = {
        "macro-F1 on people never seen, int8": (
            f"{f1.mean():.3f} (lowest draw {f1.min():.3f}, highest {f1.max():.3f}; {people} "
            "different people)"
        ),
        "the same before quantisation": (
            f"{f1_float.mean():.3f}; mean absolute difference {np.abs(f1 - f1_float).mean():.3f}"
        ),
        "every decision as shown live": f"{f1_live:.3f}",
        "int8 and float name the same class": f"{agreement:.1%} of windows",
        "model file": f"{max(report.model_bytes for report in reports) / 1024:.0f} KiB",
    }
    for stage in reports[0].latency_us:
        medians_us = [
            float(np.median([report.latency_us[stage][p] for report in reports]))
            for p in ("p50", "p95", "p99")
        ]
        latency = " / ".join(f"{us / 1e3:.2f}" for us in medians_us)
        figures[f"latency of a decision, {stage} (p50 / p95 / p99)"] = f"{latency} ms"
    train_s = np.median([report.train_seconds for report in reports])
    export_s = np.median([report.export_seconds for report in reports])
    peak_mb = np.median([start["peak_mb"] for start in process])
    first_decision_s = np.median([start["first_decision_s"] for start in process])
    figures["learning"] = f"{train_s:.1f} s"
    figures["export"] = f"{export_s:.1f} s"
    figures["runtime process: memory at its peak"] = f"{peak_mb:.0f} MB"
    figures["runtime process: start to first decision"] = f"{first_decision_s:.2f} s"
    return figures


def start_process() -> dict[str, float]:
    """Start ``img2imu run`` on the bundled recording.

    Returns:
        Seconds to its first decision, and its peak memory in MB.
    """
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
        first_decision_s = 0.0
        peak_mb = 0.0
        for _ in process.stdout:
            first_decision_s = first_decision_s or time.perf_counter() - started
            peak_mb = read_memory(process.pid).peak_mb or peak_mb
    if process.returncode:
        raise SystemExit(f"img2imu run failed with exit code {process.returncode}")
    return {"first_decision_s": first_decision_s, "peak_mb": peak_mb}


if __name__ == "__main__":
    main()
