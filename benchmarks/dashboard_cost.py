"""Processor time and memory that the dashboard adds to ``img2imu run``.

Two processes, one with the dashboard and one without, recognise the same made stream at the same
time on the same machine: 60 samples and about 4 decisions a second. A client receives everything
that the dashboard sends. The cost is the difference of the two.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from edge_runtime.recordings import Recording, read_recording, write_csv

RATE_HZ = 60.0
HOP_SAMPLES = 16  # 3.75 decisions a second; a hop is a multiple of the spectrograms' step
PORT = 8797
RETRY_S = 0.1
SPARE_S = 10.0  # of the recording, after the measurement ends


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="length of each draw (default: 30)"
    )
    parser.add_argument("--draws", type=int, default=5, help="number of draws (default: 5)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    seconds: float = arguments.seconds
    if arguments.worker:
        run_worker(seconds, arguments.worker, arguments.port)
        return
    cpu_percent = []
    memory_mb = []
    with tempfile.TemporaryDirectory() as home:
        recording = Path(home) / "made.csv"
        write_made_recording(recording, seconds + SPARE_S)
        for draw in range(arguments.draws):
            without, with_dashboard, message_sizes = measure(seconds, recording)
            cpu_percent.append(100 * (with_dashboard["cpu"] - without["cpu"]))
            memory_mb.append(with_dashboard["memory_mb"] - without["memory_mb"])
            kilobytes_per_s = sum(message_sizes) / 1e3 / seconds
            print(
                f"draw {draw + 1}: {RATE_HZ:g} samples and "
                f"{with_dashboard['decisions_per_s']:.2f} decisions a second; without "
                f"{100 * without['cpu']:.2f} % of a core, {without['memory_mb']:.1f} MB; with "
                f"{100 * with_dashboard['cpu']:.2f} %, {with_dashboard['memory_mb']:.1f} MB; "
                f"{len(message_sizes)} messages, {kilobytes_per_s:.0f} kB/s",
                flush=True,
            )
    print(
        f"the dashboard costs {np.median(cpu_percent):.2f} % of one core (lowest "
        f"{min(cpu_percent):.2f}, highest {max(cpu_percent):.2f}) and {np.median(memory_mb):.1f} "
        f"MB (lowest {min(memory_mb):.1f}, highest {max(memory_mb):.1f})"
    )


def write_made_recording(path: Path, seconds: float) -> None:
    """Repeat the samples of the bundled recording, as if they had come at 60 a second."""
    bundled = read_recording(DEMO_RECORDING)
    samples = np.tile(bundled.samples, (int(seconds * RATE_HZ) // len(bundled.samples) + 2, 1))
    times_s = np.arange(len(samples)) / RATE_HZ
    write_csv(path, Recording("made", times_s, samples, bundled.channels))


def measure(
    seconds: float, recording: Path
) -> tuple[dict[str, float], dict[str, float], list[int]]:
    """Run both processes at the same time.

    Returns:
        What the process without the dashboard printed, what the one with it printed, and the sizes
        of the messages that the dashboard sent.
    """
    ended = threading.Event()
    message_sizes: list[int] = []
    command = [sys.executable, __file__, "--worker", str(recording), "--seconds", str(seconds)]
    processes = [
        subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        for options in ([], ["--port", str(PORT)])
    ]
    client = threading.Thread(target=receive, args=(PORT, ended, message_sizes), daemon=True)
    client.start()
    without, with_dashboard = (json.loads(process.communicate()[0]) for process in processes)
    ended.set()
    return without, with_dashboard, message_sizes


def receive(port: int, ended: threading.Event, message_sizes: list[int]) -> None:
    """Receive everything that the dashboard sends."""
    import time

    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    while not ended.is_set():
        try:
            with connect(f"ws://127.0.0.1:{port}/live", proxy=None) as connection:
                for message in connection:
                    message_sizes.append(len(message))
        except (OSError, ConnectionClosed):
            time.sleep(RETRY_S)


def run_worker(seconds: float, recording: str, port: int | None) -> None:
    """Recognise for a number of seconds; print processor time and memory of this process.

    Args:
        seconds: from the first chunk on.
        recording: path of the made recording.
        port: port of the dashboard; None runs without it.
    """
    import time
    from contextlib import ExitStack
    from dataclasses import replace

    from edge_runtime.contract.container import read_model
    from edge_runtime.live_loop import LiveLoop
    from edge_runtime.machine import read_memory
    from edge_runtime.network.interpreter import Model
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.sources import open_source

    file = read_model(DEMO_MODEL)
    contract = replace(
        file.contract,
        stream=replace(file.contract.stream, rate_hz=RATE_HZ),
        hop_samples=HOP_SAMPLES,
    )
    recognizer = Recognizer(contract, Model(file.tflite, contract))
    source = open_source(f"replay:{recording}?lead_s=5", contract.stream.channels)
    n_decisions = 0
    with ExitStack() as stack:
        dashboard = None
        if port is not None:
            from edge_runtime.pages.address import Address
            from edge_runtime.web.dashboard import Dashboard

            dashboard = stack.enter_context(
                Dashboard(recognizer, source, "made", Address("127.0.0.1", port))
            )
        started_s = 0.0
        started_cpu_s = 0.0
        chunks = dashboard.source if dashboard else source
        for decisions in LiveLoop(chunks, recognizer, contract.stream.max_gap_s):
            for decision in decisions:
                n_decisions += 1
                if dashboard:
                    dashboard.write(decision)
            if not started_s:
                started_s = time.monotonic()
                started_cpu_s = time.process_time()
                n_decisions = 0
            if time.monotonic() - started_s > seconds:
                break
        passed_s = time.monotonic() - started_s
        cpu = (time.process_time() - started_cpu_s) / passed_s
    memory = read_memory()
    print(
        json.dumps(
            {
                "cpu": cpu,
                "decisions_per_s": n_decisions / passed_s,
                "memory_mb": memory.resident_mb,
                "peak_mb": memory.peak_mb,
            }
        )
    )


if __name__ == "__main__":
    main()
