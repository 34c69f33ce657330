"""``img2imu export``: a trained model to one quantised ``.tflite``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("model", help="trained model, written by img2imu train (.npz)")
    parser.add_argument("-o", "--output", help="file to write; default: MODEL with the ending .tflite")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from edge_runtime.errors import OutputError
    from edge_runtime.files import check_writable

    model = Path(arguments.model)
    output = Path(arguments.output) if arguments.output else model.parent / f"{model.stem}.tflite"
    if output.suffix != ".tflite":
        raise OutputError(f"the output is {output}, expected a name that ends in .tflite: rename it")
    check_writable(output)
    from export.pipeline import export_model
    from img2imu.storage import load

    trained = load(arguments.model)
    print(f"converting and quantising {arguments.model} ...", flush=True)
    exported = export_model(trained.classifier, trained.header, output)
    print(f"wrote {output}: int8, {exported.n_bytes / 1024:.0f} KiB, {exported.seconds:.1f} s; same class as float on "
          f"{exported.agreement:.1%} of {len(trained.classifier.support_windows_)} training windows")
    written = shlex.quote(str(output))
    print(f"\nnext:\n  img2imu info {written}\n  img2imu run {written} --source recording.csv")
    return 0
