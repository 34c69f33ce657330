"""The steps of ``img2imu demo``: learn from watch recordings, export, replay new people, report."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from edge_runtime import Contract, Decision, Recognizer
from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import Model, infer_all
from edge_runtime.recordings import Recording, write_csv
from export.pipeline import export_model, record_accuracy
from img2imu.classifier import MotionClassifier
from img2imu.datasets import DataSet, LabelledRecording, load_data_set
from img2imu.progress import track
from img2imu.splits import manifest_sha256, pick_support, split_by_subject
from img2imu.storage import describe
from img2imu.windows import cut_windows

WINDOW_S = 5.0
TEST_PEOPLE = 3
STAGES = ("frontend", "inference", "total")
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


@dataclass(frozen=True)
class DemoReport:
    """The content of ``report.json``. Its keys are an interface.

    Attributes:
        macro_f1: of the int8 model on windows that do not overlap, each judged alone, 0 to 1.
        macro_f1_float: the same of the network before quantisation.
        macro_f1_decisions: of every decision as shown live, smoothed over neighbouring windows.
        per_class: class name to precision, recall, f1 and windows.
        n_test_windows: number of these windows.
        n_test_people: number of people they come from; the model learnt from none of them.
        float_int8_agreement: share of the windows on which int8 and float name the same class.
        model_bytes: size of the model file.
        latency_us: frontend, inference, total to p50, p95, p99.
        train_seconds: time for learning.
        export_seconds: time for conversion and quantisation.
        seed: of the choice of people and windows.
        test_people: their names.
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


def run_demo(
    out: Path, seed: int, windows_per_class: int, show_progress: bool = True
) -> DemoReport:
    """Learn, export, replay and report.

    Model, report, pictures and a recording of an unseen person are left in ``out``.

    Args:
        out: an existing directory.
        seed: of the choice of people and windows.
        windows_per_class: number of labelled windows to learn from.
        show_progress: draw progress bars and print each step.

    Raises:
        DataError: the data has fewer windows per class.
        ExportError: the exported model failed a check.
    """
    say = print if show_progress else (lambda *_, **__: None)
    data_set = load_data_set("watch")
    windows = cut_windows(data_set, WINDOW_S)
    train, test = split_by_subject(windows, TEST_PEOPLE, seed)
    indices = pick_support(windows, train, windows_per_class, seed)
    support = windows.select(indices)
    unseen = sorted(set(windows.subjects[test].tolist()))
    say(
        f"learning {len(set(support.labels.tolist()))} exercises from {windows_per_class} windows "
        f"of {WINDOW_S:g} s each, of {len(set(support.subjects.tolist()))} people ...",
        flush=True,
    )
    started = time.perf_counter()
    labels = support.class_names
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, seed)
    classifier.fit(support.samples, labels, show_progress=show_progress)
    train_seconds = time.perf_counter() - started

    say("converting to .tflite and quantising to int8 ...", flush=True)
    path = out / "model.tflite"
    header = describe(
        classifier,
        name="shoulder exercises",
        data_set=f"{data_set.name} ({data_set.licence})",
        split_sha256=manifest_sha256(windows, indices),
    )
    exported = export_model(classifier, path, header=header, show_progress=show_progress)

    recognizer = Recognizer.load(path)
    contract = recognizer.contract
    recordings = [r for r in data_set.recordings if r.subject in unseen]
    replayed = replay(recognizer, data_set, recordings, show_progress)
    float_probabilities = infer_all(
        Model(exported.float_tflite, contract),
        FrontEnd.of(contract).compute_batch(replayed.windows),
    )
    figures = score(contract.labels, replayed, float_probabilities)
    record_accuracy(path, figures["macro_f1_float"], figures["macro_f1"])
    report = DemoReport(
        **figures,
        n_test_people=len(unseen),
        model_bytes=path.stat().st_size,
        train_seconds=train_seconds,
        export_seconds=exported.seconds,
        seed=seed,
        test_people=unseen,
        runtime=recognizer.model.runtime,
        threads=recognizer.model.threads,
    )
    counts = confusion_matrix(
        replayed.truth, replayed.probabilities.argmax(1), labels=np.arange(len(contract.labels))
    )
    draw_confusion(
        out / "confusion.png",
        contract.labels,
        counts,
        f"{report.n_test_windows} windows of people never seen, macro-F1 {report.macro_f1:.3f}",
    )
    examples = {label: support.samples[(labels == label).argmax()] for label in contract.labels}
    draw_spectrograms(out / "spectrograms.png", contract, examples)
    first = recordings[0]
    times_s = np.arange(len(first.samples)) / data_set.rate_hz
    write_csv(
        out / "unseen_person.csv",
        Recording(first.name, times_s, first.samples, data_set.channels),
    )
    with atomic_write(out / "report.json") as file:
        file.write(json.dumps(dataclasses.asdict(report), indent=1).encode())
    return report


