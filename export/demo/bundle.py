"""The model and the recording that ship with the runtime, for ``img2imu run --demo``.

``python -m export.demo.bundle`` makes them anew: a model learnt from ten windows per class of nine
people, and three excerpts of ten seconds, joined, of the tenth. NOTICE has the attribution.
"""

from __future__ import annotations

import numpy as np

from edge_runtime.commands.run import DEMO_EXERCISES, DEMO_MODEL, DEMO_RECORDING
from edge_runtime.files import atomic_write
from export.pipeline import export_model
from img2imu.classifier import MotionClassifier
from img2imu.datasets import load_data_set
from img2imu.splits import manifest_sha256, pick_support, split_by_subject
from img2imu.storage import describe
from img2imu.windows import cut_windows

SEED = 0
WINDOW_S = 5.0
WINDOWS_PER_CLASS = 10
EXCERPT_S = 10.0
SKIPPED_S = 5.0  # of each recording, before the excerpt: people take position


def main() -> None:
    """Train, export and cut the excerpts."""
    data_set = load_data_set("watch")
    windows = cut_windows(data_set, WINDOW_S)
    train, test = split_by_subject(windows, 1, SEED)
    support = windows.select(indices := pick_support(windows, train, WINDOWS_PER_CLASS, SEED))
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, SEED)
    classifier.fit(
        support.samples, np.array(windows.label_names)[support.labels], show_progress=True
    )
    header = describe(
        classifier,
        "shoulder exercises",
        f"{data_set.name} ({data_set.licence})",
        manifest_sha256(windows, indices),
    )
    exported = export_model(classifier, header, DEMO_MODEL)

    person = windows.subjects[test][0]
    first, last = (round(s * data_set.rate_hz) for s in (SKIPPED_S, SKIPPED_S + EXCERPT_S))
    pieces = []
    for exercise in DEMO_EXERCISES:
        recording = next(
            r
            for r in data_set.recordings
            if r.subject == person
            and data_set.label_names[r.labels[0]] == exercise
            and len(r.samples) >= last
        )
        pieces.append(recording.samples[first:last])
    samples = np.concatenate(pieces)
    with atomic_write(DEMO_RECORDING) as file:
        np.savez_compressed(
            file,
            time_s=np.arange(len(samples)) / data_set.rate_hz,
            samples=samples,
            channels=np.array(data_set.channels),
        )
    n_bytes = exported.n_bytes + DEMO_RECORDING.stat().st_size
    print(
        f"wrote {DEMO_MODEL.name} and {DEMO_RECORDING.name} (person {person}): {n_bytes / 1024:.0f} KiB together"
    )


if __name__ == "__main__":
    main()
