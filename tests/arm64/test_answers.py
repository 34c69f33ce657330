"""The bundled model's answers here against an x86 machine's; ``make test-arm64`` runs it.

IMG2IMU_X86_ANSWERS names the file that ``answers.py`` wrote on x86 in the same run.
"""

import os
import platform
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.commands.run import DEMO_MODEL
from edge_runtime.contract.container import read_model
from edge_runtime.network.interpreter import Model
from img2imu.cli import main

sys.path.insert(0, str(Path(__file__).parent))
from answers import answers, network


@pytest.fixture(scope="module")
def x86():
    with np.load(os.environ["IMG2IMU_X86_ANSWERS"]) as kept:
        return dict(kept)


@pytest.fixture(scope="module")
def here():
    return answers()


def largest(found, expected):
    return float(np.abs(found - expected).max())


def test_this_is_arm64_with_the_fast_kernels():
    file = read_model(DEMO_MODEL)
    assert platform.machine() == "aarch64"
    assert Model(file.tflite, file.contract).outside_delegate == ()  # XNNPACK computes all of it


def test_the_int8_network_answers_byte_for_byte(x86):
    """Given the same features, everything up to the embedding is integers, or averages of them."""
    same = network(read_model(DEMO_MODEL), x86["images"], x86["statistics"])
    assert same["embeddings"].shape == x86["embeddings"].shape and len(x86["embeddings"]) > 40
    assert same["embeddings"].tobytes() == x86["embeddings"].tobytes()
    # The head behind it is float32: sums in another order, and another exp in the softmax.
    assert largest(same["probabilities"], x86["probabilities"]) < 1e-5


def test_the_front_end_differs_in_the_last_bits_alone(x86, here):
    """The logarithm and the FFT of numpy are other machine code; an image's values are around 1."""
    assert largest(here["images"], x86["images"]) < 1e-5
    scale = np.maximum(np.abs(x86["statistics"]), 1)
    assert largest(here["statistics"] / scale, x86["statistics"] / scale) < 1e-5
    equal = np.mean(here["images"] == x86["images"])
    print(f"{equal:.1%} of the images' values are the same bit for bit")


def test_decisions_are_the_same(x86, here):
    """Not bit-identical: a last bit can move an image's value to the next integer."""
    assert here["labels"].tolist() == x86["labels"].tolist() and len(set(here["labels"])) > 1
    assert largest(here["probabilities"], x86["probabilities"]) < 0.02
    assert (here["probabilities"].argmax(1) == x86["probabilities"].argmax(1)).all()


def test_verify_is_content(capsys):
    assert main(["verify", str(DEMO_MODEL)]) == 0
    assert "3 windows replayed by ai-edge-litert" in capsys.readouterr().out
