import numpy as np
import pytest
import torch

from edge_runtime.contract.spec import CHANNELS
from img2imu.baselines.limu_bert import PATH_VARIABLE, LimuBert

RATE_HZ = 50.0
SAMPLES = 96
SWING_HZ = (1.5, 4.0, 9.0)
NAMES = np.array(["nod", "shake", "tremble"])


@pytest.fixture(autouse=True)
def one_thread():
    """Use one thread: a second one helps small networks little, and slows a busy machine down."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def motions():
    """A function that draws windows (3 * per_class, samples, channels) at 50 Hz, and their names.

    They show three motions with gravity, in random order.
    """

    def draw(per_class=4, channels=CHANNELS, samples=SAMPLES, seed=0):
        random = np.random.default_rng(seed)
        numbers = random.permutation(np.repeat(np.arange(3), per_class))
        times_s = np.arange(samples)[:, None] / RATE_HZ
        gravity = np.array([0, 0, 9.81, 0, 0, 0])
        windows = random.normal(0, 0.05, (len(numbers), samples, 6)) + gravity
        for window, number in zip(windows, numbers, strict=True):
            strength = np.ones(6)
            strength[[number, 3 + number]] = 3  # each motion has a main axis of its own, too
            phase = random.uniform(0, 6, 6)
            window += strength * np.sin(2 * np.pi * SWING_HZ[number] * times_s + phase)
        columns = [CHANNELS.index(name) for name in channels]
        return windows[:, :, columns].astype(np.float32), NAMES[numbers]

    return draw


@pytest.fixture
def limu_bert_file(tmp_path, monkeypatch):
    """A file with random weights of the published names and shapes; the variable holds its path."""
    torch.manual_seed(0)
    path = tmp_path / "limu_bert_x.pt"
    torch.save(LimuBert().state_dict(), path)
    monkeypatch.setenv(PATH_VARIABLE, str(path))
    return path
