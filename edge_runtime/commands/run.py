"""``img2imu run``: recognise a live or recorded stream."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import add_setting_arguments, apply_settings
from edge_runtime.web import options as web

if TYPE_CHECKING:
    from edge_runtime.commands.termination import Termination
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.sinks.sink import Sink
    from edge_runtime.sources.source import Source

DATA = Path(__file__).parent.parent / "data"
DEMO_MODEL, DEMO_RECORDING = DATA / "demo.tflite", DATA / "demo.npz"
MAX_LATENCIES = 10_000  # the newest are kept: a stream may run for months
# The bundled recording holds 10 s of each: abduction, internal rotation, row.
DEMO_EXERCISES = ("ABD", "IR", "ROW")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", nargs="?", help="model file, written by img2imu export (.tflite)")
    parser.add_argument(
        "--source",
        metavar="URI",
        help="where samples come from: FILE, serial:/dev/ttyACM0, iio:, i2c:SENSOR, phone:8443, "
        "http:8000, mqtt:BROKER, phyphox:PHONE, ws:PHONE, ble:BOARD; see docs/sources.md",
    )
    parser.add_argument(
        "--sink",
        metavar="URI",
        action="append",
        help="where decisions go: console: (default), jsonl:FILE, csv:FILE, mqtt:BROKER; - as FILE "
        "is standard output; can be repeated",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="CPU threads used by the network (default: 1)",
    )
    add_setting_arguments(parser)
    web.add_arguments(parser)
    parser.add_argument(
        "--demo", action="store_true", help="recognise the bundled recording with the bundled model"
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    import numpy as np

    from edge_runtime.commands.termination import Termination
    from edge_runtime.contract.container import read_model
    from edge_runtime.errors import UserError
    from edge_runtime.network.interpreter import Model
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.sinks import open_sink
    from edge_runtime.sources import open_source

    model, source_uri = _model_and_source(arguments)
    file = read_model(model)
    contract = apply_settings(file.contract, arguments)
    recognizer = Recognizer(
        contract,
        Model.of(file, arguments.threads),
        hold_s=arguments.hold_s,
        polyphase=arguments.resample == "polyphase",
    )
    _say(_description(recognizer))
    source = open_source(source_uri, contract.stream.channels, contract.stream.rate_hz)
    try:
        with Termination() as termination, ExitStack() as stack:
            sinks = [
                stack.enter_context(open_sink(uri, contract))
                for uri in arguments.sink or ["console:"]
            ]
            for notes in (source.notes, *(sink.notes for sink in sinks)):
                if notes is not None:
                    notes.say = _say_between_views(sinks)
            if dashboard := web.open_dashboard(arguments, recognizer, source, source_uri):
                sinks.append(stack.enter_context(dashboard))
                source = dashboard.source
            n_windows, totals_us = _recognise(recognizer, source, sinks, termination)
    finally:  # also after Ctrl-C, and when a service manager ends the command
        if recognizer.counts.received:
            _say(recognizer.counts.summary())
        if source.notes.counts:
            _say(f"not used: {source.notes.summary()}")
    if n_windows:
        median_us, p95_us = np.percentile(totals_us, (50, 95))
        _say(
            f"{n_windows} decisions, {median_us:.0f} us each at the median, {p95_us:.0f} us at the "
            "95th percentile"
        )
    elif not termination.requested:
        raise UserError(
            f"the stream ended when the window of {contract.window_s:g} s was "
            f"{recognizer.fill:.0%} full, expected at least one whole window without a gap: give a "
            "longer recording"
        )
    return 0


def _model_and_source(arguments: argparse.Namespace) -> tuple[str | Path, str]:
    """Return the model file and the source's URI: those named, or the demo's."""
    from edge_runtime.errors import UserError

    model = arguments.model
    source_uri = arguments.source
    if arguments.demo:
        model = model or DEMO_MODEL
        if source_uri is None:
            source_uri = f"replay:{DEMO_RECORDING}?lead_s=5"
            _say(
                "someone unknown to the bundled model does three shoulder exercises of 10 s each: "
                f"{', '.join(DEMO_EXERCISES)}"
            )
    if model is None or source_uri is None:
        raise UserError(
            "a model and a source are needed, expected img2imu run MODEL.tflite --source FILE: "
            "name both, or try img2imu run --demo"
        )
    return model, source_uri


def _description(recognizer: Recognizer) -> str:
    contract = recognizer.contract
    model = recognizer.model
    n_classes = len(contract.labels)
    return (
        f"{contract.name}: {n_classes} class{'' if n_classes == 1 else 'es'}, "
        f"{len(contract.stream.channels)} channels at {contract.stream.rate_hz:g} Hz, a decision "
        f"every {contract.hop_s:g} s; {model.runtime}, {model.threads} "
        f"thread{'' if model.threads == 1 else 's'}"
    )


def _recognise(
    recognizer: Recognizer, source: Source, sinks: list[Sink], termination: Termination
) -> tuple[int, deque[float]]:
    """Pass the source's samples through the recogniser and its decisions to the sinks.

    Returns:
        The number of windows that were decided on, and the total latencies of the newest, us.
    """
    from edge_runtime.live_loop import LiveLoop

    n_windows = 0
    totals_us = deque[float](maxlen=MAX_LATENCIES)
    loop = LiveLoop(
        source,
        recognizer,
        recognizer.contract.stream.max_gap_s,
        should_stop=lambda: termination.requested,
    )
    for decisions in loop:
        for decision in decisions:
            if decision.latency_us is not None:
                n_windows += 1
                totals_us.append(decision.latency_us.total)
            for sink in sinks:
                sink.write(decision)
    return n_windows, totals_us


def _say_between_views(sinks: list[Sink]) -> Callable[[str], None]:
    """Return a callback that prints a line on standard error below the console's view."""
    from edge_runtime.sinks.console import ConsoleSink

    def say(text: str) -> None:
        for sink in sinks:
            if isinstance(sink, ConsoleSink):
                sink.close()  # leaves the view where it is; the next one is drawn below
        _say(text)

    return say


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
