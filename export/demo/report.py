"""The demo's figures: computed from the live run, written as JSON, printed as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support

from export.demo.replay import Live

STAGES = ("frontend", "inference", "total")
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


@dataclass(frozen=True)
class Report:
    """What ``report.json`` holds; its keys are an interface.

    Attributes:
        macro_f1: of the int8 model on windows that do not overlap, each judged alone, 0 to 1.
        macro_f1_float: the same of the network before quantisation.
        macro_f1_decisions: of every decision as shown live, smoothed over neighbouring windows.
        per_class: class name to precision, recall, f1 and windows.
        n_test_windows: windows judged.
        n_test_people: people they come from; none was trained on.
        float_int8_agreement: share of the windows on which int8 and float name the same class.
        model_bytes: size of the model file.
        latency_us: frontend, inference, total to p50, p95, p99.
        train_seconds: time that learning took.
        export_seconds: time that conversion and quantisation took.
        seed: of the choice of people and windows.
        test_people: who they were.
        runtime: name and version of the interpreter.
        threads: CPU threads of the network.
    """

    macro_f1: float
    macro_f1_float: float
    macro_f1_decisions: float
    per_class: dict[str, dict[str, float]]
    n_test_windows: int
    n_test_people: int
    float_int8_agreement: float
    model_bytes: int
    latency_us: dict[str, dict[str, float]]
    train_seconds: float
    export_seconds: float
    seed: int
    test_people: list[str]
    runtime: str
    threads: int


def scores(labels: tuple[str, ...], live: Live, float_probabilities: np.ndarray) -> dict[str, Any]:
    """Accuracy and latency of a live run, as fields of :class:`Report`.

    Args:
        labels: class names.
        live: what the int8 model answered.
        float_probabilities: (n, classes) what the float network answered on the same windows.
    """
    classes = np.arange(len(labels))
    answers, float_answers = live.probabilities.argmax(1), float_probabilities.argmax(1)
    precision, recall, f1, support = precision_recall_fscore_support(
        live.truth, answers, labels=classes, zero_division=0
    )
    return {
        "macro_f1": float(f1.mean()),
        "macro_f1_float": _macro_f1(live.truth, float_answers, classes),
        "macro_f1_decisions": _macro_f1(live.decisions_truth, live.decisions_label, classes),
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "windows": int(n)}
            for label, p, r, f, n in zip(labels, precision, recall, f1, support, strict=True)
        },
        "n_test_windows": len(live.truth),
        "float_int8_agreement": float((answers == float_answers).mean()),
        "latency_us": {
            stage: {
                name: float(np.percentile(live.latency_us[:, i], q))
                for name, q in PERCENTILES.items()
            }
            for i, stage in enumerate(STAGES)
        },
    }


def show(report: Report) -> None:
    """Print the report for people."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{report.n_test_windows} windows of {report.n_test_people} people the model never saw "
        f"({', '.join(report.test_people)})",
        highlight=False,
    )
    accuracy = Table("exercise", box=box.SIMPLE_HEAD)
    for heading in ("precision", "recall", "F1", "windows"):
        accuracy.add_column(heading, justify="right")
    for label, row in report.per_class.items():
        accuracy.add_row(
            label,
            *(f"{row[key]:.2f}" for key in ("precision", "recall", "f1")),
            f"{row['windows']}",
        )
    console.print(accuracy)
    latency = Table("latency of a decision, us", box=box.SIMPLE_HEAD)
    for name in PERCENTILES:
        latency.add_column(name, justify="right")
    for stage, row in report.latency_us.items():
        latency.add_row(stage, *(f"{row[name]:.0f}" for name in PERCENTILES))
    console.print(latency)
    for name, text in (
        (
            "macro-F1",
            f"{report.macro_f1:.3f} (float {report.macro_f1_float:.3f}); every decision as shown live "
            f"{report.macro_f1_decisions:.3f}",
        ),
        ("float and int8 agree", f"on {report.float_int8_agreement:.1%} of the windows"),
        ("model file", f"{report.model_bytes / 1024:.0f} KiB"),
        ("trained in", f"{report.train_seconds:.1f} s, exported in {report.export_seconds:.1f} s"),
        ("ran on", f"{report.runtime}, {report.threads} thread"),
    ):
        console.print(f"{name:>21}  {text}", highlight=False)


def _macro_f1(truth: np.ndarray, answers: np.ndarray, classes: np.ndarray) -> float:
    return float(f1_score(truth, answers, labels=classes, average="macro", zero_division=0))
