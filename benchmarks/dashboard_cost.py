"""What the dashboard costs: processor and memory of ``img2imu run`` with it and without, side by side.

Both processes recognise the same made stream at once, 60 samples and about 4 decisions a second,
for the same time on the same machine; a client takes everything that the dashboard sends. The
difference is what it costs.
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

RATE_HZ, DECISION_EVERY_SAMPLES = (
    60.0,
    16,
)  # 3.75 decisions a second; a hop is a multiple of the spectrograms' step
PORT = 8797


def worker(seconds: float, recording: str, port: int | None) -> None:
    """Recognise for so long; print processor seconds and memory of this process."""
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
        hop_samples=DECISION_EVERY_SAMPLES,
    )
    recognizer = Recognizer(contract, Model(file.tflite, contract))
    source = open_source(f"replay:{recording}?lead_s=5", contract.stream.channels)
    decisions = 0
    with ExitStack() as stack:
        dashboard = None
        if port is not None:
            from edge_runtime.pages.address import Address
            from edge_runtime.web.dashboard import Dashboard

            dashboard = stack.enter_context(
                Dashboard(recognizer, source, "made", Address("127.0.0.1", port))
            )
        started_s = begun_cpu_s = 0.0
        chunks = dashboard.source if dashboard else source
        for found in LiveLoop(chunks, recognizer, contract.stream.max_gap_s):
            for decision in found:
                decisions += 1
                if dashboard:
                    dashboard.write(decision)
            if not started_s:
                started_s, begun_cpu_s, decisions = time.monotonic(), time.process_time(), 0
            if time.monotonic() - started_s > seconds:
                break
        passed_s = time.monotonic() - started_s
        used = (time.process_time() - begun_cpu_s) / passed_s
    memory = read_memory()
    print(
        json.dumps(
            {
                "cpu": used,
                "decisions_per_s": decisions / passed_s,
                "memory_mb": memory.resident_mb,
                "peak_mb": memory.peak_mb,
            }
        )
    )


def made_recording(path: Path, seconds: float) -> Path:
    """The bundled recording's samples over and over, as if they had come at 60 a second."""
    bundled = read_recording(DEMO_RECORDING)
    samples = np.tile(bundled.samples, (int(seconds * RATE_HZ) // len(bundled.samples) + 2, 1))
    write_csv(path, Recording("made", np.arange(len(samples)) / RATE_HZ, samples, bundled.channels))
    return path


def listen(port: int, ended: threading.Event, taken: list[int]) -> None:
    """A client that takes everything."""
    import time

    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    while not ended.is_set():
        try:
            with connect(f"ws://127.0.0.1:{port}/live", proxy=None) as connection:
                for message in connection:
                    taken.append(len(message))
        except (OSError, ConnectionClosed):
            time.sleep(0.1)


def measure(
    seconds: float, recording: Path
) -> tuple[dict[str, float], dict[str, float], list[int]]:
    """Both processes at the same time: without, with, and the sizes of what was sent."""
    ended, taken = threading.Event(), list[int]()
    command = [sys.executable, __file__, "--worker", str(recording), "--seconds", str(seconds)]
    running = [
        subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True)
        for more in ([], ["--port", str(PORT)])
    ]
    threading.Thread(target=listen, args=(PORT, ended, taken), daemon=True).start()
    answers = [json.loads(process.communicate()[0]) for process in running]
    ended.set()
    return answers[0], answers[1], taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each draw (default: 30)")
    parser.add_argument("--draws", type=int, default=5, help="default: 5")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.seconds, arguments.worker, arguments.port)
        return
    cpu, memory = [], []
    with tempfile.TemporaryDirectory() as home:
        recording = made_recording(Path(home) / "made.csv", arguments.seconds + 10)
        for draw in range(arguments.draws):
            without, with_it, taken = measure(arguments.seconds, recording)
            cpu.append(100 * (with_it["cpu"] - without["cpu"]))
            memory.append(with_it["memory_mb"] - without["memory_mb"])
            print(
                f"draw {draw + 1}: {RATE_HZ:g} samples and {with_it['decisions_per_s']:.2f} decisions a second; "
                f"without {100 * without['cpu']:.2f} % of a core, {without['memory_mb']:.1f} MB; with "
                f"{100 * with_it['cpu']:.2f} %, {with_it['memory_mb']:.1f} MB; {len(taken)} messages, "
                f"{sum(taken) / 1e3 / arguments.seconds:.0f} kB/s",
                flush=True,
            )
    print(
        f"the dashboard costs {np.median(cpu):.2f} % of one core (lowest {min(cpu):.2f}, highest {max(cpu):.2f}) and "
        f"{np.median(memory):.1f} MB (lowest {min(memory):.1f}, highest {max(memory):.1f})"
    )


if __name__ == "__main__":
    main()