@dataclass(frozen=True)
class Replayed:
    """Decisions of the live path on recordings of known classes.

    Attributes:
        windows: (n, window_samples, channels) windows that do not overlap, each the one that a
            decision saw.
        truth: (n,) index of each window's class.
        probabilities: (n, classes) of each window alone.
        decisions_truth: (m,) index of the class at every decision.
        decisions_label: (m,) index of the label that was shown, smoothed over windows; -1 for none.
        latency_us: (m, 3) front end, inference, total of every decision.
    """

    windows: Float32Array
    truth: npt.NDArray[np.int64]
    probabilities: Float64Array
    decisions_truth: npt.NDArray[np.int64]
    decisions_label: npt.NDArray[np.int64]
    latency_us: Float64Array


def replay(
    recognizer: Recognizer,
    data_set: DataSet,
    recordings: Sequence[LabelledRecording],
    show_progress: bool = True,
) -> Replayed:
    """Push recordings through the live path one sample a call, as a sensor would.

    Args:
        recognizer: of the model under test.
        data_set: the recordings' data set.
        recordings: what to replay, each of one class. The recogniser is reset before each.
        show_progress: draw a progress bar.
    """
    contract = recognizer.contract
    labels = contract.labels
    # decisions from one window to the next that does not overlap with it, rounded up
    stride = -(-contract.window_samples // contract.hop_samples)
    windows = []
    truth = []
    probabilities = []
    decisions_truth = []
    decisions_label = []
    latency_us = []
    total = sum(len(r.samples) for r in recordings)
    for recording in track(
        recordings, "replaying samples", total, size=lambda r: len(r.samples), show=show_progress
    ):
        true_label = labels.index(data_set.label_names[recording.labels[0]])
        recognizer.reset()
        for i, (stop, decision) in enumerate(_decisions(recognizer, recording, data_set.rate_hz)):
            latency = decision.latency_us
            assert latency is not None
            shown = -1 if decision.label is None else labels.index(decision.label)
            decisions_truth.append(true_label)
            decisions_label.append(shown)
            latency_us.append((latency.frontend, latency.inference, latency.total))
            if i % stride == 0:
                windows.append(recording.samples[stop - contract.window_samples : stop])
                truth.append(true_label)
                probabilities.append(decision.window_probabilities)
    return Replayed(
        windows=np.stack(windows),
        truth=np.array(truth),
        probabilities=np.array(probabilities),
        decisions_truth=np.array(decisions_truth),
        decisions_label=np.array(decisions_label),
        latency_us=np.array(latency_us),
    )


def _decisions(
    recognizer: Recognizer, recording: LabelledRecording, rate_hz: float
) -> Iterator[tuple[int, Decision]]:
    """Yield each decision with the number of samples pushed before it."""
    for i, sample in enumerate(recording.samples):
        for decision in recognizer.push([i / rate_hz], sample[None]):
            yield i + 1, decision


def score(
    labels: tuple[str, ...], replayed: Replayed, float_probabilities: np.ndarray
) -> dict[str, Any]:
    """Compute accuracy and latency of a replay, as fields of :class:`DemoReport`.

    Args:
        labels: class names.
        replayed: decisions of the int8 model.
        float_probabilities: (n, classes) of the float network on the same windows.
    """
    classes = np.arange(len(labels))
    predicted = replayed.probabilities.argmax(1)
    float_predicted = float_probabilities.argmax(1)
    precision, recall, f1, support = precision_recall_fscore_support(
        replayed.truth, predicted, labels=classes, zero_division=0
    )
    return {
        "macro_f1": float(f1.mean()),
        "macro_f1_float": _macro_f1(replayed.truth, float_predicted, classes),
        "macro_f1_decisions": _macro_f1(
            replayed.decisions_truth, replayed.decisions_label, classes
        ),
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "windows": int(n)}
            for label, p, r, f, n in zip(labels, precision, recall, f1, support, strict=True)
        },
        "n_test_windows": len(replayed.truth),
        "float_int8_agreement": float((predicted == float_predicted).mean()),
        "latency_us": {
            stage: {
                name: float(np.percentile(replayed.latency_us[:, i], q))
                for name, q in PERCENTILES.items()
            }
            for i, stage in enumerate(STAGES)
        },
    }


