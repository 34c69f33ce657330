import pytest
import torch

from edge_runtime.errors import DataError
from img2imu.backbone import EarlyBlocks
from img2imu.pretrain.encoders import ENCODERS, build_encoder, feature_width


@pytest.mark.parametrize(
    ("name", "width"),
    [("early-blocks", 48 // 8 * 40), ("resnet18", 512), ("mobilenet_v3_small", 576)],
)
def test_features_of_our_images(name, width):
    encoder = build_encoder(name, ENCODERS[name].starts[0])
    assert feature_width(encoder) == width
    assert encoder(torch.zeros(2, 3, 48, 32)).shape == (2, width)


def test_early_blocks_give_their_texture():
    images = torch.rand(2, 48, 32, 3) * 2 - 1
    encoder = build_encoder("early-blocks", "imagenet")
    assert torch.equal(encoder(images.permute(0, 3, 1, 2)), EarlyBlocks()(images)[0])


def test_starts_differ():
    imagenet, random = (
        build_encoder("early-blocks", start).state_dict() for start in ("imagenet", "random")
    )
    assert not torch.equal(imagenet["network.stem.0.weight"], random["network.stem.0.weight"])


@pytest.mark.parametrize(
    ("name", "start", "message"),
    [
        (
            "resnet50",
            "random",
            "no encoder 'resnet50', expected one of early-blocks, resnet18, mobilenet_v3_small",
        ),
        (
            "resnet18",
            "imagenet",
            "resnet18 cannot start from 'imagenet' weights, expected random: pass --start random",
        ),
    ],
)
def test_refusals(name, start, message):
    with pytest.raises(DataError, match=message):
        build_encoder(name, start)
