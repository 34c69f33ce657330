import numpy as np

from edge_runtime.frontend import Features
from edge_runtime.network.interpreter import infer_all, one_by_one, window_at


def test_windows_of_a_batch():
    many = Features(np.arange(6.0).reshape(3, 2), np.arange(3.0))
    assert window_at(many, 1).images.tolist() == [2, 3]
    assert window_at(many, 1).statistics == 1
    assert [window.statistics for window in one_by_one(many)] == [0, 1, 2]


def test_raw_windows_are_a_batch_too(fake_model):
    windows = np.arange(12.0).reshape(2, 3, 2)
    assert window_at(windows, 1).tolist() == windows[1].tolist()
    assert [window.sum() for window in one_by_one(windows)] == [15, 51]
    assert infer_all(fake_model(2, answer=lambda window: window[0]), windows).tolist() == [
        [0, 1],
        [6, 7],
    ]


def test_answers_stand_in_the_order_of_the_windows(fake_model):
    model = fake_model(3, answer=lambda features: np.full(3, features.statistics, np.float32))
    answers = infer_all(model, Features(np.zeros((4, 1)), np.arange(4.0)))
    assert answers.tolist() == [[i] * 3 for i in range(4)]
