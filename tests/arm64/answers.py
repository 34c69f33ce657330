"""What the bundled model answers here; ``python tests/arm64/answers.py FILE.npz`` keeps it."""

from __future__ import annotations

import sys

import numpy as np

from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from edge_runtime.contract.container import read_model
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.network.interpreter import Model
from edge_runtime.recognizer import Recognizer
from edge_runtime.recordings import read_recording


def windows(contract, golden):
    """The golden windows, and the bundled recording at every other hop: (n, samples, channels)."""
    samples = read_recording(DEMO_RECORDING).samples
    starts = range(0, len(samples) - contract.window_samples + 1, 2 * contract.hop_samples)
    return np.concatenate(
        [golden.windows, [samples[i : i + contract.window_samples] for i in starts]]
    ).astype(np.float32)


def features(file):
    """Of all windows: images (n, n_images, height, width, 3) and statistics (n, n_statistics)."""
    found = FrontEnd.of(file.contract).compute_batch(windows(file.contract, file.golden))
    return {"images": found.images, "statistics": found.statistics}


def network(file, images, statistics):
    """What the network makes of each window's features."""
    model = Model(file.tflite, file.contract)
    inferred = [model.infer(Features(*pair)) for pair in zip(images, statistics, strict=True)]
    return {
        "probabilities": np.stack([probabilities for probabilities, _ in inferred]),
        "embeddings": np.stack([embedding for _, embedding in inferred]),
    }


def labels():
    """The decisions over the bundled recording, through the whole runtime."""
    recording = read_recording(DEMO_RECORDING)
    return [
        str(d.label)
        for d in Recognizer.load(DEMO_MODEL).push(recording.timestamps_s, recording.samples)
    ]


def answers():
    """All of these, by name."""
    file = read_model(DEMO_MODEL)
    found = features(file)
    return {**found, **network(file, **found), "labels": np.array(labels())}


if __name__ == "__main__":
    np.savez(sys.argv[1], **answers())
