"""The demo's steps: data, learning, export, live replay, report."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from edge_runtime import Contract, Recognizer
from edge_runtime.arrays import Float32Array
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.network.interpreter import Model, infer_all
from edge_runtime.recordings import Recording, write_csv
from export.demo.pictures import draw_confusion, draw_spectrograms
from export.demo.replay import Live, replay
from export.demo.report import Report, scores
from export.pipeline import export_model, record_accuracy
from img2imu.classifier import MotionClassifier
from img2imu.datasets import DataSet, LabelledRecording, load_data_set
from img2imu.splits import manifest_sha256, pick_support, split_by_subject
from img2imu.storage import describe
from img2imu.windows import cut_windows

WINDOW_S = 5.0
TEST_PEOPLE = 3


def run(out: Path, seed: int, windows_per_class: int, show_progress: bool = True) -> Report:
    """Do the whole job and leave model, report and pictures in ``out``.

    Args:
        out: a directory that exists.
        seed: of the choice of people and windows.
        windows_per_class: labelled windows to learn from.
        show_progress: draw bars and say what is done.

    Raises:
        DataError: more windows per class asked for than there are.
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
        f"learning {len(set(support.labels.tolist()))} exercises from {windows_per_class} windows of {WINDOW_S:g} s "
        f"each, of {len(set(support.subjects.tolist()))} people ...",
        flush=True,
    )
    started = time.perf_counter()
    labels = np.array(windows.label_names)[support.labels]
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, seed)
    classifier.fit(support.samples, labels, show_progress=show_progress)
    train_seconds = time.perf_counter() - started

    say("converting to .tflite and quantising to int8 ...", flush=True)
    path = out / "model.tflite"
    header = describe(
        classifier,
        "shoulder exercises",
        f"{data_set.name} ({data_set.licence})",
        manifest_sha256(windows, indices),
    )
    exported = export_model(classifier, header, path, show_progress)

    recognizer = Recognizer.load(path)
    recordings = [r for r in data_set.recordings if r.subject in unseen]
    live = replay(recognizer, data_set, recordings, show_progress)
    contract = recognizer.contract
    float_probabilities = infer_all(
        Model(exported.float_tflite, contract), FrontEnd.of(contract).compute_batch(live.windows)
    )
    measured = scores(contract.labels, live, float_probabilities)
    record_accuracy(path, measured["macro_f1_float"], measured["macro_f1"])
    report = Report(
        **measured,
        n_test_people=len(unseen),
        model_bytes=path.stat().st_size,
        train_seconds=train_seconds,
        export_seconds=exported.seconds,
        seed=seed,
        test_people=unseen,
        runtime=recognizer.model.runtime,
        threads=recognizer.model.threads,
    )
    examples = {label: support.samples[(labels == label).argmax()] for label in contract.labels}
    _draw(out, contract, live, report, examples)
    write_csv(out / "unseen_person.csv", _as_recording(recordings[0], data_set))
    with atomic_write(out / "report.json") as file:
        file.write(json.dumps(dataclasses.asdict(report), indent=1).encode())
    return report


def _draw(
    out: Path,
    contract: Contract,
    live: Live,
    report: Report,
    examples: dict[str, Float32Array],
) -> None:
    counts = confusion_matrix(
        live.truth, live.probabilities.argmax(1), labels=np.arange(len(contract.labels))
    )
    draw_confusion(
        out / "confusion.png",
        contract.labels,
        counts,
        f"{report.n_test_windows} windows of people never seen, macro-F1 {report.macro_f1:.3f}",
    )
    draw_spectrograms(out / "spectrograms.png", contract, examples)


def _as_recording(recording: LabelledRecording, data_set: DataSet) -> Recording:
    times = np.arange(len(recording.samples)) / data_set.rate_hz
    return Recording(recording.name, times, recording.samples, data_set.channels)
