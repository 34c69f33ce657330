"""``img2imu run``: recognise a live or recorded stream."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import add_setting_arguments, apply_settings
from edge_runtime.web import options as web

if TYPE_CHECKING:
    from edge_runtime.commands.termination import Termination
    from edge_runtime.decision import Decision
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.sinks.sink import Sink
    from edge_runtime.sources.source import Source

DATA = Path(__file__).parent.parent / "data"
DEMO_MODEL, DEMO_RECORDING = DATA / "demo.tflite", DATA / "demo.npz"
LATENCIES_KEPT = 10_000  # the newest: a stream may run for months
DEMO_EXERCISES = (
    "ABD",
    "IR",
    "ROW",
)  # abduction, internal rotation, row: what the recording holds, 10 s each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("model", nargs="?", help="model file, written by img2imu export (.tflite)")
    parser.add_argument(
        "--source",
        metavar="URI",
        help="where samples come from: FILE, serial:/dev/ttyACM0, "
        "iio:, i2c:SENSOR, phone:8443, http:8000, mqtt:BROKER, phyphox:PHONE, ws:PHONE, ble:BOARD; "
        "docs/sources.md has them all",
    )
    parser.add_argument(
        "--sink",
        metavar="URI",
        action="append",
        help="where decisions go: console: (default), "
        "jsonl:FILE, csv:FILE, mqtt:BROKER; - as FILE is standard output; can be given more than once",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="CPU threads of the network (default: 1)",
    )
    add_setting_arguments(parser)
    web.add_arguments(parser)
    parser.add_argument(
        "--demo", action="store_true", help="recognise the bundled recording with the bundled model"
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    import numpy as np

    from edge_runtime.commands.termination import Termination
    from edge_runtime.contract.container import read_model
    from edge_runtime.errors import UserError
    from edge_runtime.network.interpreter import Model
    from edge_runtime.recognizer import Recognizer
    from edge_runtime.sinks import open_sink
    from edge_runtime.sources import open_source

    model, source_uri = _named(arguments)
    file = read_model(model)
    contract = apply_settings(file.contract, arguments)
    recognizer = Recognizer(
        contract,
        Model.of(file, arguments.threads),
        arguments.hold_s,
        arguments.resample == "polyphase",
    )
    _say(_described(recognizer))
    source = open_source(source_uri, contract.stream.channels, contract.stream.rate_hz)
    try:
        with Termination() as termination, ExitStack() as stack:
            sinks = [
                stack.enter_context(open_sink(uri, contract))
                for uri in arguments.sink or ["console:"]
            ]
            source.notes.say = _between_views(sinks)
            if dashboard := web.open_dashboard(arguments, recognizer, source, source_uri):
                sinks.append(stack.enter_context(dashboard))
                source = dashboard.source
            count, totals_us = _stream(recognizer, source, sinks, termination)
    finally:  # a live stream is ended by Ctrl-C, or a service manager
        if recognizer.counts.received:
            _say(recognizer.counts.summary())
        if source.notes.counts:
            _say(f"not used: {source.notes.summary()}")
    if termination.requested and not count:
        return 0
    if not count:
        raise UserError(
            f"the stream ended when the window of {contract.window_s:g} s was {recognizer.fill:.0%} full, "
            "expected at least one whole window without a gap: give a longer recording"
        )
    median_us, p95_us = np.percentile(totals_us, (50, 95))
    _say(
        f"{count} decisions, {median_us:.0f} us each at the median, {p95_us:.0f} us at the 95th percentile"
    )
    return 0


def _named(arguments: argparse.Namespace) -> tuple[str | Path, str]:
    """The model and the source: what was named, or the demo's."""
    from edge_runtime.errors import UserError

    model, source_uri = arguments.model, arguments.source
    if arguments.demo:
        model = model or DEMO_MODEL
        if source_uri is None:
            source_uri = f"replay:{DEMO_RECORDING}?lead_s=5"
            _say(
                "a person unknown to the bundled model does three shoulder exercises of 10 s each: "
                f"{', '.join(DEMO_EXERCISES)}"
            )
    if model is None or source_uri is None:
        raise UserError(
            "a model and a source are needed, expected img2imu run MODEL.tflite --source FILE: name both, "
            "or try img2imu run --demo"
        )
    return model, source_uri


def _described(recognizer: Recognizer) -> str:
    contract, model = recognizer.contract, recognizer.model
    classes = len(contract.labels)
    return (
        f"{contract.name}: {classes} class{'es' * (classes != 1)}, {len(contract.stream.channels)} channels at "
        f"{contract.stream.rate_hz:g} Hz, a decision every {contract.hop_s:g} s; {model.runtime}, "
        f"{model.threads} thread{'s' if model.threads > 1 else ''}"
    )


def _stream(
    recognizer: Recognizer,
    source: Source,
    sinks: list[Sink],
    termination: Termination,
) -> tuple[int, deque[float]]:
    """Pass everything from the source to the sinks; how many windows were decided on, and what the newest took, us."""
    from edge_runtime.errors import StreamError
    from edge_runtime.sources.silence import SilenceWatch

    count, totals_us = 0, deque[float](maxlen=LATENCIES_KEPT)
    watch = SilenceWatch(recognizer.contract.stream.max_gap_s)

    def write(decisions: Iterable[Decision]) -> None:
        nonlocal count
        for decision in decisions:
            if decision.latency_us is not None:
                count += 1
                totals_us.append(decision.latency_us.total)
            for sink in sinks:
                sink.write(decision)

    try:
        for chunk in source:
            if termination.requested:
                break
            if silent_s := watch.too_long_s(chunk):
                write(recognizer.silent(silent_s))
            write(recognizer.push(chunk.timestamps_s, chunk.samples))
        write(recognizer.flush())
    except StreamError as error:
        write(error.decisions)
        raise
    return count, totals_us


def _between_views(sinks: list[Sink]) -> Callable[[str], None]:
    """Say something on standard error that the next view of the console does not draw over."""
    from edge_runtime.sinks.console import ConsoleSink

    def say(text: str) -> None:
        for sink in sinks:
            if isinstance(sink, ConsoleSink):
                sink.close()  # leaves the view where it is
        _say(text)

    return say


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
