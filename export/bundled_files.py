"""Make the files that ship with the runtime.

``python -m export.bundled_files demo`` makes the model and the recording of ``img2imu run --demo``.
``python -m export.bundled_files embedder`` makes the network for teaching on the device. NOTICE has
the attributions.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn

from edge_runtime.arrays import Float32Array
from edge_runtime.commands.run import DEMO_EXERCISES, DEMO_MODEL, DEMO_RECORDING
from edge_runtime.files import atomic_write
from edge_runtime.frontend import FrontEnd
from edge_runtime.frontend.design import design_front_end
from edge_runtime.teaching.embedder import EMBEDDER
from export.converters.litert_torch import LitertTorch
from export.pipeline import export_model
from export.recipes import RECIPES
from img2imu.backbone import EarlyBlocks, pretrained_backbone
from img2imu.classifier import MotionClassifier
from img2imu.datasets import load_data_set
from img2imu.splits import manifest_sha256, pick_support, split_by_subject
from img2imu.storage import describe
from img2imu.windows import cut_windows

SEED = 0
DEMO_WINDOW_S = 5.0
DEMO_WINDOWS_PER_CLASS = 10
EXCERPT_S = 10.0
SKIPPED_S = 5.0  # at the start of each recording, while people take position
CALIBRATION_WINDOWS_S = (1.0, 2.0, 5.0)
CALIBRATION_WINDOWS = 40  # of each length


def main(argv: list[str] | None = None) -> None:
    """Make the files named on the command line."""
    makers = {"demo": make_demo, "embedder": make_embedder}
    parser = argparse.ArgumentParser(
        prog="python -m export.bundled_files",
        description="Make the files that ship with the runtime.",
    )
    parser.add_argument("files", choices=makers)
    makers[parser.parse_args(argv).files]()


def make_demo() -> None:
    """Make the demo's model and recording.

    The model learns from ten windows per class of nine people. The recording joins three excerpts
    of ten seconds of the tenth person.
    """
    data_set = load_data_set("watch")
    windows = cut_windows(data_set, DEMO_WINDOW_S)
    train, test = split_by_subject(windows, 1, SEED)
    indices = pick_support(windows, train, DEMO_WINDOWS_PER_CLASS, SEED)
    support = windows.select(indices)
    classifier = MotionClassifier(data_set.rate_hz, data_set.channels, SEED)
    classifier.fit(support.samples, support.class_names, show_progress=True)
    header = describe(
        classifier,
        name="shoulder exercises",
        data_set=f"{data_set.name} ({data_set.licence})",
        split_sha256=manifest_sha256(windows, indices),
    )
    exported = export_model(classifier, DEMO_MODEL, header=header)

    person = windows.subjects[test][0]
    first = round(SKIPPED_S * data_set.rate_hz)
    last = round((SKIPPED_S + EXCERPT_S) * data_set.rate_hz)
    excerpts = []
    for exercise in DEMO_EXERCISES:
        recording = next(
            r
            for r in data_set.recordings
            if r.subject == person
            and data_set.label_names[r.labels[0]] == exercise
            and len(r.samples) >= last
        )
        excerpts.append(recording.samples[first:last])
    samples = np.concatenate(excerpts)
    with atomic_write(DEMO_RECORDING) as file:
        np.savez_compressed(
            file,
            time_s=np.arange(len(samples)) / data_set.rate_hz,
            samples=samples,
            channels=np.array(data_set.channels),
        )
    n_bytes = exported.n_bytes + DEMO_RECORDING.stat().st_size
    print(
        f"wrote {DEMO_MODEL.name} and {DEMO_RECORDING.name} (person {person}): "
        f"{n_bytes / 1024:.0f} KiB together"
    )


def make_embedder() -> None:
    """Make the network for teaching on the device.

    It knows no classes. It is the early blocks of EfficientNet-Lite0 with their weights from
    photographs, and maps one spectrogram image to its texture. An embedding has the textures of any
    number of images, so the network serves windows of any length, rate and axes. The ranges of its
    int8 activations come from images of the watch data, with windows of several lengths.

    Files taught on a device name the maker of this network as ``export.demo.embedder``
    (:data:`edge_runtime.teaching.embedder.MADE_BY`), where this function was at first. The recorded
    name stays, so that the same network has one name in all files.
    """
    converter = LitertTorch(ImageEmbedder(pretrained_backbone()), calibration_images())
    tflite = converter.to_tflite(RECIPES["int8"])
    with atomic_write(EMBEDDER) as file:
        file.write(tflite)
    print(f"wrote {EMBEDDER.name}: {len(tflite) / 1024:.0f} KiB")


class ImageEmbedder(nn.Module):
    """Maps one image to its texture, the first output of the backbone.

    Args:
        backbone: early blocks of an image network.
    """

    def __init__(self, backbone: EarlyBlocks) -> None:
        super().__init__()
        self.backbone = backbone
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map an image (1, H, W, 3) to its texture (1, H / 8 * 40)."""
        texture, _, _ = self.backbone(images)
        return torch.as_tensor(texture)


def calibration_images() -> Float32Array:
    """Return images (n, H, W, 3) of the watch data, of windows of several lengths."""
    data_set = load_data_set("watch")
    random = np.random.default_rng(SEED)
    images = []
    for window_s in CALIBRATION_WINDOWS_S:
        windows = cut_windows(data_set, window_s)
        n, channels = windows.samples.shape[1:]
        spec = design_front_end(data_set.rate_hz, n, data_set.channels)
        front_end = FrontEnd(spec, n, channels, data_set.rate_hz)
        chosen = random.choice(len(windows), CALIBRATION_WINDOWS, replace=False)
        batch = front_end.compute_batch(windows.samples[chosen])
        images.append(batch.images.reshape(-1, *batch.images.shape[2:]))
    return np.concatenate(images)


if __name__ == "__main__":
    main()
