"""``img2imu info``: a model file's contract, for people or as JSON."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_runtime.contract.spec import Contract


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("model", help="model file, written by img2imu export (.tflite)")
    parser.add_argument("--json", action="store_true", help="the contract as it stands in the file")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from edge_runtime.contract.container import read_model

    file = read_model(arguments.model)
    if arguments.json:
        print(file.contract.to_json())
        return 0
    c = file.contract
    ffts = ", ".join(f"{s.fft_samples / c.stream.rate_hz:.3g} s" for s in c.front_end.spectrograms)
    rows = (
        ("model", c.name),
        ("labels", ", ".join(c.labels)),
        ("channels", ", ".join(c.stream.channels)),
        ("units", "acc in m/s^2, gyro in rad/s"),
        ("gravity", c.stream.gravity),
        (
            "rate",
            f"{c.stream.rate_hz:g} Hz, {c.stream.rate_tolerance:.0%} off is resampled, more is refused",
        ),
        ("window", f"{c.window_s:g} s ({c.window_samples} samples)"),
        ("decision", _decision(c)),
        (
            "front end",
            f"{c.front_end.n_images} images {c.front_end.image_height} x {c.front_end.image_width}, frames "
            f"of {ffts}; {', '.join(c.front_end.statistics)}",
        ),
        (
            "network",
            f"{c.quantisation.recipe}, {len(file.tflite) / 1024:.0f} KiB, by {c.quantisation.converter} and "
            f"{c.quantisation.quantiser}",
        ),
        (
            "trained on",
            f"{c.provenance.data_set or 'unnamed data'}, {c.provenance.windows_per_class} or more windows "
            f"per class, {c.provenance.created}",
        ),
        ("macro-F1", _score(c.provenance.macro_f1, c.provenance.macro_f1_float)),
        *([("taught", _taught(c))] if c.taught is not None else []),
        ("golden", f"{len(file.golden.windows)} windows"),
        ("schema", str(c.schema)),
    )
    for name, text in rows:
        print(f"{name:>10}  {text}")
    return 0


def _decision(c: Contract) -> str:
    spec = c.decision
    text = f"every {c.hop_s:g} s, mean of {spec.smoothing_windows} windows, threshold {spec.threshold:g}"
    if spec.class_thresholds:
        text += f" ({', '.join(f'{label} {value:g}' for label, value in spec.class_thresholds.items())})"
    if spec.debounce_decisions > 1:
        text += f", {spec.debounce_decisions} in a row"
    if spec.refractory_s:
        text += f", {spec.refractory_s:g} s from one event to the next"
    return text


def _taught(c: Contract) -> str:
    spec = c.taught
    assert spec is not None
    text = (
        ", ".join(f"{label} ({n})" for label, n in zip(c.labels, spec.windows, strict=True))
        or "no label"
    )
    if not spec.background_windows:
        return f"{text}; no background, so never unknown"
    text += f"; background of {spec.background_s:.0f} s"
    if spec.false_triggers_per_hour is None:
        return text
    missed = "" if spec.missed is None else f", {spec.missed:.0%} missed"
    return f"{text}, {spec.false_triggers_per_hour:.2g} false triggers per hour expected{missed}"


def _score(int8: float | None, float32: float | None) -> str:
    if int8 is None or float32 is None:
        return "not measured"
    return f"{int8:.3f} (float {float32:.3f}) on windows it was not trained on"
