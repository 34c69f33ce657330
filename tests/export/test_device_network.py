import numpy as np
import torch

from edge_runtime.contract.head import CLIP, LinearHead
from edge_runtime.network.interpreter import window_at
from export.device_network import DeviceNetwork
from img2imu.backbone import pretrained_backbone


@torch.inference_mode()
def run(network, images, statistics):
    """Return probabilities and embedding of one window."""
    return [
        part.numpy()
        for part in network(torch.from_numpy(images), torch.from_numpy(statistics[None]))
    ]


def test_its_probabilities_are_the_classifiers(route, network, features, new_windows):
    expected = route.model.classifier.predict_proba(new_windows[0])
    probabilities = [
        run(network, images, statistics)[0]
        for images, statistics in zip(features.images, features.statistics, strict=True)
    ]
    np.testing.assert_allclose(np.concatenate(probabilities), expected, atol=1e-5)


def test_its_embedding_is_the_classifiers(route, network, features, new_windows):
    expected = route.model.classifier.embed(new_windows[0][:5])
    for i, row in enumerate(expected):
        embedding = run(network, features.images[i], features.statistics[i])[1]
        assert embedding.shape == (1, len(row))
        np.testing.assert_allclose(embedding[0], row, atol=1e-4, rtol=1e-4)


def test_far_features_are_clipped_as_in_the_head(features):
    """Standardised values beyond the clip must not reach the linear classifier."""
    d = len(features.images[0]) * (240 + 144 + 144) + features.statistics.shape[1]
    random = np.random.default_rng(0)
    head = LinearHead(
        random.normal(0, 1, d), np.full(d, 1e3), random.normal(0, 1e-3, (3, d)), np.zeros(3)
    )
    images = features.images[0]
    statistics = features.statistics[0]
    probabilities, embedding = run(
        DeviceNetwork(pretrained_backbone(), head, window_at(features, 0)), images, statistics
    )
    np.testing.assert_allclose(probabilities, head.probabilities(embedding), atol=1e-4)
    assert np.abs((embedding - head.mean) * head.inverse_std).max() > 10 * CLIP


def test_nothing_in_it_can_be_trained(network):
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
