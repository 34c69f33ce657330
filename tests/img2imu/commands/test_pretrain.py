import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from img2imu.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR, main

torch = pytest.importorskip("torch")
SHORT = ["--epochs", "2", "--batch-size", "8", "--workers", "0"]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Use one thread. On a busy machine, threads that wait for each other take ten times longer."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the command then keeps torch's threads
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(16):
        Image.fromarray(random.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(
            tmp_path / "photos" / f"{i}.png"
        )
    return tmp_path / "photos"


def pretrain(*arguments):
    return main(["pretrain", *map(str, arguments)])


def weights(path):
    return torch.load(path, weights_only=True)


def test_a_folder_becomes_weights_for_the_backbone(photos, tmp_path, capsys):
    from img2imu.backbone import EarlyBlocks

    (photos / "notes.txt").write_text("not an image")
    (photos / "3.png").write_bytes(b"damaged")
    assert (
        pretrain(
            "--images",
            photos,
            "-o",
            tmp_path / "b.pt",
            *SHORT,
            "--augmentations",
            "time-crop, gain",
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert f"{photos}: 16 images; files left out that are no images: 1\n" in printed
    assert "epoch 2 of 2: loss " in printed
    assert " images/s; damaged images replaced: 1\n" in printed
    assert f"wrote {tmp_path / 'b.pt'} (" in printed
    EarlyBlocks(pretrained=False).load_state_dict(weights(tmp_path / "b.pt"))


def test_ctrl_c_leaves_a_checkpoint_that_can_be_resumed(photos, tmp_path, capsys, monkeypatch):
    from img2imu.commands import pretrain as command

    run = ["--images", photos, "--start", "random", *SHORT]
    assert pretrain(*run, "-o", tmp_path / "straight.pt") == 0
    with monkeypatch.context() as patch:
        patch.setattr(
            command._Reporter, "__call__", lambda _, step: os.kill(os.getpid(), signal.SIGINT)
        )
        assert pretrain(*run, "-o", tmp_path / "b.pt") == EXIT_INTERRUPTED
    checkpoint = tmp_path / "b.checkpoint.pt"
    assert (
        f"stopped after step 1; to continue, add: --resume {checkpoint}\n"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "b.pt").exists()
    assert pretrain(*run, "-o", tmp_path / "b.pt", "--resume", checkpoint) == 0
    straight, resumed = weights(tmp_path / "straight.pt"), weights(tmp_path / "b.pt")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--images", "nowhere"], "nowhere does not exist, expected a folder or a zip"),
        (["-o", "b.pth"], "b.pth is not a name for weights, expected one that ends in .pt"),
        (["-o", "b.checkpoint.pt"], "b.checkpoint.pt is not a name for weights"),
        (["-o", "nowhere/b.pt"], "the directory nowhere does not exist"),
        (["--batch-size", "99"], "has 16 images, expected at least one batch of 99"),
        (["--augmentations", "flip"], "no augmentation 'flip'"),
        (
            ["--encoder", "resnet18", "--start", "imagenet"],
            "resnet18 cannot start from 'imagenet' weights",
        ),
        (["--resume", "nowhere.pt"], "the checkpoint nowhere.pt does not exist"),
    ],
)
def test_refusals_are_one_sentence_and_write_nothing(
    photos, tmp_path, capsys, monkeypatch, change, message
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert pretrain("--images", "photos", "-o", "b.pt", *SHORT, *change) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "change",
    [
        ["--learning-rate", "0"],
        ["--learning-rate", "much"],
        ["--learning-rate", "inf"],
        ["--precision", "int8"],
        ["--max-images", "0"],
    ],
)
def test_arguments_out_of_bounds_are_refused(photos, tmp_path, capsys, change):
    with pytest.raises(SystemExit) as leaving:
        pretrain("--images", photos, "-o", tmp_path / "b.pt", *change)
    assert leaving.value.code == EXIT_USER_ERROR
    assert change[1] in capsys.readouterr().err


def test_a_shorter_run_on_fewer_images_at_another_rate(photos, tmp_path, capsys):
    run = ["--images", photos, *SHORT, "--max-images", "8", "--optimiser", "adamw"]
    assert pretrain(*run, "-o", tmp_path / "slow.pt", "--learning-rate", "1e-6") == 0
    assert f"{photos}: 8 images\n" in capsys.readouterr().out
    assert (
        pretrain(*run, "-o", tmp_path / "fast.pt", "--learning-rate", "1e-2", "--precision", "bf16")
        == 0
    )
    slow, fast, start = (
        weights(tmp_path / "slow.pt"),
        weights(tmp_path / "fast.pt"),
        imagenet_weights(),
    )
    moved = [
        (other["stem.0.weight"] - start["stem.0.weight"]).abs().max() for other in (slow, fast)
    ]
    assert 0 < moved[0] < 1e-5 < 1e-4 < moved[1]


def imagenet_weights():
    from img2imu.backbone import EarlyBlocks

    return EarlyBlocks().state_dict()


def test_curves_for_tensorboard(photos, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert (
        pretrain("--images", photos, "-o", tmp_path / "b.pt", *SHORT, "--log", tmp_path / "log")
        == 0
    )
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4]


def test_without_tensorboard_the_package_is_named(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    assert (
        pretrain("--images", photos, "-o", tmp_path / "b.pt", *SHORT, "--log", tmp_path)
        == EXIT_USER_ERROR
    )
    error = capsys.readouterr().err
    assert "'tensorboard'" in error and error.count("\n") == 1
    assert not (tmp_path / "b.pt").exists()


@pytest.mark.slow
def test_two_processes_train_one_network(photos, tmp_path):
    """Without GPUs, --multi_gpu of Accelerate starts two CPU processes."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--multi_gpu",
            "--num_processes",
            "2",
            "-m",
            "img2imu",
            "pretrain",
            "--images",
            photos,
            "-o",
            tmp_path / "two.pt",
            *SHORT,
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch ") == 2  # only one process prints
    state = weights(tmp_path / "two.checkpoint.pt")["state"]
    assert state["step"] == 4
    # Keys of both processes, in a queue for half of the 16 images.
    assert int(state["moco"]["position"]) == 4 * 8 % 8
    assert (tmp_path / "two.pt").exists()
