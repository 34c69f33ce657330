"""What an export says of itself: a table, ``OUT.report.json``, and the model card ``OUT.report.md``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.contract.spec import Contract
from edge_runtime.contract.strict_json import to_json
from edge_runtime.files import atomic_write
from export.cost import Cost
from export.evidence import Evidence
from export.pipeline import Exported, Job
from export.recipes import RECIPES
from export.verification import Comparison

HEADINGS = ("recipe", "KiB", "F1", "change", "agree", "diff.", "ms", "ms x2", "MB", "slow")
LEGEND = """F1: macro-F1; change: against the network before quantisation; agree: windows on which both name the same
class; diff.: largest difference in probability; ms: latency of the network on one thread, median / 95th percentile;
ms x2: median on two threads; MB: peak memory of a process with runtime and model; slow: operators that LiteRT's fast
path (XNNPACK) does not take."""


@dataclass(frozen=True)
class FileReport:
    """One file, or why there is none.

    Attributes:
        path: where it was to go.
        recipe: how the network was made small.
        converter: and by which tool.
        io: type of images and probabilities.
        front_end: host, or graph for inside the network.
        n_bytes: size, 0 when there is no file.
        seconds: time it took.
        comparison: float and quantised on the verification windows.
        cost: latency and memory on this machine.
        error: why there is no file, empty when there is one.
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
        """A file that was written."""
        job = exported.job
        return cls(
            str(job.path),
            job.recipe.name,
            job.converter,
            job.io,
            job.front_end,
            exported.n_bytes,
            exported.seconds,
            exported.comparison,
            exported.cost,
        )

    @classmethod
    def failed(cls, job: Job, error: str) -> FileReport:
        """A file that was not."""
        return cls(
            str(job.path), job.recipe.name, job.converter, job.io, job.front_end, error=error
        )


@dataclass(frozen=True)
class Report:
    """What ``OUT.report.json`` holds; its keys are an interface.

    Attributes:
        contract: of the model; its quantisation differs from file to file.
        calibration: where the windows come from that gave the ranges of activations.
        n_calibration_windows: how many.
        verification: where the windows come from that float and quantised were compared on.
        n_verification_windows: how many.
        unseen: whether the model learnt from none of them, nor from their people if it was possible
            to tell.
        machine: that latencies were measured on.
        files: one entry per file asked for.
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
        cls, contract: Contract, evidence: Evidence, machine: str, files: list[FileReport]
    ) -> Report:
        """Put together."""
        judged = evidence.verification
        return cls(
            contract,
            evidence.calibration_source,
            len(evidence.calibration),
            judged.source,
            len(judged.samples),
            judged.unseen,
            machine,
            tuple(files),
        )

    def write(self, json_path: Path, card_path: Path) -> None:
        """Write both files.

        Raises:
            OutputError: the place cannot be written.
        """
        for path, text in (
            (json_path, json.dumps(to_json(self), indent=1)),
            (card_path, card(self)),
        ):
            with atomic_write(path) as file:
                file.write(text.encode())


def rows(report: Report) -> list[list[str]]:
    """The table, a row per file, under :data:`HEADINGS`."""
    return [_row(file) for file in report.files]


def _row(file: FileReport) -> list[str]:
    name = ", ".join(
        [file.recipe, *[file.io] * (file.io != "float32"), *["graph"] * (file.front_end == "graph")]
    )
    if file.comparison is None or file.cost is None:
        return [name, *["-"] * (len(HEADINGS) - 1)]
    found, cost = file.comparison, file.cost
    return [
        name,
        f"{file.n_bytes / 1024:.0f}",
        f"{found.macro_f1:.3f}",
        f"{found.macro_f1 - found.macro_f1_float:+.3f}",
        f"{found.agreement:.1%}",
        f"{found.max_probability_difference:.4f}",
        f"{cost.one_thread.p50_us / 1e3:.2f} / {cost.one_thread.p95_us / 1e3:.2f}",
        f"{cost.two_threads.p50_us / 1e3:.2f}",
        "-" if cost.peak_mb is None else f"{cost.peak_mb:.0f}",
        "?" if cost.outside_xnnpack is None else str(len(cost.outside_xnnpack)),
    ]


def show(report: Report) -> None:
    """Print the table for people."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(HEADINGS[0], box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right")
    for row in rows(report):
        table.add_row(*row)
    console.print(table)
    for text in (LEGEND, _judged_on(report)):
        console.print(text.replace("\n", " "), highlight=False)
    for file in report.files:
        if file.error:
            console.print(
                f"{Path(file.path).name}: {file.error}", highlight=False, style="red", markup=False
            )


