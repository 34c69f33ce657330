import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
from edge_runtime.commands.run import DEMO_MODEL, DEMO_RECORDING
from img2imu.cli import COMMANDS, EXIT_INTERRUPTED, EXIT_USER_ERROR, main

TIMEOUT_S = 60
BLOCKER = """
import os, sys
from importlib.machinery import PathFinder

class Blocker(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] not in os.environ["BLOCKED"].split(","):
            return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Blocker
"""
FRESH = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("img2imu", run_name="__main__", alter_sys=True)
"""


def img2imu(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "img2imu", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        **options,
    )


def start(*arguments):
    """Start the command with the SIGINT of a terminal, whatever this process does with SIGINT."""
    return subprocess.Popen(
        [sys.executable, "-c", FRESH, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process):
    """Wait for the command; return its output and error output."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in err and "Exception ignored" not in err
    return out, err


# ---- the parser


def test_version():
    result = img2imu("--version")
    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        f"img2imu {edge_runtime.__version__}\n",
        "",
    )


def test_help_lists_every_command():
    result = img2imu("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for command in COMMANDS:
        assert f"    {command.name} " in result.stdout
        assert command.summary.split()[-1] in result.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([command.name, "--help"])
    printed = capsys.readouterr().out
    assert leaving.value.code == 0
    assert printed.startswith(f"usage: img2imu {command.name} ")
    assert command.summary.split()[0].capitalize() in printed
    options = [line.split()[0] for line in printed.splitlines() if re.match(r"  -|    [a-z]", line)]
    assert len(options) >= 2, "no option or action but --help"


def test_the_module_of_every_command_exists():
    root = Path(edge_runtime.__file__).parents[1]
    for command in COMMANDS:
        assert root.joinpath(*command.module.split(".")).with_suffix(".py").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["info"], "required: model"),
        (["run", "--speed"], "unrecognized arguments: --speed"),
        (["run", "--threads", "two"], "invalid int value: 'two'"),
        (["train", "watch"], "required: -o/--output"),
    ],
)
def test_an_invalid_command_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    printed = capsys.readouterr()
    assert leaving.value.code == EXIT_USER_ERROR
    assert message in printed.err.splitlines()[-1]
    assert printed.out == ""


# ---- user mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "nowhere.tflite"], "cannot read the model file nowhere.tflite"),
        (["run"], "a model and a source are needed"),
        (
            ["run", "nowhere.tflite", "--source", "x.csv"],
            "cannot read the model file nowhere.tflite",
        ),
        (["train", "nowhere", "-o", "m.npz"], "there is no data set 'nowhere'"),
        (["export", "nowhere.npz"], "cannot read the trained model nowhere.npz"),
        (["demo", "--out", "taken"], "taken cannot be made"),
        (["demo", "--seed", "-1"], "--seed is -1, expected 0 or more"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, message, tmp_path):
    (tmp_path / "taken").write_text("a file")
    result = img2imu(*arguments, cwd=tmp_path)
    assert result.returncode == EXIT_USER_ERROR
    assert result.stderr.startswith("img2imu: ") and result.stderr.count("\n") == 1
    assert message in result.stderr
    assert result.stdout == ""
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


# ---- leaving early


def test_ctrl_c_ends_without_a_traceback():
    process = start("run", "--demo")
    assert process.stdout.readline()  # it is recognising
    process.send_signal(signal.SIGINT)
    _, err = end(process)
    assert process.returncode == EXIT_INTERRUPTED
    assert err.splitlines()[-1] == "interrupted"


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", str(DEMO_MODEL)],
        ["run", str(DEMO_MODEL), "--source", f"{DEMO_RECORDING}?speed=max"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_standard_output_on_a_full_disk_is_one_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "img2imu", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert result.returncode == EXIT_USER_ERROR
    assert "Traceback" not in result.stderr and "Exception ignored" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        "img2imu: the system refused to go on: No space left on device;"
    )


@pytest.mark.parametrize("sink", ["console:", "jsonl:-"])
def test_a_reader_that_closes_the_pipe_is_no_error(sink):
    process = start("run", "--demo", "--sink", sink)
    assert process.stdout.readline()
    process.stdout.close()  # as head -1 does
    began = time.monotonic()
    err = process.stderr.read()
    assert process.wait(TIMEOUT_S) == 0
    assert time.monotonic() - began < 15  # the recording would end 25 s later
    assert "Traceback" not in err and "Exception ignored" not in err


@pytest.mark.parametrize(
    "arguments",
    [["info", DEMO_MODEL], ["--help"], ["run", "--help"], ["--version"]],
    ids=lambda arguments: arguments[0],
)
def test_a_pipe_without_a_reader_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "img2imu", *map(str, arguments)],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        )
    finally:
        os.close(writing)
    assert result.stderr == ""
    assert result.returncode == 0


def test_ctrl_c_while_modules_are_imported_gives_no_traceback(monkeypatch, capsys):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupt)
    assert main(["info", str(DEMO_MODEL)]) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


# ---- names of modules in the current folder


