"""Report an export: a table, ``OUT.report.json``, the model card ``OUT.report.md``, and a chart."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from edge_runtime.contract.spec import Contract
from edge_runtime.contract.strict_json import to_json
from edge_runtime.files import atomic_write
from export.cost import Cost
from export.evaluation import Comparison, ExportWindows
from export.pipeline import Exported, Job
from export.recipes import RECIPES

HEADINGS = ("recipe", "KiB", "F1", "change", "agree", "diff.", "ms", "ms x2", "MB", "slow")
LEGEND = """F1: macro-F1; change: of macro-F1 by quantisation; agree: windows on which both networks
name the same class; diff.: largest difference in probability; ms: latency of the network on one
thread, median / 95th percentile; ms x2: median on two threads; MB: peak memory of a process with
runtime and model; slow: number of operators that LiteRT's fast path (XNNPACK) does not run."""
BYTES_PER_POINT = 400  # of a mark's area in the chart: 100 KiB make a mark 16 points wide


@dataclass(frozen=True)
class FileReport:
    """One model file, or the reason why there is none.

    Attributes:
        path: where the file belongs.
        recipe: name of the recipe.
        converter: name of the converter.
        io: type of images and probabilities.
        front_end: ``host`` or ``graph``.
        n_bytes: size, 0 without a file.
        seconds: time the export took.
        comparison: float and quantised network on the verification windows.
        cost: latency and memory on this machine.
        error: why there is no file; empty if there is one.
    """

    path: str
    recipe: str
    converter: str
    io: str
    front_end: str
    n_bytes: int = 0
    seconds: float = 0.0
    comparison: Comparison | None = None
    cost: Cost | None = None
    error: str = ""

    @classmethod
    def of(cls, exported: Exported) -> FileReport:
        """Report a file that was written."""
        job = exported.job
        return cls(
            path=str(job.path),
            recipe=job.recipe.name,
            converter=job.converter,
            io=job.io,
            front_end=job.front_end,
            n_bytes=exported.n_bytes,
            seconds=exported.seconds,
            comparison=exported.comparison,
            cost=exported.cost,
        )

    @classmethod
    def failed(cls, job: Job, error: str) -> FileReport:
        """Report a file that could not be made."""
        return cls(
            path=str(job.path),
            recipe=job.recipe.name,
            converter=job.converter,
            io=job.io,
            front_end=job.front_end,
            error=error,
        )


@dataclass(frozen=True)
class ExportReport:
    """The content of ``OUT.report.json``. Its keys are an interface.

    Attributes:
        contract: of the model; its quantisation differs from file to file.
        calibration: origin of the windows that gave the ranges of activations.
        n_calibration_windows: their number.
        verification: origin of the windows on which float and quantised network were compared.
        n_verification_windows: their number.
        unseen: whether the model learnt from none of the verification windows.
        machine: processor on which latencies were measured.
        files: one entry per requested file.
    """

    contract: Contract
    calibration: str
    n_calibration_windows: int
    verification: str
    n_verification_windows: int
    unseen: bool
    machine: str
    files: tuple[FileReport, ...]

    @classmethod
    def of(
        cls, contract: Contract, windows: ExportWindows, machine: str, files: list[FileReport]
    ) -> ExportReport:
        """Return the report of an export.

        Args:
            contract: of the model.
            windows: that calibrated and verified.
            machine: name of the processor.
            files: reports of the requested files.
        """
        verification = windows.verification
        return cls(
            contract=contract,
            calibration=windows.calibration_source,
            n_calibration_windows=len(windows.calibration),
            verification=verification.source,
            n_verification_windows=len(verification.samples),
            unseen=verification.unseen,
            machine=machine,
            files=tuple(files),
        )

    def write(self, json_path: Path, card_path: Path) -> None:
        """Write the JSON file and the model card.

        Raises:
            OutputError: a file cannot be written.
        """
        for path, text in (
            (json_path, json.dumps(to_json(self), indent=1)),
            (card_path, model_card(self)),
        ):
            with atomic_write(path) as file:
                file.write(text.encode())


def table_rows(report: ExportReport) -> list[list[str]]:
    """Return one row per file, with a cell for each of :data:`HEADINGS`."""
    return [_row(file) for file in report.files]


def _row(file: FileReport) -> list[str]:
    name = file.recipe
    if file.io != "float32":
        name += f", {file.io}"
    if file.front_end == "graph":
        name += ", graph"
    if file.comparison is None or file.cost is None:
        return [name, *["-"] * (len(HEADINGS) - 1)]
    comparison = file.comparison
    cost = file.cost
    return [
        name,
        f"{file.n_bytes / 1024:.0f}",
        f"{comparison.macro_f1:.3f}",
        f"{comparison.macro_f1 - comparison.macro_f1_float:+.3f}",
        f"{comparison.agreement:.1%}",
        f"{comparison.max_probability_difference:.4f}",
        f"{cost.one_thread.p50_us / 1e3:.2f} / {cost.one_thread.p95_us / 1e3:.2f}",
        f"{cost.two_threads.p50_us / 1e3:.2f}",
        "-" if cost.peak_mb is None else f"{cost.peak_mb:.0f}",
        "?" if cost.outside_xnnpack is None else str(len(cost.outside_xnnpack)),
    ]


