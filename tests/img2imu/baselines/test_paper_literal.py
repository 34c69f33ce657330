import numpy as np
import pytest
import torch
from torch import nn

from edge_runtime.contract.spec import CHANNELS
from img2imu.baselines import paper_literal
from img2imu.baselines.paper_literal import PaperLiteral, spectrogram_images

RATE_HZ = 50.0


@pytest.mark.parametrize(("samples", "axes"), [(64, 1), (100, 3), (600, 3)])
def test_images_have_the_apps_size_and_fill_the_range(samples, axes):
    windows = np.random.default_rng(0).normal(size=(2, samples, axes)).astype(np.float32)
    images = spectrogram_images(windows)
    assert images.shape == (2, 3, 96, 128)
    assert images.dtype == torch.float32
    assert images.min() >= -1
    assert images.max() <= 1
    assert images.amax((2, 3)).min() > 0.5
    if axes == 1:
        torch.testing.assert_close(images[:, 0], images[:, 2])


def test_min_max_forgets_the_amplitude():
    """The recipe loses the amplitude; our front end has fixed limits instead."""
    windows = np.random.default_rng(0).normal(size=(1, 256, 3)).astype(np.float32)
    torch.testing.assert_close(
        spectrogram_images(windows), spectrogram_images(10 * windows), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("hz", [5.0, 12.0, 20.0])
def test_a_sine_lights_the_row_of_its_frequency(hz):
    times_s = np.arange(512) / RATE_HZ
    image = spectrogram_images(np.sin(2 * np.pi * hz * times_s)[None, :, None].astype(np.float32))[
        0, 0
    ]
    row = int(image.mean(1).argmax())
    assert (95 - row) / 95 * RATE_HZ / 2 == pytest.approx(hz, abs=0.5)


def test_a_constant_axis_gives_a_finite_image():
    assert torch.isfinite(spectrogram_images(np.zeros((1, 64, 3), np.float32))).all()


@pytest.mark.parametrize(
    ("channels", "columns"),
    [
        (CHANNELS, [0, 1, 2]),
        ((*CHANNELS[3:], *CHANNELS[:3]), [3, 4, 5]),
        (CHANNELS[3:], [0, 1, 2]),
        (("acc_z",), [0]),
    ],
)
def test_the_accelerometer_is_used_if_there_is_one(channels, columns):
    assert PaperLiteral(RATE_HZ, channels, 0).columns == columns


def test_every_layer_and_every_batch_norm_is_trained(motions, monkeypatch):
    monkeypatch.setattr(paper_literal, "STEPS", 1)
    before = paper_literal._pretrained(3)
    after = PaperLiteral(RATE_HZ, CHANNELS, 0).fit(*motions(per_class=1, samples=64))._network
    assert not after.training
    for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True):
        assert not torch.equal(old, new), name
    norms = [
        (a, b)
        for a, b in zip(before.modules(), after.modules(), strict=True)
        if isinstance(a, nn.BatchNorm2d)
    ]
    assert all(not torch.equal(a.running_mean, b.running_mean) for a, b in norms)
