import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.contract.container import read_model
from edge_runtime.contract.spec import Contract, DecisionSpec
from edge_runtime.recordings import read_recording
from export.evaluation import ExportError
from export.recipes import TARGETS
from img2imu.cli import EXIT_USER_ERROR, main
from img2imu.storage import load


@pytest.fixture
def export(capsys):
    def call(*arguments):
        return main(["export", *map(str, arguments)]), capsys.readouterr()

    return call


@pytest.fixture
def refused(export):
    """Run an export that is refused, and return its message."""

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


def test_train_and_export_print_what_they_wrote_and_what_to_do_next(route):
    tflite = route.exported.job.path
    assert f"wrote {route.trained} (" in route.printed
    assert f"converting and quantising {route.trained} ..." in route.printed
    assert f"wrote {tflite}: int8, {route.exported.n_bytes / 1024:.0f} KiB, " in route.printed
    assert "same class as float on 100.0% of the windows" in route.printed
    assert (
        f"next:\n  img2imu info '{tflite}'\n  img2imu verify '{tflite}'\n"
        f"  img2imu run '{tflite}' --source recording.csv\n"
    ) in route.printed
    assert "Verified on 6 windows: the model's training windows" in route.printed.replace("\n", " ")


def test_from_a_folder_to_labels_of_a_new_recording(route, motion, write_motion, tmp_path, capsys):
    """The last step: the model learnt from a folder recognises a new recording."""
    path = tmp_path / "new.csv"
    write_motion(
        path, np.concatenate([motion("shake", 6.0, seed=50), motion("walk", 6.0, seed=51)])
    )
    assert main(["run", str(route.exported.job.path), "--source", f"{path}?speed=max"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {label for time_s, label, _ in lines if float(time_s) < 6} == {"shake"}
    assert {label for time_s, label, _ in lines if float(time_s) > 9} == {"walk"}
    assert read_recording(path).duration_s == pytest.approx(11.98)
    assert main(["info", str(route.exported.job.path)]) == 0
    assert "jump, shake, walk" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["m.npz"], "m.tflite"),
        (["m.npz", "-o", "other.tflite"], "other.tflite"),
        (["m.npz", "--output", "./other.tflite"], "other.tflite"),
    ],
)
def test_where_the_file_goes(here, converted_before, export, route, arguments, name):
    code, printed = export(*arguments)
    assert code == 0
    stem = name.removesuffix(".tflite")
    assert files(here) == sorted(
        ["m.npz", name, *(f"{stem}.report.{ending}" for ending in ("json", "md", "png"))]
    )
    assert (here / name).read_bytes() == route.exported.job.path.read_bytes()
    assert f"img2imu info {name}\n" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m.npz", "-o", "m.onnx"], "the output is m.onnx, expected a name that ends in .tflite"),
        (["m.npz", "-o", "m.npz"], "expected a name that ends in .tflite"),
        (["m.npz", "-o", "missing/m.tflite"], "the directory missing does not exist"),
        (["m.npz", "-o", "taken.tflite"], "taken.tflite is a directory"),
        (["nowhere.npz"], "cannot read the trained model nowhere.npz"),
        (["taken.tflite", "-o", "m.tflite"], "cannot read the trained model taken.tflite"),
        ([""], "expected a name that ends in .tflite"),
        (["half.npz"], "half.npz is not a trained model, or is damaged"),
        (["other.npz"], "other.npz is not a trained model (it has no array"),
    ],
)
def test_refusals_take_one_line_and_write_nothing(here, refused, arguments, message):
    (here / "half.npz").write_bytes((here / "m.npz").read_bytes()[:5000])
    np.savez(here / "other.npz", a=np.zeros(3))
    (here / "taken.tflite").mkdir()
    before = files(here)
    assert message in refused(*arguments)
    assert files(here) == before


def test_a_directory_without_permission(here, refused, monkeypatch):
    (here / "locked").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the tests may run as root
    assert "no permission in locked" in refused("m.npz", "-o", "locked/m.tflite")


def test_decision_settings_are_stored_in_the_model_file(here, converted_before, export, route):
    assert (
        export(
            "m.npz",
            "--smoothing-windows",
            "5",
            "--threshold",
            "0.6",
            "--class-threshold",
            "jump=0.9",
            "--debounce",
            "2",
            "--refractory-s",
            "1.5",
            "--max-gap-s",
            "0.3",
        )[0]
        == 0
    )
    contract = read_model(here / "m.tflite").contract
    defaults = route.file.contract
    assert contract.decision == DecisionSpec(5, 0.6, {"jump": 0.9}, 2, 1.5)
    assert contract.stream == replace(defaults.stream, max_gap_s=0.3) != defaults.stream
    assert replace(contract, decision=defaults.decision, stream=defaults.stream) == defaults


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class-threshold", "swim=0.9"], "the options ask for decision.class_thresholds = "),
        (
            ["--threshold", "60"],
            "the options ask for decision.threshold = 60.0, expected 0 to 1: choose another value",
        ),
        (
            ["--max-gap-s", "0.001"],
            "the options ask for stream.max_gap_s = 0.001, expected 0.04 (two samples) to",
        ),
    ],
)
def test_invalid_settings_are_refused_before_the_conversion(here, refused, arguments, message):
    assert message in refused("m.npz", *arguments)
    assert files(here) == ["m.npz"]


def test_a_failed_check_is_reported_and_leaves_nothing(
    here, converted_before, refused, monkeypatch
):
    monkeypatch.setattr("export.evaluation.MIN_AGREEMENT", 1.1)
    assert "no file was written: train with more windows per class" in refused(
        "m.npz", "--recipe", "int8"
    )
    assert files(here) == ["m.npz"]


