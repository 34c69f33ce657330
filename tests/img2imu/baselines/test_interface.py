import numpy as np

from img2imu.baselines.interface import WindowCache


def test_no_window_is_computed_twice_and_values_are_in_the_order_of_the_windows():
    cache = WindowCache[float]()
    batch_sizes = []

    def means(windows):
        batch_sizes.append(len(windows))
        return windows.mean((1, 2)).tolist()

    windows = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    assert cache.look_up(windows[:2], means) == [2.5, 8.5]
    assert cache.look_up(windows[[3, 0, 3, 2]], means) == [20.5, 2.5, 20.5, 14.5]
    assert cache.look_up(windows, means) == [2.5, 8.5, 14.5, 20.5]
    assert batch_sizes == [2, 3]


def test_windows_are_told_apart_by_their_samples_in_any_memory_layout():
    cache = WindowCache[float]()
    windows = np.random.default_rng(0).normal(size=(3, 8, 2)).astype(np.float32)
    assert cache.look_up(windows, lambda new: [1.0, 2.0, 3.0]) == [1.0, 2.0, 3.0]
    again = cache.look_up(np.asfortranarray(windows), lambda new: [0.0] * len(new))
    assert again == [1.0, 2.0, 3.0]
