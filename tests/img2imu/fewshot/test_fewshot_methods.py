import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu import MotionClassifier
from img2imu.baselines import BASELINES
from img2imu.fewshot.methods import METHODS, pick_methods


def test_ours_comes_first_and_then_the_baselines():
    assert list(pick_methods(None)) == ["img2imu", *BASELINES]
    assert list(pick_methods(["statistics_lr", "img2imu"])) == ["img2imu", "statistics_lr"]
    with pytest.raises(DataError, match="there is no method 'magic', expected img2imu, "):
        pick_methods(["magic"])


def test_a_baseline_can_be_made(toy):
    windows = toy.windows
    method = pick_methods(["statistics_lr"])["statistics_lr"](windows.rate_hz, windows.channels, 0)
    method.fit(windows.samples, windows.labels, windows.samples)
    assert (method.predict(windows.samples) == windows.labels).mean() > 0.9


def test_remembering_embeddings_changes_nothing(toy, monkeypatch):
    windows = toy.windows
    support = np.array([0, 4, 8, 13, 17, 21])
    plain = MotionClassifier(windows.rate_hz, windows.channels).fit(
        windows.samples[support], windows.labels[support]
    )
    expected, probabilities = plain.predict(windows.samples), plain.predict_proba(windows.samples)
    for _ in range(2):
        ours = METHODS["img2imu"](windows.rate_hz, windows.channels, 0)
        ours.fit(windows.samples[support], windows.labels[support], windows.samples)
        assert np.array_equal(ours.predict(windows.samples), expected)
        assert np.allclose(
            ours.classifier.predict_proba(windows.samples), probabilities, rtol=0, atol=1e-6
        )
        monkeypatch.setattr("img2imu.classifier.embed", None)  # the second time, from memory alone
