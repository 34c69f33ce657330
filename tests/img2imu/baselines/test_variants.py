import numpy as np
import pytest
import torch
from torch import nn

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.frontend import Features
from img2imu import MotionClassifier
from img2imu.backbone import EarlyBlocks
from img2imu.baselines import pick_methods, variants
from img2imu.baselines.variants import RandomNetwork, estimate_batch_norm


@pytest.fixture(scope="module")
def features():
    images = np.random.default_rng(0).uniform(-1, 0.2, (6, 2, 48, 32, 3)).astype(np.float32)
    return Features(images, np.zeros((6, 4), np.float32))


def test_caching_embeddings_changes_nothing(motions, monkeypatch):
    windows, labels = motions()
    support = np.concatenate([np.flatnonzero(labels == name)[:2] for name in np.unique(labels)])
    plain = MotionClassifier(50.0, CHANNELS).fit(windows[support], labels[support])
    expected = plain.predict(windows)
    probabilities = plain.predict_proba(windows)
    for _ in range(2):
        ours = pick_methods(["img2imu"])["img2imu"](50.0, CHANNELS, 0)
        ours.fit(windows[support], labels[support], windows)
        assert np.array_equal(ours.predict(windows), expected)
        assert np.allclose(ours.classifier.predict_proba(windows), probabilities, rtol=0, atol=1e-6)
        monkeypatch.setattr("img2imu.classifier.embed", None)  # the second time, from the cache


@torch.no_grad()
def test_batch_norm_leaves_channels_with_mean_0_and_std_1(features):
    torch.manual_seed(0)
    backbone = EarlyBlocks(pretrained=False)
    outputs = []
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    estimate_batch_norm(backbone, features)
    assert not backbone.training
    assert [norm.momentum for norm in norms] == momenta
    for norm in norms:
        norm.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    backbone(torch.from_numpy(features.images.reshape(12, 48, 32, 3)))
    assert len(outputs) == 15
    for output in outputs:
        torch.testing.assert_close(
            output.mean((0, 2, 3)), torch.zeros(output.shape[1]), rtol=0, atol=0.02
        )
        assert float((output.std((0, 2, 3)) - 1).abs().median()) < 0.05


def test_batch_norm_is_estimated_on_at_most_128_unlabelled_windows(motions, monkeypatch):
    counts = []
    monkeypatch.setattr(
        variants,
        "estimate_batch_norm",
        lambda _, features: counts.append(len(features.images)),
    )
    windows, labels = motions(per_class=1)
    for unlabelled in (None, np.repeat(windows, 10, 0), np.repeat(windows, 50, 0)):
        RandomNetwork(50.0, CHANNELS, 0).fit(windows, labels, unlabelled)
    assert counts == [3, 30, 128]


def test_another_seed_is_another_network(motions):
    windows, labels = motions(per_class=1)
    first, second = (
        RandomNetwork(50.0, CHANNELS, seed).fit(windows, labels).classifier.backbone_
        for seed in (0, 1)
    )
    assert not torch.equal(first.stem[0].weight, second.stem[0].weight)