def test_an_interrupted_export_leaves_nothing(here, converted_before, export, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("export.converters.litert_torch.quantise", interrupt)
    code, printed = export("m.npz")
    assert (code, printed.err) == (130, "interrupted\n")
    assert files(here) == ["m.npz"]


def test_each_recipe_is_written_to_its_own_file(here, converted_before, export):
    assert export("m.npz", "-o", "out.tflite", "--recipe", "int8", "--recipe", "float16")[0] == 0
    assert {"out.int8.tflite", "out.float16.tflite", "out.report.json"} <= set(files(here))
    assert "out.tflite" not in files(here)
    assert [f["recipe"] for f in json.loads((here / "out.report.json").read_text())["files"]] == [
        "int8",
        "float16",
    ]


def test_the_other_recipes_are_made_if_one_fails(
    here, converted_before, export, monkeypatch, route
):
    def quantise(tflite, recipe, calibration):
        if recipe.name == "float16":
            raise ExportError("float16 does not work today")
        return route.file.tflite

    monkeypatch.setattr("export.converters.litert_torch.quantise", quantise)
    code, printed = export("m.npz", "-o", "out.tflite", "--recipe", "float16", "--recipe", "int8")
    assert code == 1
    assert "wrote out.int8.tflite" in printed.out
    assert "out.float16.tflite: float16 does not work today" in printed.out
    assert [name for name in files(here) if name.endswith(".tflite")] == ["out.int8.tflite"]
    assert (
        json.loads((here / "out.report.json").read_text())["files"][0]["error"]
        == "float16 does not work today"
    )


def test_all_targets_make_one_file_each(here, converted_before, export):
    assert export("m.npz", "-o", "t.tflite", "--target", "all", "--frontend", "host")[0] == 0
    made = [name for name in files(here) if name.endswith(".tflite")]
    assert made == sorted(f"t.{target}.tflite" for target in TARGETS)


def test_too_large_a_drop_in_f1_leaves_no_file_and_exit_code_1(here, converted_before, export):
    code, printed = export("m.npz", "--max-f1-drop", "-0.5")
    assert code == 1
    assert "a drop of 0.0000, expected -0.5 at most; no file was written" in " ".join(
        printed.out.split()
    )
    assert files(here) == ["m.npz"]


def test_own_data_verifies_and_calibrates(here, converted_before, export, motion, write_motion):
    for name, seed in (("data", 90), ("own", 91)):
        for label in ("jump", "shake", "walk"):
            write_motion(here / name / "person" / label / "1.csv", motion(label, 5.0, seed=seed))
    code, printed = export("m.npz", "--data", "data", "--calibration", "own")
    assert code == 0
    assert "Verified on 6 windows: 1 person in data that the model did not learn from" in " ".join(
        printed.out.split()
    )
    document = json.loads((here / "m.report.json").read_text())
    assert (document["calibration"], document["n_calibration_windows"]) == ("own", 6)
    assert read_model(here / "m.tflite").contract.provenance.macro_f1 == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "there is no data set 'nowhere'"),
        (["--calibration", "m.npz"], "m.npz lacks the arrays"),
        (["--calibration", "watch", "--data", "watch"], "has none of the model's labels"),
    ],
)
def test_unsuitable_data_is_refused_before_the_conversion(
    here, refused, monkeypatch, arguments, message
):
    monkeypatch.setattr("export.converters.litert_torch.to_float_tflite", None)
    assert message in refused("m.npz", *arguments)
    assert files(here) == ["m.npz"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_and_leaves_nothing(here, converted_before, refused, monkeypatch):
    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *a, **k: opened(
            Path("/dev/full") if path.suffix == ".part" else path, *a, **k
        ),
    )
    assert "m.tflite cannot be written (No space left on device)" in refused("m.npz")
    assert files(here) == ["m.npz"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--recipe", "int4"],
        ["--io", "int16"],
        ["--target", "watch"],
        ["--max-f1-drop", "little"],
        ["--converter", "magic"],
    ],
)
def test_unknown_choices_are_refused_with_the_known_ones(here, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["export", "m.npz", *arguments])
    assert caught.value.code == EXIT_USER_ERROR
    assert f"argument {arguments[0]}" in capsys.readouterr().err


def test_onnx(here, export, features, route):
    onnx = pytest.importorskip("onnx", reason="NOT TESTED: the extra onnx2tf is not installed")
    code, printed = export("m.npz", "--format", "onnx")
    assert code == 0
    assert files(here) == ["m.npz", "m.onnx"]
    assert (
        f"wrote m.onnx: float32, {(here / 'm.onnx').stat().st_size / 1024:.0f} KiB" in printed.out
    )
    model = onnx.load(str(here / "m.onnx"))
    contract = Contract.from_json(model.metadata_props[0].value)
    assert contract.labels == route.file.contract.labels
    assert contract.quantisation.recipe == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "m.tflite"], "expected a name that ends in .onnx"),
        (["--recipe", "int8"], "--recipe was given with"),
        (["--io", "uint8"], "--io was given with --format onnx, which is always float32"),
        (["--max-f1-drop", "0.1"], "--max-f1-drop was given with"),
    ],
)
def test_options_that_onnx_lacks_are_refused(here, refused, arguments, message):
    assert message in refused("m.npz", "--format", "onnx", *arguments)
    assert files(here) == ["m.npz"]


def test_the_trained_model_has_a_name_and_a_rate(route):
    header = load(route.trained).header
    assert header.name == "data"
    assert header.rate_hz == 50
