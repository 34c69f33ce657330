import numpy as np

from edge_runtime.batches import infer_all, one, one_by_one
from edge_runtime.frontend import Features


def test_windows_of_a_batch():
    many = Features(np.arange(6.0).reshape(3, 2), np.arange(3.0))
    assert one(many, 1).images.tolist() == [2, 3]
    assert one(many, 1).statistics == 1
    assert [window.statistics for window in one_by_one(many)] == [0, 1, 2]


def test_answers_stand_in_the_order_of_the_windows(fake_model):
    model = fake_model(3, answer=lambda features: np.full(3, features.statistics, np.float32))
    answers = infer_all(model, Features(np.zeros((4, 1)), np.arange(4.0)))
    assert answers.tolist() == [[i] * 3 for i in range(4)]
