"""One way of recognising, in a process that holds nothing else; ``benchmarks/alternatives.py`` starts it.

``python benchmarks/alternatives_worker.py WAY DIRECTORY STARTED_S`` prints a JSON line after its
first decision. Then it reads numbers, and for each prints a line about so many decisions: how long
each took from the newest sample on, its processor time, that of each sample on which no decision
falls, and the memory that is held.
"""

from __future__ import annotations

import itertools
import json
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.machine import read_memory

FFT_SAMPLES, OVERLAP_SAMPLES = 128, 116  # the authors' app
IMAGE_HEIGHT, IMAGE_WIDTH = 96, 128  # the authors' app
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
POWER_FLOOR = 1e-10  # under the logarithm
AXES = 3  # an image has three colours
SIGNAL, MODEL = "signal.npz", "model.tflite"
NETWORK, ONNX, MINIROCKET = "resnet18.pt", "resnet18.onnx", "minirocket.pickle"


def paper_image(window: Float32Array, rate_hz: float) -> Float32Array:
    """A window of one sensor (samples, 3) as the paper draws it: (3, 96, 128) float32, the highest frequency on top.

    Yoon et al. 2022 (arXiv 2209.00945) and their app: a spectrogram of each axis, log10, every axis
    of every window stretched from its least to its greatest value, resized, ImageNet's mean and
    deviation.
    """
    from PIL import Image
    from scipy.signal import spectrogram

    planes = []
    for axis, mean, std in zip(window.T, IMAGENET_MEAN, IMAGENET_STD, strict=True):
        _, _, power = spectrogram(axis, rate_hz, "hann", FFT_SAMPLES, OVERLAP_SAMPLES)
        level = np.log10(power[::-1] + POWER_FLOOR)
        low, high = level.min(), level.max()
        shade = Image.fromarray(((level - low) / max(high - low, 1e-6)).astype(np.float32))
        drawn = shade.resize((IMAGE_WIDTH, IMAGE_HEIGHT), Image.Resampling.BILINEAR)
        planes.append((np.asarray(drawn) - np.float32(mean)) / np.float32(std))
    return np.stack(planes)


@dataclass(frozen=True)
class Way:
    """A way of recognising.

    Attributes:
        add: takes a sample (channels,) after which no decision is due.
        decide: takes one after which a decision is, and makes it.
    """

    add: Callable[[Float32Array], object]
    decide: Callable[[Float32Array], object]


def whole_windows(first: Float32Array, answer: Callable[[Float32Array], object]) -> Way:
    """The way of somebody who keeps the newest window (samples, channels) and computes all of it for each decision."""
    window = first.copy()

    def add(sample: Float32Array) -> None:
        window[:-1] = window[1:]
        window[-1] = sample

    def decide(sample: Float32Array) -> object:
        add(sample)
        return answer(window)

    return Way(add, decide)


def paper_torch(directory: Path, first: Float32Array, rate_hz: float, sensors: int = 1) -> Way:
    """The paper's image, float ResNet-18, PyTorch; an image for each of the first so many sensors, as one batch."""
    import torch
    from torchvision.models import resnet18

    torch.set_num_threads(1)
    state = torch.load(directory / NETWORK, weights_only=True)
    network = resnet18(weights=None, num_classes=len(state["fc.bias"]))
    network.load_state_dict(state)
    network.eval()

    def answer(window: Float32Array) -> object:
        images = np.stack(
            [paper_image(window[:, AXES * i : AXES * (i + 1)], rate_hz) for i in range(sensors)]
        )
        with torch.inference_mode():
            return network(torch.from_numpy(images)).softmax(1).numpy()

    return whole_windows(first, answer)


def paper_onnx(directory: Path, first: Float32Array, rate_hz: float) -> Way:
    """The same image and network, in ONNX Runtime."""
    import onnxruntime

    if not (directory / ONNX).exists():  # the parent could not write it
        raise ModuleNotFoundError("ONNX files are written by onnx", name="onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        directory / ONNX, options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def answer(window: Float32Array) -> object:
        return session.run(None, {name: paper_image(window[:, :AXES], rate_hz)[None]})[0]

    return whole_windows(first, answer)


class NoTorch:
    """Hides torch: aeon imports it where it is installed, and MiniRocket, which does not need it, would pay for it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Called for everything that is imported."""
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("hidden", name=name)


def minirocket(directory: Path, first: Float32Array, rate_hz: float) -> Way:
    """About 10,000 convolutions and a ridge classifier, as aeon has them."""
    sys.meta_path.insert(0, NoTorch())
    model = pickle.loads(
        (directory / MINIROCKET).read_bytes()
    )  # written by our own parent a moment ago
    return whole_windows(first, lambda window: model.predict(window.T[None]))


def ours(directory: Path, first: Float32Array, rate_hz: float) -> Way:
    """The runtime of this project; what can be computed before a decision is due, is."""
    from edge_runtime.recognizer import Recognizer

    recognizer = Recognizer.load(directory / MODEL)
    times_s = itertools.count(len(first))
    decided = len(recognizer.push(np.arange(len(first)) / rate_hz, first))
    if decided != 1:  # the figures would be those of something else
        raise RuntimeError(f"{decided} decisions on the first window, expected one")

    def push(sample: Float32Array) -> int:
        return len(recognizer.push(next(times_s) / rate_hz, sample))

    def decide(sample: Float32Array) -> None:
        if push(sample) != 1:
            raise RuntimeError("no decision at the end of a hop, expected one")

    return Way(push, decide)


WAYS: dict[str, Callable[[Path, Float32Array, float], Way]] = {
    "ours": ours,
    "paper, PyTorch": paper_torch,
    "paper, PyTorch, 2 sensors": partial(paper_torch, sensors=2),
    "paper, ONNX Runtime": paper_onnx,
    "MiniRocket + ridge": minirocket,
}


def main() -> None:
    """Answer until the input ends."""
    name, place, started_s = sys.argv[1:]
    directory = Path(place)
    signal = np.load(directory / SIGNAL)
    motion, n, hop = signal["motion"], int(signal["window_samples"]), int(signal["hop_samples"])
    stream = itertools.cycle(np.roll(motion, -n, 0))
    try:
        way = WAYS[name](directory, motion[:n], float(signal["rate_hz"]))
        if name != "ours":  # which has decided on the first window
            way.decide(next(stream))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), flush=True)
        return
    print(json.dumps({"start_s": time.monotonic() - float(started_s)}), flush=True)
    for line in sys.stdin:
        times_us, decide_cpu_us, add_cpu_us = [], [], []
        for _ in range(int(line)):
            samples = list(itertools.islice(stream, hop))
            cpu_began = time.process_time_ns()
            for sample in samples[:-1]:
                way.add(sample)
            cpu_added, began = time.process_time_ns(), time.perf_counter_ns()
            way.decide(samples[-1])
            times_us.append((time.perf_counter_ns() - began) / 1e3)
            decide_cpu_us.append((time.process_time_ns() - cpu_added) / 1e3)
            add_cpu_us.append((cpu_added - cpu_began) / 1e3 / max(hop - 1, 1))
        print(
            json.dumps(
                {
                    "times_us": times_us,
                    "decide_cpu_us": decide_cpu_us,
                    "add_cpu_us": add_cpu_us,
                    "resident_mb": read_memory().resident_mb,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