def print_report(report: ExportReport) -> None:
    """Print the table on the terminal, with its legend and the reason of each failure."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(HEADINGS[0], box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right")
    for row in table_rows(report):
        table.add_row(*row)
    console.print(table)
    for text in (LEGEND, _verified_on(report)):
        console.print(text.replace("\n", " "), highlight=False)
    for file in report.files:
        if file.error:
            line = f"{Path(file.path).name}: {file.error}"
            console.print(line, highlight=False, style="red", markup=False)


def model_card(report: ExportReport) -> str:
    """Return the model card, Markdown (Mitchell et al. 2019, "Model Cards for Model Reporting")."""
    contract = report.contract
    provenance = contract.provenance
    stream = contract.stream
    n_labels = len(contract.labels)
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    table = "\n".join(
        f"| {' | '.join(row)} |"
        for row in [list(HEADINGS), ["---"] * len(HEADINGS), *table_rows(report)]
    )
    failed = "".join(
        f"\nNo file {Path(file.path).name}: {file.error}\n" for file in report.files if file.error
    )
    return f"""# {contract.name}

Recognises {n_labels} motions: {", ".join(contract.labels)}. It takes a stream of
{", ".join(stream.channels)} at {stream.rate_hz:g} Hz, in windows of {contract.window_s:g} s.

## Files

{table}
{failed}
{LEGEND}

{_verified_on(report)}

{_files(report)}
## Change of F1 by class

{_by_class(report)}
## Data

- trained on: {provenance.data_set or "unnamed data"}; a known licence is given after the name
- windows per class (k): {provenance.windows_per_class} or more
- SHA-256 of the list of windows: {provenance.split_sha256 or "not recorded"}
- calibrated on: {report.calibration}, {report.n_calibration_windows} windows
- made on {provenance.created} with seed {provenance.seed} by {versions}

## Intended use

Telling the motions above apart, live, with a sensor mounted as in the data: at the same place on
the body or the machine, with the same axes, gravity {stream.gravity}.
`img2imu run FILE --source ...` refuses streams of other units, rates and axes.

## Limits

- It knows no other motions. Unless a threshold is set, it always names one of the {n_labels} above.
- {_limit_of_people(report)}
- It is not a medical device. Do not let safety depend on it.
- Latencies were measured on {report.machine}, with windows in memory. Other processors differ.
"""


def _verified_on(report: ExportReport) -> str:
    text = f"Verified on {report.n_verification_windows} windows: {report.verification}."
    if not report.unseen:
        text += (
            " The model learnt from these windows: the figures show what quantisation changed, not "
            "how well the model recognises new recordings. Give --data to measure that."
        )
    return text


def _limit_of_people(report: ExportReport) -> str:
    if report.unseen:
        return (
            f"Its accuracy was measured on {report.verification}. "
            "On other people it may differ more."
        )
    return "Its accuracy on other people was not measured here."


def _files(report: ExportReport) -> str:
    return "".join(
        f"- `{Path(file.path).name}`: {RECIPES[file.recipe].summary}{_slow(file)}\n"
        for file in report.files
        if not file.error
    )


def _slow(file: FileReport) -> str:
    if file.cost is None or not file.cost.outside_xnnpack:
        return ""
    kinds = Counter(file.cost.outside_xnnpack)
    return f"; not in XNNPACK: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"


def _by_class(report: ExportReport) -> str:
    done = [(file, file.comparison) for file in report.files if file.comparison is not None]
    if not done:
        return "No file was made.\n"
    heading = ["class", *(file.recipe for file, _ in done)]
    body = [
        [label, *(f"{comparison.f1_change[label]:+.3f}" for _, comparison in done)]
        for label in done[0][1].f1_change
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in [heading, ["---"] * len(heading), *body])


def draw_chart(path: Path, report: ExportReport) -> None:
    """Draw accuracy against latency, one mark per file that was made.

    The area of a mark is the size of its file.

    Args:
        path: of the PNG.
        report: of the export.

    Raises:
        OutputError: the file cannot be written.
    """
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    heights: list[float] = []
    for file in report.files:
        if file.comparison is None or file.cost is None:
            continue
        latency_ms = file.cost.one_thread.p50_us / 1e3
        macro_f1 = file.comparison.macro_f1
        axis.scatter(latency_ms, macro_f1, s=file.n_bytes / BYTES_PER_POINT, alpha=0.5)
        # marks often lie on top of each other: names alternate between above and below
        above = len(heights) % 2 == 0
        direction = 1 if above else -1
        axis.annotate(
            f"{file.recipe}, {file.n_bytes / 1024:.0f} KiB",
            (latency_ms, macro_f1),
            textcoords="offset points",
            xytext=(0, direction * (18 + 11 * (len(heights) // 2))),
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "grey"},
        )
        heights.append(macro_f1)
    if heights:
        axis.axhline(
            max(file.comparison.macro_f1_float for file in report.files if file.comparison),
            linewidth=0.8,
            linestyle="--",
            color="grey",
            label="before quantisation",
        )
        axis.legend(fontsize=8, loc="lower right")
        axis.set_xscale("log")
        axis.set_ylim(min(heights) - 0.06, max(heights) + 0.06)
        axis.margins(x=0.3)
    axis.set_xlabel(f"latency of the network, ms, one thread of {report.machine}", fontsize=8)
    axis.set_ylabel(f"macro-F1 on {report.n_verification_windows} windows")
    axis.set_title(f"{report.contract.name}: the larger the mark, the larger the file", fontsize=10)
    with atomic_write(path) as target:
        figure.savefig(target, format="png", dpi=120)
