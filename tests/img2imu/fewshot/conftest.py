"""Small data sets with known structure."""

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from img2imu.datasets import DataSet, LabelledRecording
from img2imu.fewshot.tasks import Task, TaskData, cut_task
from img2imu.windows import Windows

RATE_HZ = 20.0
SIZE = 40
MOTIONS = {"rest": 0.0, "slow": 1.0, "fast": 4.0}  # in Hz
TASK = Task("toy", "toy.npz", SIZE / RATE_HZ)


def _motion(frequency_hz, random, samples=SIZE):
    times_s = np.arange(samples)[:, None] / RATE_HZ
    phase = 2 * np.pi * frequency_hz * times_s + random.uniform(0, 6, 6)
    noise = random.normal(0, 0.1, (samples, 6))
    return (np.sin(phase) + noise + [0, 0, 9.8, 0, 0, 0]).astype(np.float32)


def _toy_data(people=5, windows_each=4, seed=0):
    """A data set of ``people`` with ``windows_each`` windows of each motion."""
    random = np.random.default_rng(seed)
    recordings = [
        LabelledRecording(
            f"{person} {label}",
            f"p{person}",
            _motion(frequency_hz, random, SIZE * windows_each),
            np.full(SIZE * windows_each, number, np.int16),
        )
        for person in range(people)
        for number, (label, frequency_hz) in enumerate(MOTIONS.items())
    ]
    return DataSet("toy", "CC0", "nobody", RATE_HZ, CHANNELS, tuple(MOTIONS), tuple(recordings))


def _task_of(counts):
    """A task with ``counts`` windows, {(person, label): number}; all samples are 0."""
    people = [person for (person, _), n in counts.items() for _ in range(n)]
    labels = np.array([label for (_, label), n in counts.items() for _ in range(n)], np.int64)
    n = len(labels)
    windows = Windows(
        samples=np.zeros((n, 16, 1), np.float32),
        labels=labels,
        subjects=np.array(people),
        recordings=np.arange(n) // 5,
        starts=np.arange(n) % 5 * 16,
        label_names=("a", "b", "c"),
        rate_hz=RATE_HZ,
        channels=("acc_z",),
    )
    return TaskData(TASK, windows)


@pytest.fixture(scope="session")
def toy_data():
    return _toy_data


@pytest.fixture(scope="session")
def toy():
    return cut_task(TASK, _toy_data())


@pytest.fixture(scope="session")
def task_of():
    return _task_of
