"""``img2imu info``: the contract of a model file, human-readable or as JSON."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_runtime.contract.container import ModelFile
    from edge_runtime.contract.spec import Contract, TaughtSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("model", help="model file (.tflite)")
    parser.add_argument("--json", action="store_true", help="print the contract as JSON")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from edge_runtime.contract.container import read_model

    file = read_model(arguments.model)
    if arguments.json:
        print(file.contract.to_json())
        return 0
    for name, text in _rows(file):
        print(f"{name:>10}  {text}")
    return 0


def _rows(file: ModelFile) -> list[tuple[str, str]]:
    c = file.contract
    stream = c.stream
    front_end = c.front_end
    quantisation = c.quantisation
    provenance = c.provenance
    frames = [f"{s.fft_samples / stream.rate_hz:.3g} s" for s in front_end.spectrograms]
    rows = [
        ("model", c.name),
        ("labels", ", ".join(c.labels)),
        ("channels", ", ".join(stream.channels)),
        ("units", "acc in m/s^2, gyro in rad/s"),
        ("gravity", stream.gravity),
        (
            "rate",
            f"{stream.rate_hz:g} Hz, {stream.rate_tolerance:.0%} off is resampled, more is refused",
        ),
        ("window", f"{c.window_s:g} s ({c.window_samples} samples)"),
        ("decision", _decision_text(c)),
        (
            "front end",
            f"{front_end.n_images} images {front_end.image_height} x {front_end.image_width}, "
            f"frames of {', '.join(frames)}; {', '.join(front_end.statistics)}",
        ),
        (
            "network",
            f"{quantisation.recipe}, {len(file.tflite) / 1024:.0f} KiB, by "
            f"{quantisation.converter} and {quantisation.quantiser}",
        ),
        (
            "trained on",
            f"{provenance.data_set or 'unnamed data'}, {provenance.windows_per_class} or more "
            f"windows per class, {provenance.created}",
        ),
        ("macro-F1", _score_text(provenance.macro_f1, provenance.macro_f1_float)),
    ]
    if c.taught is not None:
        rows.append(("taught", _taught_text(c.labels, c.taught)))
    rows.append(("golden", f"{len(file.golden.windows)} windows"))
    rows.append(("schema", str(c.schema)))
    return rows


def _decision_text(c: Contract) -> str:
    spec = c.decision
    text = f"every {c.hop_s:g} s, mean of {spec.smoothing_windows} windows"
    text += f", threshold {spec.threshold:g}"
    if spec.class_thresholds:
        thresholds = [f"{label} {value:g}" for label, value in spec.class_thresholds.items()]
        text += f" ({', '.join(thresholds)})"
    if spec.debounce_decisions > 1:
        text += f", {spec.debounce_decisions} in a row"
    if spec.refractory_s:
        text += f", {spec.refractory_s:g} s from one event to the next"
    return text


def _score_text(int8: float | None, float32: float | None) -> str:
    if int8 is None or float32 is None:
        return "not measured"
    return f"{int8:.3f} (float {float32:.3f}) on windows it was not trained on"


def _taught_text(labels: tuple[str, ...], spec: TaughtSpec) -> str:
    examples = [f"{label} ({n})" for label, n in zip(labels, spec.windows, strict=True)]
    text = ", ".join(examples) or "no label"
    if not spec.background_windows:
        return f"{text}; no background, so never unknown"
    text += f"; background of {spec.background_s:.0f} s"
    if spec.false_triggers_per_hour is None:
        return text
    text += f", {spec.false_triggers_per_hour:.2g} false triggers per hour expected"
    if spec.missed is not None:
        text += f", {spec.missed:.0%} missed"
    return text
