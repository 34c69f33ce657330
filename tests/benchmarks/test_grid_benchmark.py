"""The options that several benchmarks share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def script(module):
    return module("grid_benchmark")


def test_lists_are_split_in_defaults_and_arguments(script):
    parser = script.make_parser("A benchmark.", out="out/made", tasks="hapt,watch")
    script.add_k(parser, "1,5")
    script.add_jobs(parser)
    defaults = parser.parse_args([])
    assert (defaults.data_dir, defaults.out) == (Path("data"), Path("out/made"))
    assert (defaults.tasks, defaults.k) == (["hapt", "watch"], [1, 5])
    assert (defaults.draws, defaults.jobs) == (10, 1)
    arguments = parser.parse_args(["--tasks", "road", "--k", "2, 10"])
    assert (arguments.tasks, arguments.k) == (["road"], [2, 10])


def test_without_a_default_all_tasks_run(script):
    assert script.make_parser("A benchmark.", out="out/made").parse_args([]).tasks is None


def test_missing_data_are_named(script, tmp_path, capsys):
    from img2imu.fewshot.tasks import pick_tasks

    assert script.load(pick_tasks(["hapt"]), tmp_path) == []
    assert capsys.readouterr().out.startswith(f"hapt is left out: there is no {tmp_path}/hapt.npz")