@pytest.fixture
def folder_with_our_names(tmp_path):
    """A folder in which a user's files have the names of our packages."""
    for name in ("export", "edge_runtime", "benchmarks"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name}.py was imported')\n")
    return tmp_path


@pytest.fixture
def script(tmp_path_factory):
    """The program that pip installs: python puts its folder first, not the current one."""
    path = tmp_path_factory.mktemp("bin") / "img2imu"
    path.write_text("import sys\nfrom img2imu.cli import main\nsys.exit(main())\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["export", "nowhere.npz"], EXIT_USER_ERROR, "cannot read the trained model nowhere.npz"),
        (["export", "--help"], 0, "usage: img2imu export "),
        (["info", str(DEMO_MODEL)], 0, "shoulder exercises"),
    ],
    ids=["export", "help", "info"],
)
@pytest.mark.parametrize("how", ["module", "script"])
def test_files_with_the_names_of_our_packages_are_not_imported(
    folder_with_our_names, script, how, arguments, code, message
):
    program = ["-m", "img2imu"] if how == "module" else [str(script)]
    root = Path(edge_runtime.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=folder_with_our_names,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert result.returncode == code, result.stderr
    assert message in result.stdout + result.stderr
    assert "was imported" not in result.stderr and "Traceback" not in result.stderr


def test_a_package_of_the_users_called_export_is_not_imported(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "__init__.py").write_text("raise SystemExit('imported')\n")
    result = img2imu("export", "nowhere.npz", cwd=tmp_path)
    assert result.returncode == EXIT_USER_ERROR
    assert "cannot read the trained model nowhere.npz" in result.stderr


def test_in_a_checkout_its_own_packages_are_imported(tmp_path):
    root = Path(edge_runtime.__file__).parents[1]
    for name in ("img2imu/__init__.py", "img2imu/__main__.py", "img2imu/cli.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    (tmp_path / "edge_runtime").mkdir()
    shutil.copy(root / "edge_runtime/errors.py", tmp_path / "edge_runtime")
    (tmp_path / "edge_runtime/__init__.py").write_text('__version__ = "of the checkout"\n')
    result = img2imu("--version", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "img2imu of the checkout\n"), result.stderr


# ---- missing extras


@pytest.fixture
def without(tmp_path):
    """Run the command where some packages cannot be imported."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(BLOCKER)
    root = str(Path(edge_runtime.__file__).parents[1])

    def run(blocked, *arguments):
        path = os.pathsep.join([str(hook), root])
        return img2imu(
            *arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path, "BLOCKED": blocked}
        )

    return run


@pytest.fixture
def trained(tmp_path):
    """A small trained model on disk."""
    from img2imu import MotionClassifier

    random = np.random.default_rng(0)
    windows = random.normal(0, 0.3, (2, 40, 3)) * np.array([1, 4])[:, None, None] + [0, 0, 9.81]
    MotionClassifier(25.0, "acc").fit(windows, ["still", "shaken"]).save(tmp_path / "m.npz")
    return tmp_path / "m.npz"


@pytest.mark.parametrize(
    ("blocked", "extra", "arguments"),
    [
        ("torch", "train", ["train", "watch", "-o", "m.npz"]),
        ("sklearn", "train", ["train", "watch", "-o", "m.npz"]),
        ("torch", "export", ["export", "m.npz"]),
        ("torch", "demo", ["demo", "--out", "out"]),
        ("matplotlib", "demo", ["demo", "--out", "out"]),
        ("seglearn", "demo", ["demo", "--out", "out"]),
    ],
)
def test_a_missing_package_names_the_extra_that_brings_it(without, blocked, extra, arguments):
    result = without(blocked, *arguments)
    assert result.returncode == EXIT_USER_ERROR
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(
        f"img2imu: this needs the Python package '{blocked}', which is not installed: "
    )
    assert result.stderr.endswith(f'pip install "img2imu[{extra}]"\n')


@pytest.mark.parametrize("blocked", ["litert_torch", "ai_edge_quantizer"])
def test_a_missing_converter_is_named_before_anything_is_written(without, trained, blocked):
    result = without(blocked, "export", trained)
    assert result.returncode == EXIT_USER_ERROR
    assert result.stderr.count("\n") == 1
    assert f"'{blocked}'" in result.stderr and 'pip install "img2imu[export]"' in result.stderr
    assert not trained.with_suffix(".tflite").exists()


def test_the_base_install_is_enough_for_run_and_info(without):
    heavy = "torch,torchvision,sklearn,scipy,matplotlib,rich,seglearn,tensorflow,"
    heavy += "litert_torch,ai_edge_quantizer"
    info = without(heavy, "info", DEMO_MODEL)
    run = without(
        heavy, "run", DEMO_MODEL, "--source", f"{DEMO_MODEL.with_suffix('.npz')}?speed=max"
    )
    assert info.returncode == run.returncode == 0
    assert "shoulder exercises" in info.stdout and "ABD" in run.stdout


def test_a_missing_module_of_our_own_is_a_defect_with_a_traceback(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'export.nothing'", name="export.nothing")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ModuleNotFoundError, match=r"export\.nothing"):
        main(["export", "m.npz"])
