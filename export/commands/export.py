"""``img2imu export``: a trained model to ``.tflite`` files, checked and measured."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.commands.settings import adapted, add_contract_arguments
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
    from export.evidence import Evidence
    from export.pipeline import Exportable, Exported, Exporter, Job
    from export.report import FileReport

ENDINGS = {"tflite": ".tflite", "onnx": ".onnx"}
ALL = "all"
EXIT_NOT_ALL = 1  # a file that was asked for was not made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "recipes:\n" + "".join(
        f"  {recipe.name:<14}{recipe.summary}\n" for recipe in RECIPES.values()
    )
    parser.add_argument("model", help="trained model, written by img2imu train (.npz)")
    parser.add_argument(
        "-o",
        "--output",
        help="file to write; default: MODEL with the format's ending. Several "
        "recipes or targets go to OUTPUT.NAME.tflite",
    )
    parser.add_argument(
        "--recipe",
        action="append",
        metavar="NAME",
        choices=[*RECIPES, ALL],
        help=f"one of those below, or all; can be given more than once (default: {DEFAULT_RECIPE})",
    )
    parser.add_argument(
        "--target",
        choices=[*TARGETS, ALL],
        help="recipe, I/O and front end that suit a "
        + ", ".join(TARGETS)
        + ", or one file for each",
    )
    parser.add_argument(
        "--io", choices=IO_TYPES, help="type of images and probabilities (default: float32)"
    )
    parser.add_argument(
        "--frontend",
        choices=FRONT_ENDS,
        help="who draws the spectrograms: the runtime (host, the "
        "default) or the network itself (graph: raw windows go in)",
    )
    parser.add_argument(
        "--converter", choices=CONVERTERS, default=CONVERTERS[0], help="default: %(default)s"
    )
    parser.add_argument(
        "--format", choices=ENDINGS, default="tflite", help="default: %(default)s; onnx is float32"
    )
    parser.add_argument(
        "--calibration",
        metavar="DATA",
        help="recordings, as for img2imu train, that calibrate in place of the training windows",
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="labelled data, as for img2imu train, to verify with: what the "
        "model did not learn from; default: every third training window",
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
            "that the model file will hold; img2imu run can take others in their place; docs/live.md explains "
            "them",
        )
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    output = _output(arguments)
    from edge_runtime.machine import cpu_name
    from export.evidence import gather
    from export.pipeline import Exportable, Exporter
    from export.plot import draw
    from export.report import Report, show
    from img2imu.classifier import MotionClassifier
    from img2imu.storage import describe

    jobs = _jobs(arguments, output)
    classifier = MotionClassifier.load(arguments.model)
    exportable = Exportable.of(classifier, describe(classifier))
    exportable = replace(exportable, contract=adapted(exportable.contract, arguments))
    evidence = gather(
        exportable.contract,
        exportable.support,
        exportable.support_classes,
        arguments.data,
        arguments.calibration,
    )
    if arguments.format == "onnx":
        return _export_onnx(exportable, evidence, output)
    print(f"converting and quantising {arguments.model} ...", flush=True)
    files = _export(Exporter(exportable, evidence, arguments.max_f1_drop), jobs)
    report = Report.of(exportable.contract, evidence, cpu_name(), files)
    made = [Path(file.path) for file in files if not file.error]
    show(report)
    if made:
        base = output.with_suffix("")
        report.write(Path(f"{base}.report.json"), Path(f"{base}.report.md"))
        draw(Path(f"{base}.report.png"), report)
        _print_next(base, made)
    return 0 if len(made) == len(files) else EXIT_NOT_ALL


def _output(arguments: argparse.Namespace) -> Path:
    """Where the file goes; refused before minutes of work rather than after them."""
    from edge_runtime.errors import OutputError, UserError
    from edge_runtime.files import check_writable

    model, ending = Path(arguments.model), ENDINGS[arguments.format]
    output = Path(arguments.output) if arguments.output else model.parent / f"{model.stem}{ending}"
    if output.suffix != ending:
        raise OutputError(
            f"the output is {output}, expected a name that ends in {ending}: rename it"
        )
    only_tflite = ("recipe", "target", "io", "frontend", "max_f1_drop")
    given = [name for name in only_tflite if getattr(arguments, name) is not None]
    if arguments.format == "onnx" and given:
        raise UserError(
            f"--{given[0].replace('_', '-')} was given with --format onnx, which is float32 alone: leave "
            "it out"
        )
    check_writable(output)
    return output


def _export_onnx(exportable: Exportable, evidence: Evidence, output: Path) -> int:
    from export.onnx_file import export_onnx

    print("converting to ONNX ...", flush=True)
    made = export_onnx(exportable, evidence, output)
    print(
        f"wrote {made.path}: float32, {made.n_bytes / 1024:.0f} KiB, {made.seconds:.1f} s; onnxruntime and torch "
        f"differ by at most {made.difference:.1g} in probability on {made.n_windows} windows\n\nnext:\n  python -c "
        f'"import onnxruntime; print(onnxruntime.InferenceSession({str(output)!r}).get_inputs())"'
    )
    return 0


def _jobs(arguments: argparse.Namespace, output: Path) -> list[Job]:
    """One per file; several get a name of their own."""
    from export.pipeline import Job

    recipes = (
        list(RECIPES)
        if ALL in (arguments.recipe or [])
        else list(dict.fromkeys(arguments.recipe or []))
    )
    targets = list(TARGETS) if arguments.target == ALL else [arguments.target or DEFAULT_TARGET]
    jobs = []
    for target in (TARGETS[name] for name in targets):
        for recipe in recipes or [target.recipe]:
            words = [target.name] * (len(targets) > 1) + [recipe] * (len(recipes) > 1)
            path = output.with_suffix("".join(f".{word}" for word in words) + ENDINGS["tflite"])
            jobs.append(
                Job(
                    path,
                    RECIPES[recipe],
                    arguments.converter,
                    arguments.io or target.io,
                    arguments.frontend or target.front_end,
                )
            )
    return jobs


def _export(exporter: Exporter, jobs: Sequence[Job]) -> list[FileReport]:
    """Make each file; where there are several, one that fails does not keep the others from being made."""
    from edge_runtime.errors import UserError
    from export.pipeline import F1DropError
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
            _print_success(exported)
    return files


def _print_success(exported: Exported) -> None:
    job, found = exported.job, exported.comparison
    print(
        f"wrote {job.path}: {job.recipe.name}, {exported.n_bytes / 1024:.0f} KiB, {exported.seconds:.1f} s; same "
        f"class as float on {found.agreement:.1%} of the windows",
        flush=True,
    )


def _print_next(base: Path, made: list[Path]) -> None:
    written = shlex.quote(str(made[0]))
    print(
        f"\nreport: {base}.report.md, {base}.report.json, {base}.report.png\n\nnext:\n"
        f"  img2imu info {written}\n"
        f"  img2imu verify {written}\n"
        f"  img2imu run {written} --source recording.csv"
    )
