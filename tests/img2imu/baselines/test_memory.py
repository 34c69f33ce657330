import numpy as np

from img2imu.baselines.memory import WindowMemory


def test_no_window_is_computed_twice_and_the_order_is_that_asked_for():
    memory, computed = WindowMemory[float](), []

    def means(windows):
        computed.append(len(windows))
        return windows.mean((1, 2)).tolist()

    windows = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    assert memory.recall(windows[:2], means) == [2.5, 8.5]
    assert memory.recall(windows[[3, 0, 3, 2]], means) == [20.5, 2.5, 20.5, 14.5]
    assert memory.recall(windows, means) == [2.5, 8.5, 14.5, 20.5]
    assert computed == [2, 3]


def test_windows_are_told_apart_by_their_samples_however_they_lie_in_memory():
    memory = WindowMemory[float]()
    windows = np.random.default_rng(0).normal(size=(3, 8, 2)).astype(np.float32)
    assert memory.recall(windows, lambda new: [1.0, 2.0, 3.0]) == [1.0, 2.0, 3.0]
    assert memory.recall(np.asfortranarray(windows), lambda new: [0.0] * len(new)) == [
        1.0,
        2.0,
        3.0,
    ]