def _macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: np.ndarray) -> float:
    return float(f1_score(truth, predicted, labels=classes, average="macro", zero_division=0))


def print_demo_report(report: DemoReport) -> None:
    """Print the figures on the terminal, as tables and lines."""
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
            f"{report.macro_f1:.3f} (float {report.macro_f1_float:.3f}); every decision as shown "
            f"live {report.macro_f1_decisions:.3f}",
        ),
        ("float and int8 agree", f"on {report.float_int8_agreement:.1%} of the windows"),
        ("model file", f"{report.model_bytes / 1024:.0f} KiB"),
        ("trained in", f"{report.train_seconds:.1f} s, exported in {report.export_seconds:.1f} s"),
        ("ran on", f"{report.runtime}, {report.threads} thread"),
    ):
        console.print(f"{name:>21}  {text}", highlight=False)


def draw_spectrograms(path: Path, contract: Contract, windows: dict[str, Float32Array]) -> None:
    """Draw the images that the network sees: a row per class, a column per image.

    Red, green and blue are x, y and z.

    Args:
        path: of the PNG.
        contract: gives the channels and the front end.
        windows: class name to one window (window_samples, channels).
    """
    spec = contract.front_end
    stream = contract.stream
    front_end = FrontEnd.of(contract)
    titles = [
        f"{stream.channels[rgb[0]].partition('_')[0]}, "
        f"frames of {s.fft_samples / stream.rate_hz:.3g} s"
        for s in spec.spectrograms
        for rgb in spec.image_channels
    ]
    figure = Figure(
        figsize=(1.2 + 2.1 * spec.n_images, 1.2 + 1.45 * len(windows)), layout="constrained"
    )
    axes = figure.subplots(len(windows), spec.n_images, squeeze=False, sharex=True, sharey=True)
    ticks_hz = [f for f in (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if f <= stream.rate_hz / 2]
    top = np.arcsinh(stream.rate_hz / 2 / spec.frequency_knee_hz)
    ticks = [
        spec.image_height * (1 - np.arcsinh(f / spec.frequency_knee_hz) / top) - 0.5
        for f in ticks_hz
    ]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    for row, (label, window) in zip(axes, windows.items(), strict=True):
        images = front_end.compute(window).images
        for axis, image in zip(row, images, strict=True):
            axis.imshow(
                (image + 1) / 2,
                aspect="auto",
                interpolation="nearest",
                extent=(0, contract.window_s, spec.image_height - 0.5, -0.5),
            )
            axis.set_yticks(ticks, [f"{f:g}" for f in ticks_hz])
            axis.tick_params(labelsize=7)
        row[0].set_ylabel(f"{label}\nHz", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("s", fontsize=8)
    figure.suptitle(
        "What the network sees: log spectrograms, red = x, green = y, blue = z", fontsize=11
    )
    figure.savefig(path, dpi=100)


def draw_confusion(
    path: Path, labels: tuple[str, ...], counts: npt.NDArray[np.int64], title: str
) -> None:
    """Draw a confusion matrix: one row per true class, one column per recognised class.

    Args:
        path: of the PNG.
        labels: class names.
        counts: (classes, classes) windows.
        title: of the picture.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(
        figsize=(2.6 + 0.7 * len(labels), 2.2 + 0.6 * len(labels)), layout="constrained"
    )
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        if counts[i, j]:
            axis.text(
                j,
                i,
                f"{counts[i, j]}",
                ha="center",
                va="center",
                color="white" if shares[i, j] > 0.5 else "black",
            )
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xlabel("recognised")
    axis.set_ylabel("performed")
    axis.set_title(title, fontsize=10)
    figure.savefig(path, dpi=120)
