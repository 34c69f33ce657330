"""``img2imu export``: convert a trained model to ``.tflite`` files, check and measure them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.arguments import add_contract_arguments, apply_settings
from export.recipes import (
    CONVERTERS,
    DEFAULT_RECIPE,
    DEFAULT_TARGET,
    FRONT_ENDS,
    IO_TYPES,
    RECIPES,
    TARGETS,
)

if TYPE_CHECKING:
    from export.evaluation import ExportWindows
    from export.pipeline import Exportable, Exporter, Job
    from export.report import FileReport

ENDINGS = {"tflite": ".tflite", "onnx": ".onnx"}
ALL = "all"
EXIT_INCOMPLETE = 1  # a requested file was not made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "recipes:\n" + "".join(
        f"  {recipe.name:<14}{recipe.summary}\n" for recipe in RECIPES.values()
    )
    parser.add_argument("model", help="trained model, written by img2imu train (.npz)")
    parser.add_argument(
        "-o",
        "--output",
        help="file to write (default: MODEL with the format's ending); several recipes or targets "
        "are written to OUTPUT.NAME.tflite",
    )
    parser.add_argument(
        "--recipe",
        action="append",
        metavar="NAME",
        choices=[*RECIPES, ALL],
        help="one of the recipes below, or all; can be given more than once "
        f"(default: {DEFAULT_RECIPE})",
    )
    parser.add_argument(
        "--target",
        choices=[*TARGETS, ALL],
        help="take recipe, I/O and front end that suit this kind of device "
        f"({', '.join(TARGETS)}), or make one file for each",
    )
    parser.add_argument(
        "--io", choices=IO_TYPES, help="type of images and probabilities (default: float32)"
    )
    parser.add_argument(
        "--frontend",
        choices=FRONT_ENDS,
        help="where spectrograms are computed: in the runtime (host, the default), or in the "
        "network, which then takes raw windows (graph)",
    )
    parser.add_argument(
        "--converter",
        choices=CONVERTERS,
        default=CONVERTERS[0],
        help="tool that converts the network (default: %(default)s)",
    )
    parser.add_argument(
        "--format",
        choices=ENDINGS,
        default="tflite",
        help="format of the file; onnx is float32 (default: %(default)s)",
    )
    parser.add_argument(
        "--calibration",
        metavar="DATA",
        help="calibrate with these recordings, named as for img2imu train, instead of the training "
        "windows",
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="verify on the part of this labelled data, named as for img2imu train, that the model "
        "did not learn from (default: every third training window)",
    )
    parser.add_argument(
        "--max-f1-drop",
        type=float,
        metavar="X",
        help="write no file that loses more macro-F1 than X, and exit with 1",
    )
    add_contract_arguments(
        parser.add_argument_group(
            "settings",
            "stored in the model file; img2imu run can override them; docs/live.md explains them",
        )
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    output = _output_path(arguments)
    from edge_runtime.machine import cpu_name
    from export.evaluation import choose_windows
    from export.pipeline import Exportable, Exporter
    from export.report import ExportReport, draw_chart, print_report
    from img2imu.classifier import MotionClassifier
    from img2imu.storage import describe

    jobs = _jobs(arguments, output)
    classifier = MotionClassifier.load(arguments.model)
    exportable = Exportable.of(classifier, describe(classifier))
    exportable = replace(exportable, contract=apply_settings(exportable.contract, arguments))
    windows = choose_windows(
        exportable.contract,
        exportable.support,
        exportable.support_classes,
        arguments.data,
        arguments.calibration,
    )
    if arguments.format == "onnx":
        return _export_onnx(exportable, windows, output)
    print(f"converting and quantising {arguments.model} ...", flush=True)
    files = _export(Exporter(exportable, windows, arguments.max_f1_drop), jobs)
    report = ExportReport.of(exportable.contract, windows, cpu_name(), files)
    print_report(report)
    written = [Path(file.path) for file in files if not file.error]
    if written:
        base = output.with_suffix("")
        report.write(Path(f"{base}.report.json"), Path(f"{base}.report.md"))
        draw_chart(Path(f"{base}.report.png"), report)
        model = shlex.quote(str(written[0]))
        print(
            f"\nreport: {base}.report.md, {base}.report.json, {base}.report.png\n\nnext:\n"
            f"  img2imu info {model}\n"
            f"  img2imu verify {model}\n"
            f"  img2imu run {model} --source recording.csv"
        )
    return 0 if len(written) == len(files) else EXIT_INCOMPLETE


def _output_path(arguments: argparse.Namespace) -> Path:
    """Return the path of the file to write. It is checked here, before minutes of work.

    Raises:
        OutputError: it has another ending, or cannot be written.
        UserError: an option for .tflite was given with --format onnx.
    """
    from edge_runtime.errors import OutputError, UserError
    from edge_runtime.files import check_writable

    model = Path(arguments.model)
    ending = ENDINGS[arguments.format]
    output = Path(arguments.output) if arguments.output else model.parent / f"{model.stem}{ending}"
    if output.suffix != ending:
        raise OutputError(
            f"the output is {output}, expected a name that ends in {ending}: rename it"
        )
    if arguments.format == "onnx":
        for name in ("recipe", "target", "io", "frontend", "max_f1_drop"):
            if getattr(arguments, name) is not None:
                raise UserError(
                    f"--{name.replace('_', '-')} was given with --format onnx, which is always "
                    "float32: leave it out"
                )
    check_writable(output)
    return output


def _jobs(arguments: argparse.Namespace, output: Path) -> list[Job]:
    """Return one job per file. If there are several, each gets its own name."""
    from export.pipeline import Job

    recipes = list(dict.fromkeys(arguments.recipe or []))
    if ALL in recipes:
        recipes = list(RECIPES)
    targets = list(TARGETS) if arguments.target == ALL else [arguments.target or DEFAULT_TARGET]
    jobs = []
    for target in (TARGETS[name] for name in targets):
        for recipe in recipes or [target.recipe]:
            suffix = ENDINGS["tflite"]
            if len(recipes) > 1:
                suffix = f".{recipe}{suffix}"
            if len(targets) > 1:
                suffix = f".{target.name}{suffix}"
            jobs.append(
                Job(
                    path=output.with_suffix(suffix),
                    recipe=RECIPES[recipe],
                    converter=arguments.converter,
                    io=arguments.io or target.io,
                    front_end=arguments.frontend or target.front_end,
                )
            )
    return jobs


def _export_onnx(exportable: Exportable, windows: ExportWindows, output: Path) -> int:
    from export.converters.onnx import export_onnx

    print("converting to ONNX ...", flush=True)
    written = export_onnx(
        exportable.network, exportable.contract, windows.verification.samples, output
    )
    print(
        f"wrote {written.path}: float32, {written.n_bytes / 1024:.0f} KiB, "
        f"{written.seconds:.1f} s; onnxruntime and torch differ by at most "
        f"{written.difference:.1g} in probability on {written.n_windows} windows\n\nnext:\n"
        '  python -c "import onnxruntime; '
        f'print(onnxruntime.InferenceSession({str(output)!r}).get_inputs())"'
    )
    return 0


def _export(exporter: Exporter, jobs: Sequence[Job]) -> list[FileReport]:
    """Make each file. If there are several, the others are made even if one fails."""
    from edge_runtime.errors import UserError
    from export.evaluation import F1DropError
    from export.report import FileReport

    files = []
    for job in jobs:
        try:
            exported = exporter.export(job)
        except UserError as error:
            if len(jobs) == 1 and not isinstance(error, F1DropError):
                raise
            files.append(FileReport.failed(job, str(error)))
        else:
            files.append(FileReport.of(exported))
            print(
                f"wrote {job.path}: {job.recipe.name}, {exported.n_bytes / 1024:.0f} KiB, "
                f"{exported.seconds:.1f} s; same class as float on "
                f"{exported.comparison.agreement:.1%} of the windows",
                flush=True,
            )
    return files
