import shutil
import sys

import numpy as np
import pytest

import edge_runtime
from edge_runtime.contract.spec import CHANNELS
from edge_runtime.recordings import Recording, read_recording, write_csv
from img2imu import MotionClassifier
from img2imu.cli import EXIT_USER_ERROR, main
from img2imu.datasets.user_files import load_folder

RATE_HZ = 50
DEMO = f"{edge_runtime.__path__[0]}/data/demo.npz"
SWING_HZ = {"slow": 1.0, "fast": 4.0}


def record(path, label, seconds=8.0, seed=0, change=None):
    random = np.random.default_rng(seed)
    times_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * SWING_HZ[label] * times_s[:, None] + np.arange(6) + random.uniform(0, 6)
    samples = (
        np.sin(phase) + random.normal(0, 0.1, (len(times_s), 6)) + np.array([0, 0, 9.8, 0, 0, 0])
    )
    if change is not None:
        samples[:, 3] = change(samples)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, Recording(path.name, times_s, samples.astype(np.float32), CHANNELS))


@pytest.fixture
def people(tmp_path):
    for seed, person in enumerate(("ada", "bo", "cy")):
        for label in SWING_HZ:
            record(tmp_path / "data" / person / label / "1.csv", label, seed=seed)
    return tmp_path / "data"


def train(*arguments):
    return main(["train", *map(str, arguments)])


def test_a_folder_becomes_a_model_that_recognises_new_people(people, tmp_path, capsys):
    model = tmp_path / "swings.npz"
    assert (
        train(people, "-o", model, "--window-s", 2, "--windows-per-class", 3, "--test-subjects", 1)
        == 0
    )
    printed = capsys.readouterr().out
    assert "slow         3       2\n" in printed
    assert "total        6       2\n" in printed
    assert "macro-F1 1.000 on 8 windows of people held out: " in printed
    assert f"wrote {model} (" in printed
    assert f"img2imu export {model} -o {tmp_path / 'swings.tflite'}\n" in printed
    classifier = MotionClassifier.load(model)
    assert classifier.rate_hz == RATE_HZ
    assert list(classifier.classes_) == ["fast", "slow"]
    assert classifier.support_windows_.shape == (6, 2 * RATE_HZ, 6)


def test_without_options_everything_is_learnt(people, tmp_path, capsys):
    model = tmp_path / "swings.npz"
    record(people / "ada" / "slow" / "short.csv", "slow", seconds=3.0)
    assert train(people, "-o", model) == 0
    # One of 5 s in each recording except the short one.
    assert len(MotionClassifier.load(model).support_windows_) == 6
    assert "macro-F1" not in capsys.readouterr().out


def test_people_held_out_by_name(people, tmp_path, capsys):
    assert (
        train(
            people, "-o", tmp_path / "m.npz", "--window-s", 2, "--test-on", "bo", "--train-on", "cy"
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "total        8       1\n" in printed
    assert "on 8 windows of people held out: bo\n" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, 3] * 0, "the channel gyro_x is 0 in every sample of all 24 windows"),
        (lambda x: np.clip(x[:, 3], -9, 0.3), "the channel gyro_x is saturated"),
        (lambda x: x[:, 3] * 573, "look like degrees per second"),
    ],
)
def test_a_channel_without_a_signal(tmp_path, capsys, change, message):
    for seed, person in enumerate(("ada", "bo", "cy")):
        for label in SWING_HZ:
            record(tmp_path / "data" / person / label / "1.csv", label, seed=seed, change=change)
    assert train(tmp_path / "data", "-o", tmp_path / "m.npz", "--window-s", 2) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "m.npz").exists()


def test_one_class_is_refused(people, tmp_path, capsys):
    for person in ("ada", "bo", "cy"):
        shutil.rmtree(people / person / "fast")
    assert train(people, "-o", tmp_path / "m.npz") == EXIT_USER_ERROR
    assert "the labels name 1 class (slow), expected two or more" in capsys.readouterr().err


