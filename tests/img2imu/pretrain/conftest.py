import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")


class RowMeans(torch.nn.Module):
    """The smallest encoder: a linear layer on the means of rows."""

    def __init__(self):
        super().__init__()
        self.network = torch.nn.Linear(3 * 48, 6)

    def forward(self, images):
        return self.network(images.mean(3).flatten(1))


@pytest.fixture(autouse=True)
def one_thread():
    """Use one thread. On a busy machine, threads that wait for each other take ten times longer."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def photos(tmp_path):
    """A folder of 24 small images of several shapes."""
    random = np.random.default_rng(0)
    for i in range(24):
        path = tmp_path / "photos" / str(i % 3) / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (int(random.integers(20, 60)), int(random.integers(20, 60)), 3)
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def shades():
    """Five images (5, 3, 48, 32) in -1..1, no two values alike."""
    n = 5 * 3 * 48 * 32
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    return (order.float() / (n - 1) * 2 - 1).reshape(5, 3, 48, 32)
