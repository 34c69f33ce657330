import numpy as np
import pytest
import torch

from edge_runtime.contract.spec import CHANNELS
from img2imu.baselines.limu_bert import PATH_VARIABLE, LimuBert

RATE_HZ, SAMPLES = 50.0, 96
SWING_HZ = (1.5, 4.0, 9.0)
NAMES = np.array(["nod", "shake", "tremble"])


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks gain nothing from a second thread, and on a busy machine they lose much."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def motions():
    """Windows (3 * each, samples, channels) at 50 Hz of three motions with gravity, in no order, and their names."""

    def draw(each=4, channels=CHANNELS, samples=SAMPLES, seed=0):
        random = np.random.default_rng(seed)
        numbers = random.permutation(np.repeat(np.arange(3), each))
        times_s = np.arange(samples)[:, None] / RATE_HZ
        windows = random.normal(0, 0.05, (len(numbers), samples, 6)) + np.array(
            [0, 0, 9.81, 0, 0, 0]
        )
        for window, number in zip(windows, numbers, strict=True):
            strength = np.ones(6)
            strength[[number, 3 + number]] = 3  # each along and about another axis too
            window += strength * np.sin(
                2 * np.pi * SWING_HZ[number] * times_s + random.uniform(0, 6, 6)
            )
        columns = [CHANNELS.index(name) for name in channels]
        return windows[:, :, columns].astype(np.float32), NAMES[numbers]

    return draw


@pytest.fixture
def limu_bert_file(tmp_path, monkeypatch):
    """A file with random weights of the published names and shapes, and the variable that names it."""
    torch.manual_seed(0)
    path = tmp_path / "limu_bert_x.pt"
    torch.save(LimuBert().state_dict(), path)
    monkeypatch.setenv(PATH_VARIABLE, str(path))
    return path