def test_a_class_too_short_for_a_window_is_named(people, tmp_path, capsys):
    for seed, label in enumerate(SWING_HZ):
        (people / "ada" / label / "1.csv").rename(people / "ada" / label / "2.csv")
        record(people / "ada" / f"brief {label}" / "1.csv", label, seconds=1.0, seed=seed)
    assert train(people, "-o", tmp_path / "swings.npz") == 0
    assert "brief slow        0       0  not learnt" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "m.npz"], "there is no data set 'nowhere'"),
        (["data", "-o", "m.npz", "--window-s", "9"], "no window of 9 s fits"),
        (
            ["data", "-o", "m.npz", "--window-s", "2", "--windows-per-class", "99"],
            "the class fast has 12 windows",
        ),
        (["data", "-o", "m.npz", "--test-subjects", "3"], "3 people were to be held out of 3"),
        (["data/ada", "-o", "m.npz", "--test-subjects", "1"], "one person (me)"),
        (
            ["data", "-o", "m.npz", "--train-on", "ada,bo", "--test-on", "bo"],
            "bo would be both learnt from and tested on",
        ),
        (["data", "-o", "m.npz", "--test-on", "eve"], "no windows of 'eve'"),
        (["data", "-o", "m.npz", "--train-on", "ada"], "--train-on names ada but --test-on nobody"),
        (["data", "-o", "m.npz", "--rate-hz", "1000"], "1000 samples per second"),
        (["data", "-o", "m.tflite"], "m.tflite ends in '.tflite', expected .npz"),
        (["data", "-o", "m"], "m ends in '', expected .npz"),
        (["data", "-o", "data"], "data is a directory"),
        (["data", "-o", "nowhere/m.npz"], "the directory nowhere does not exist"),
        (["mine.npz", "-o", "./mine.npz"], "is the data to learn from"),
    ],
)
def test_refusals_are_one_sentence_and_write_nothing(
    people, tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert train(*arguments) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_is_checked_before_the_data_are_read(tmp_path, capsys):
    assert train("nowhere", "-o", tmp_path / "missing" / "m.npz") == EXIT_USER_ERROR
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        ["--windows-per-class", "0"],
        ["--windows-per-class", "many"],
        ["--seed", "-1"],
        ["--test-subjects", "-1"],
    ],
)
def test_numbers_out_of_range(option, capsys):
    with pytest.raises(SystemExit) as leaving:
        train("watch", "-o", "m.npz", *option)
    assert leaving.value.code == EXIT_USER_ERROR
    assert f"is '{option[1]}', expected a whole number of" in capsys.readouterr().err


def test_without_torch_the_extra_is_named(people, tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "img2imu.classifier", raising=False)
    monkeypatch.delitem(sys.modules, "img2imu.backbone", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert train(people, "-o", tmp_path / "m.npz") == EXIT_USER_ERROR
    assert 'pip install "img2imu[train]"' in capsys.readouterr().err
    assert not (tmp_path / "m.npz").exists()


# ---- from img2imu record to img2imu train


@pytest.fixture
def recorded(tmp_path):
    """Record two takes of two motions from the bundled recording, with ``img2imu record``."""
    pieces = {"walk": (0, 500, 250), "row": (1000, 500, 250)}
    recording = read_recording(DEMO)
    for label, (begin, length, take_length) in pieces.items():
        for take in range(length // take_length):
            piece = slice(begin + take * take_length, begin + (take + 1) * take_length)
            path = tmp_path / f"{label}{take}.npz"
            np.savez(
                path,
                time_s=recording.timestamps_s[piece],
                samples=recording.samples[piece],
                channels=np.array(CHANNELS),
            )
            assert (
                main(
                    [
                        "record",
                        "--source",
                        f"replay:{path}?speed=max",
                        "--label",
                        label,
                        "--countdown",
                        "0",
                        str(tmp_path / "data"),
                    ]
                )
                == 0
            )
    return tmp_path / "data"


def test_training_reads_recordings_of_img2imu_record(recorded):
    data_set = load_folder(recorded)
    assert data_set.label_names == ("row", "walk")
    assert data_set.channels == CHANNELS and data_set.rate_hz == RATE_HZ
    assert sorted(len(recording.samples) for recording in data_set.recordings) == [250] * 4
    demo = read_recording(DEMO).samples
    first = next(r for r in data_set.recordings if r.name.startswith("walk/"))
    assert any(
        np.allclose(first.samples, demo[begin : begin + 250], atol=1e-5) for begin in (0, 250)
    )


@pytest.mark.slow
def test_a_model_from_recordings_of_img2imu_record(recorded, tmp_path):
    model = tmp_path / "my.npz"
    assert main(["train", str(recorded), "-o", str(model), "--window-s", "2"]) == 0
    assert model.exists()
