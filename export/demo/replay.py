"""Recordings through the live path, sample by sample, and what came out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime import Recognizer
from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.decision import Decision
from img2imu.datasets import DataSet, LabelledRecording
from img2imu.progress import track


@dataclass(frozen=True)
class Live:
    """Decisions on recordings of known classes.

    Attributes:
        windows: (n, window_samples, channels) windows that do not overlap, as cut by the decisions.
        truth: (n,) index of each window's class.
        probabilities: (n, classes) of each window alone.
        decisions_truth: (m,) class at every decision.
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
) -> Live:
    """Push recordings of one class each, one sample a call, as a sensor would.

    Args:
        recognizer: of the model under test.
        data_set: that the recordings come from.
        recordings: what to play; the recogniser is reset before each.
        show_progress: draw a bar.
    """
    labels = recognizer.contract.labels
    apart = -(
        -recognizer.contract.window_samples // recognizer.contract.hop_samples
    )  # decisions without overlap
    windows, truth, probabilities, all_truth, all_labels, latency_us = [], [], [], [], [], []
    samples = sum(len(r.samples) for r in recordings)
    for recording in track(
        recordings, "replaying samples", samples, size=lambda r: len(r.samples), show=show_progress
    ):
        wanted = labels.index(data_set.label_names[recording.labels[0]])
        recognizer.reset()
        for i, (stop, decision) in enumerate(_decisions(recognizer, recording, data_set.rate_hz)):
            assert decision.latency_us is not None
            all_truth.append(wanted)
            all_labels.append(labels.index(decision.label) if decision.label is not None else -1)
            latency_us.append(
                (
                    decision.latency_us.frontend,
                    decision.latency_us.inference,
                    decision.latency_us.total,
                )
            )
            if i % apart == 0:
                windows.append(recording.samples[stop - recognizer.contract.window_samples : stop])
                truth.append(wanted)
                probabilities.append(decision.window_probabilities)
    return Live(
        np.stack(windows),
        np.array(truth),
        np.array(probabilities),
        np.array(all_truth),
        np.array(all_labels),
        np.array(latency_us),
    )


def _decisions(
    recognizer: Recognizer, recording: LabelledRecording, rate_hz: float
) -> Iterator[tuple[int, Decision]]:
    """Each decision with the number of samples that had come."""
    for i, sample in enumerate(recording.samples):
        for decision in recognizer.push([i / rate_hz], sample[None]):
            yield i + 1, decision
