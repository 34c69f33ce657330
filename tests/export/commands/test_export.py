import numpy as np
import pytest

from edge_runtime.recordings import read_recording
from img2imu.cli import EXIT_USER_ERROR, main
from img2imu.storage import load


@pytest.fixture
def export(capsys):
    def call(*arguments):
        return main(["export", *map(str, arguments)]), capsys.readouterr()
    return call


@pytest.fixture
def refused(export):
    """The sentence by which an export is refused."""
    def call(*arguments):
        code, printed = export(*arguments)
        assert code == EXIT_USER_ERROR
        assert printed.err.startswith("img2imu: ") and printed.err.count("\n") == 1
        return printed.err
    return call


@pytest.fixture
def here(route, tmp_path, monkeypatch):
    """A directory with the trained model in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.npz").write_bytes(route.trained.read_bytes())
    return tmp_path


def files(directory):
    return sorted(p.name for p in directory.iterdir())


def test_train_and_export_say_what_they_wrote_and_what_to_do_next(route):
    tflite = route.exported.path
    assert f"wrote {route.trained} (" in route.printed
    assert f"converting and quantising {route.trained} ..." in route.printed
    assert f"wrote {tflite}: int8, {route.exported.n_bytes / 1024:.0f} KiB, " in route.printed
    assert "same class as float on 100.0% of 18 training windows" in route.printed
    assert f"next:\n  img2imu info '{tflite}'\n  img2imu run '{tflite}' --source recording.csv\n" in route.printed


def test_from_a_folder_to_labels_of_a_new_recording(route, motion, write_motion, tmp_path, capsys):
    """The last step of the route: what was learnt from a folder recognises another recording."""
    path = tmp_path / "new.csv"
    write_motion(path, np.concatenate([motion("shake", 6.0, seed=50), motion("walk", 6.0, seed=51)]))
    assert main(["run", str(route.exported.path), "--source", f"{path}?speed=max"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {label for time_s, label, _ in lines if float(time_s) < 6} == {"shake"}
    assert {label for time_s, label, _ in lines if float(time_s) > 9} == {"walk"}
    assert read_recording(path).duration_s == pytest.approx(11.98)
    assert main(["info", str(route.exported.path)]) == 0
    assert "jump, shake, walk" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "name"), [
    (["m.npz"], "m.tflite"), (["m.npz", "-o", "other.tflite"], "other.tflite"),
    (["m.npz", "--output", "./other.tflite"], "other.tflite"),
])
def test_where_the_file_goes(here, converted_before, export, route, arguments, name):
    code, printed = export(*arguments)
    assert code == 0
    assert files(here) == sorted(["m.npz", name])
    assert (here / name).read_bytes() == route.exported.path.read_bytes()
    assert f"img2imu info {name}\n" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(("arguments", "message"), [
    (["m.npz", "-o", "m.onnx"], "the output is m.onnx, expected a name that ends in .tflite"),
    (["m.npz", "-o", "m.npz"], "expected a name that ends in .tflite"),
    (["m.npz", "-o", "missing/m.tflite"], "the directory missing does not exist"),
    (["m.npz", "-o", "taken.tflite"], "taken.tflite is a directory"),
    (["nowhere.npz"], "cannot read the trained model nowhere.npz"),
    (["taken.tflite", "-o", "m.tflite"], "cannot read the trained model taken.tflite"),
    ([""], "expected a name that ends in .tflite"),
    (["half.npz"], "half.npz is not a trained model, or is damaged"),
    (["other.npz"], "other.npz is not a trained model (it has no array"),
])
def test_refusals_are_one_sentence_and_write_nothing(here, refused, arguments, message):
    (here / "half.npz").write_bytes((here / "m.npz").read_bytes()[:5000])
    np.savez(here / "other.npz", a=np.zeros(3))
    (here / "taken.tflite").mkdir()
    before = files(here)
    assert message in refused(*arguments)
    assert files(here) == before


def test_a_directory_without_permission(here, refused, monkeypatch):
    (here / "locked").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)  # who runs this may be root
    assert "no permission in locked" in refused("m.npz", "-o", "locked/m.tflite")


def test_a_failed_check_is_said_and_leaves_nothing(here, converted_before, refused, monkeypatch):
    monkeypatch.setattr("export.checks.MIN_AGREEMENT", 1.1)
    assert "no file was written: train with more windows per class" in refused("m.npz")
    assert files(here) == ["m.npz"]


def test_interrupted_it_leaves_nothing(here, converted_before, export, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("export.convert.to_int8", interrupt)
    code, printed = export("m.npz")
    assert (code, printed.err) == (130, "interrupted\n")
    assert files(here) == ["m.npz"]


def test_the_trained_model_says_where_it_comes_from(route):
    header = load(route.trained).header
    assert header.name == "data"
    assert header.rate_hz == 50
