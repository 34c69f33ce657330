"""One way of deciding, in a process that holds nothing else; ``alternatives.py`` starts it.

``python benchmarks/alternatives_worker.py WAY DIRECTORY STARTED_S`` prints a JSON line after its
first decision. Then it reads numbers. For each number N it makes N decisions and prints a JSON
line: the time of each decision from its newest sample on, its processor time, the processor time of
each sample without a decision, and the memory of the process.
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

# Ways; the keys of WAYS
OURS = "ours"
PAPER = "paper, PyTorch"

# Of the paper's app
FFT_SAMPLES = 128
OVERLAP_SAMPLES = 116
IMAGE_HEIGHT = 96
IMAGE_WIDTH = 128

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
POWER_FLOOR = 1e-10  # added to the power before the logarithm
AXES = 3  # an image has three colours

# Files in DIRECTORY
SIGNAL = "signal.npz"
MODEL = "model.tflite"
NETWORK = "resnet18.pt"
ONNX = "resnet18.onnx"
MINIROCKET = "minirocket.pickle"


@dataclass(frozen=True)
class Way:
    """A way of deciding.

    Attributes:
        add: add a sample (channels,) after which no decision is due.
        decide: add a sample after which a decision is due, and decide.
    """

    add: Callable[[Float32Array], object]
    decide: Callable[[Float32Array], object]


def whole_windows(first: Float32Array, predict: Callable[[Float32Array], object]) -> Way:
    """Return a way that keeps the newest window and computes all of it for each decision.

    Args:
        first: (samples, channels) the first window.
        predict: computes the probabilities of a window.
    """
    window = first.copy()

    def add(sample: Float32Array) -> None:
        window[:-1] = window[1:]
        window[-1] = sample

    def decide(sample: Float32Array) -> object:
        add(sample)
        return predict(window)

    return Way(add, decide)


def paper_torch(directory: Path, first: Float32Array, rate_hz: float, sensors: int = 1) -> Way:
    """Return the paper's way: its image, float ResNet-18, PyTorch.

    With two sensors there are two images, as one batch.
    """
    import torch
    from torchvision.models import resnet18

    torch.set_num_threads(1)
    state = torch.load(directory / NETWORK, weights_only=True)
    network = resnet18(weights=None, num_classes=len(state["fc.bias"]))
    network.load_state_dict(state)
    network.eval()

    def predict(window: Float32Array) -> object:
        images = np.stack(
            [paper_image(window[:, AXES * i : AXES * (i + 1)], rate_hz) for i in range(sensors)]
        )
        with torch.inference_mode():
            return network(torch.from_numpy(images)).softmax(1).numpy()

    return whole_windows(first, predict)


def paper_onnx(directory: Path, first: Float32Array, rate_hz: float) -> Way:
    """Return the same image and network in ONNX Runtime."""
    import onnxruntime

    if not (directory / ONNX).exists():  # alternatives.py could not write it
        raise ModuleNotFoundError("ONNX files are written by onnx", name="onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        directory / ONNX, options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def predict(window: Float32Array) -> object:
        return session.run(None, {name: paper_image(window[:, :AXES], rate_hz)[None]})[0]

    return whole_windows(first, predict)


def paper_image(window: Float32Array, rate_hz: float) -> Float32Array:
    """Return the paper's image of a window of one sensor: (samples, 3) to (3, 96, 128) float32.

    Yoon et al. 2022 (arXiv 2209.00945) and their app: a spectrogram of each axis, log10, min-max
    scaling of every axis of every window, resized, ImageNet's mean and deviation. The highest
    frequency is in the first row.
    """
    from PIL import Image
    from scipy.signal import spectrogram

    planes = []
    for axis, mean, std in zip(window.T, IMAGENET_MEAN, IMAGENET_STD, strict=True):
        _, _, power = spectrogram(axis, rate_hz, "hann", FFT_SAMPLES, OVERLAP_SAMPLES)
        level = np.log10(power[::-1] + POWER_FLOOR)
        low = level.min()
        high = level.max()
        shade = Image.fromarray(((level - low) / max(high - low, 1e-6)).astype(np.float32))
        resized = shade.resize((IMAGE_WIDTH, IMAGE_HEIGHT), Image.Resampling.BILINEAR)
        planes.append((np.asarray(resized) - np.float32(mean)) / np.float32(std))
    return np.stack(planes)


class HideTorch:
    """An import hook that hides torch.

    aeon imports torch if it is installed. MiniRocket does not need it, and would pay for it.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Python calls this for every module that is imported."""
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("hidden", name=name)


def minirocket(directory: Path, first: Float32Array, rate_hz: float) -> Way:
    """Return MiniRocket's 10,000 convolutions and a ridge classifier, from aeon."""
    sys.meta_path.insert(0, HideTorch())
    model = pickle.loads((directory / MINIROCKET).read_bytes())  # written by alternatives.py
    return whole_windows(first, lambda window: model.predict(window.T[None]))


def ours(directory: Path, first: Float32Array, rate_hz: float) -> Way:
    """Return the runtime of this project, which computes ahead of a decision what it can."""
    from edge_runtime.recognizer import Recognizer

    recognizer = Recognizer.load(directory / MODEL)
    times_s = itertools.count(len(first))
    decided = len(recognizer.push(np.arange(len(first)) / rate_hz, first))
    if decided != 1:  # the figures would not be those of one decision
        raise RuntimeError(f"{decided} decisions on the first window, expected one")

    def push(sample: Float32Array) -> int:
        return len(recognizer.push(next(times_s) / rate_hz, sample))

    def decide(sample: Float32Array) -> None:
        if push(sample) != 1:
            raise RuntimeError("no decision at the end of a hop, expected one")

    return Way(push, decide)


WAYS: dict[str, Callable[[Path, Float32Array, float], Way]] = {
    OURS: ours,
    PAPER: paper_torch,
    "paper, PyTorch, 2 sensors": partial(paper_torch, sensors=2),
    "paper, ONNX Runtime": paper_onnx,
    "MiniRocket + ridge": minirocket,
}


def main() -> None:
    """Make decisions until the input ends."""
    name, place, started_s = sys.argv[1:]
    directory = Path(place)
    signal = np.load(directory / SIGNAL)
    motion = signal["motion"]
    n = int(signal["window_samples"])
    hop = int(signal["hop_samples"])
    stream = itertools.cycle(np.roll(motion, -n, 0))
    try:
        way = WAYS[name](directory, motion[:n], float(signal["rate_hz"]))
        if name != OURS:  # ours has already decided on the first window
            way.decide(next(stream))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), flush=True)
        return
    print(json.dumps({"start_s": time.monotonic() - float(started_s)}), flush=True)
    for line in sys.stdin:
        times_us = []
        decide_cpu_us = []
        add_cpu_us = []
        for _ in range(int(line)):
            samples = list(itertools.islice(stream, hop))
            cpu_began = time.process_time_ns()
            for sample in samples[:-1]:
                way.add(sample)
            cpu_added = time.process_time_ns()
            began = time.perf_counter_ns()
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