def card(report: Report) -> str:
    """The model card, Markdown (Mitchell et al. 2019, "Model Cards for Model Reporting")."""
    c = report.contract
    p, stream = c.provenance, c.stream
    table = "\n".join(
        f"| {' | '.join(row)} |" for row in [list(HEADINGS), ["---"] * len(HEADINGS), *rows(report)]
    )
    failed = "".join(
        f"\nNo file {Path(file.path).name}: {file.error}\n" for file in report.files if file.error
    )
    return f"""# {c.name}

Recognises {len(c.labels)} motions in a stream of {", ".join(stream.channels)} at {stream.rate_hz:g} Hz, in windows of
{c.window_s:g} s: {", ".join(c.labels)}.

## Files

{table}
{failed}
{LEGEND}

{_judged_on(report)}

{_files(report)}
## Change of F1 by class

{_by_class(report)}
## Data

- learnt from: {p.data_set or "data without a name"}; the licence, where it is known, stands behind the name
- windows per class (k): {p.windows_per_class} or more; list of windows, SHA-256: {p.split_sha256 or "not recorded"}
- ranges of activations from: {report.calibration}, {report.n_calibration_windows} windows
- made on {p.created} with seed {p.seed} by {", ".join(f"{name} {version}" for name, version in p.versions.items())}

## Intended use

Telling the motions above apart, live, from a sensor mounted as in the data: same place on the body or the machine, same
axes, gravity {stream.gravity}. `img2imu run FILE --source ...` refuses streams of other units, rates and axes.

## Limits

- It knows no other motions: whatever it is shown, it names one of the {len(c.labels)} above, unless a threshold is set.
- {_limit_of_people(report)}
- It is no medical device, and nothing that safety depends on.
- Latencies were measured on {report.machine}, on windows in memory; another processor has others.
"""


def _judged_on(report: Report) -> str:
    text = f"Judged on {report.n_verification_windows} windows: {report.verification}."
    if not report.unseen:
        text += (
            " The model learnt from these windows: the figures show what quantising changed, not how well the "
            "model does. Give --data for that."
        )
    return text


def _limit_of_people(report: Report) -> str:
    if report.unseen:
        return (
            f"How well it does was measured on {report.verification}; other people may differ more."
        )
    return "How well it does on other people was not measured here."


def _files(report: Report) -> str:
    return "".join(
        f"- `{Path(file.path).name}`: {RECIPES[file.recipe].summary}{_slow(file)}\n"
        for file in report.files
        if not file.error
    )


def _slow(file: FileReport) -> str:
    kinds = Counter(file.cost.outside_xnnpack or ()) if file.cost else {}
    return (
        f"; not in XNNPACK: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"
        if kinds
        else ""
    )


def _by_class(report: Report) -> str:
    done = [(file, file.comparison) for file in report.files if file.comparison is not None]
    if not done:
        return "No file was made.\n"
    heading = ["class", *(file.recipe for file, _ in done)]
    body = [
        [label, *(f"{found.f1_change[label]:+.3f}" for _, found in done)]
        for label in done[0][1].f1_change
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in [heading, ["---"] * len(heading), *body])
