import numpy as np
import pytest
import torch

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError
from img2imu.baselines import make
from img2imu.baselines.limu_bert import PATH_VARIABLE, LimuBert, cut_clips, load_limu_bert

NAMES = ("limu_bert_frozen", "limu_bert_finetuned")
# those of the published file
SHAPES = {
    "transformer.embed.lin.weight": (72, 6),
    "transformer.embed.pos_embed.weight": (20, 72),
    "transformer.embed.norm.gamma": (72,),
    "transformer.attn.proj_q.weight": (72, 72),
    "transformer.attn.proj_k.bias": (72,),
    "transformer.attn.proj_v.weight": (72, 72),
    "transformer.proj.weight": (72, 72),
    "transformer.norm1.gamma": (72,),
    "transformer.pwff.fc1.weight": (144, 72),
    "transformer.pwff.fc2.weight": (72, 144),
    "transformer.norm2.beta": (72,),
    "fc.weight": (72, 72),
    "linear.bias": (72,),
    "norm.beta": (72,),
    "decoder.weight": (6, 72),
}


def ramp(samples, rate_hz, columns=6):
    """A window (1, samples, columns) whose every channel is the time in seconds."""
    times_s = np.arange(samples, dtype=np.float32) / rate_hz
    return np.repeat(times_s[None, :, None], columns, axis=2).astype(np.float32)


def test_names_and_shapes_are_the_published_ones(limu_bert_file):
    state = torch.load(limu_bert_file, weights_only=True)
    assert len(state) == 29
    for name, shape in SHAPES.items():
        assert tuple(state[name].shape) == shape


def test_the_weights_come_from_the_file(limu_bert_file):
    network = load_limu_bert()
    assert not network.training
    stored = torch.load(limu_bert_file, weights_only=True)
    for name, values in network.state_dict().items():
        torch.testing.assert_close(values, stored[name], rtol=0, atol=0)


@torch.no_grad()
def test_a_forward_pass_is_that_of_the_papers():
    torch.manual_seed(0)
    network, clip = LimuBert(), torch.randn(1, 20, 6)
    w = {name.removeprefix("transformer."): values for name, values in network.state_dict().items()}

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x):
        return (x - x.mean(-1, keepdim=True)) / (
            x.var(-1, correction=0, keepdim=True) + 1e-12
        ).sqrt()

    h = norm(norm(linear(clip[0], "embed.lin")) + w["embed.pos_embed.weight"])
    for _ in range(4):
        q, k, v = (linear(h, f"attn.proj_{name}") for name in "qkv")
        heads = [slice(i, i + 18) for i in range(0, 72, 18)]
        h = torch.cat([(q[:, c] @ k[:, c].T / 18**0.5).softmax(1) @ v[:, c] for c in heads], 1)
        h = norm(h + linear(h, "proj"))
        inner = linear(h, "pwff.fc1")
        h = norm(h + linear(inner * 0.5 * (1 + torch.erf(inner / 2**0.5)), "pwff.fc2"))
    torch.testing.assert_close(network.transformer(clip)[0], h, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_clips_are_pooled_by_mean_and_std_over_all_steps():
    network, clips = LimuBert(), torch.randn(3, 4, 20, 6)
    pooled = network(clips)
    assert pooled.shape == (3, 144)
    steps = torch.cat([network.transformer(clip[None])[0] for clip in clips[1]])  # (80, 72)
    expected = torch.cat([steps.mean(0), steps.std(0, correction=0)])
    torch.testing.assert_close(pooled[1], expected, rtol=1e-4, atol=1e-5)


def test_clips_have_20_steps_a_second_and_accelerations_in_g():
    clips = cut_clips(ramp(250, 50.0), 50.0, CHANNELS)
    assert clips.shape == (1, 5, 20, 6)
    np.testing.assert_allclose(
        clips[0, :, :, 3:].reshape(100, 3), np.arange(100)[:, None] / 20 * np.ones(3), atol=1e-5
    )
    np.testing.assert_allclose(clips[..., :3] * 9.8, clips[..., 3:], rtol=1e-5)


def test_clips_overlap_if_the_window_is_not_a_whole_number_of_seconds():
    clips = cut_clips(ramp(75, 50.0), 50.0, CHANNELS)  # 30 steps
    np.testing.assert_allclose(clips[0, :, 0, 5], [0, 0.5], atol=1e-6)
    np.testing.assert_allclose(clips[0, :, -1, 5], [0.95, 1.45], atol=1e-6)


def test_a_window_of_less_than_a_second_is_continued_with_its_last_value():
    clips = cut_clips(ramp(16, 20.0), 20.0, CHANNELS)
    assert clips.shape == (1, 1, 20, 6)
    np.testing.assert_allclose(clips[0, 0, 14:, 5], [0.7, 0.75, 0.75, 0.75, 0.75, 0.75], atol=1e-6)


def test_the_order_of_the_channels_does_not_matter():
    window = np.random.default_rng(0).normal(size=(2, 60, 6)).astype(np.float32)
    turned = (*CHANNELS[3:], *CHANNELS[:3])
    same = cut_clips(window[:, :, [3, 4, 5, 0, 1, 2]], 20.0, turned)
    torch.testing.assert_close(cut_clips(window, 20.0, CHANNELS), same)


@pytest.mark.usefixtures("limu_bert_file")
def test_fine_tuning_changes_the_encoder_and_a_second_fit_starts_again(motions, monkeypatch):
    monkeypatch.setattr("img2imu.baselines.limu_bert.STEPS", 5)
    baseline = make("limu_bert_finetuned", 50.0, CHANNELS, 0).fit(*motions())
    first = {name: values.clone() for name, values in baseline._network.state_dict().items()}
    name = "encoder.transformer.proj.weight"
    assert not torch.equal(first[name], load_limu_bert().transformer.proj.weight)
    again = baseline.fit(*motions())._network.state_dict()
    torch.testing.assert_close(again[name], first[name], rtol=0, atol=0)


@pytest.mark.usefixtures("limu_bert_file")
@pytest.mark.parametrize("name", NAMES)
def test_fewer_than_six_channels_are_refused(name):
    with pytest.raises(
        DataError, match="needs the channels acc_x.*windows have acc_x, acc_y, acc_z: leave"
    ):
        make(name, 50.0, CHANNELS[:3], 0)


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_the_message_names_the_variable(name, monkeypatch, tmp_path):
    monkeypatch.delenv(PATH_VARIABLE, raising=False)
    with pytest.raises(DataError, match="IMG2IMU_LIMU_BERT is '', expected the path"):
        make(name, 50.0, CHANNELS, 0)
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "none.pt"))
    with pytest.raises(DataError, match=r"IMG2IMU_LIMU_BERT is '.*none\.pt', expected the path"):
        make(name, 50.0, CHANNELS, 0)


@pytest.mark.parametrize(
    "content", [b"", b"no weights", {"fc.weight": torch.zeros(72, 72)}, [1, 2]]
)
def test_a_file_with_something_else_is_refused(content, limu_bert_file):
    if isinstance(content, bytes):
        limu_bert_file.write_bytes(content)
    else:
        torch.save(content, limu_bert_file)
    with pytest.raises(
        DataError, match=r"limu_bert_x\.pt does not hold the weights of LIMU-BERT-X"
    ):
        load_limu_bert()
