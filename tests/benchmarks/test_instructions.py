"""The benchmark of instructions: the problems that it finds, and its table."""

import json
import subprocess
import sys

import pytest

KEPT = {"front_end": 1000, "inference": 2000, "push": 4000}


@pytest.fixture(scope="module")
def instructions(module):
    return module("instructions")


def run(clock=1.004, **changes):
    return {"clock": clock, **KEPT, **changes}


def test_unchanged_figures_are_no_problem(instructions):
    assert instructions.find_problems([run(), run(push=4030)], KEPT) == []
    # the lower run is less than 5 % above
    assert instructions.find_problems([run(push=4190), run(push=4210)], KEPT) == []
    assert instructions.find_problems([run(push=2000), run(push=2000)], KEPT) == []  # cheaper


@pytest.mark.parametrize(
    ("runs", "problem"),
    [
        (
            [run(inference=2101), run(inference=2102)],
            "inference: 2,101 instructions a decision are 5.0% more than",
        ),
        (
            [run(front_end=1000), run(front_end=1011)],
            "front end: two runs of the same code took 1,000 and 1,011",
        ),
        ([run(clock=0.25), run(clock=1.0)], "took 0.250 ns an instruction"),
        ([run()], "1 of 2 runs gave figures"),
    ],
)
def test_each_problem_is_named(instructions, runs, problem):
    (sentence,) = instructions.find_problems(runs, KEPT)
    assert problem in sentence


def test_a_rise_says_how_to_keep_it(instructions):
    (sentence,) = instructions.find_problems([run(push=5000), run(push=5000)], KEPT)
    assert "run .ci/arm64/bench --renew" in sentence


def test_the_kept_figures_are_complete(instructions):
    kept = json.loads(instructions.KEPT.read_text())
    assert (
        set(kept) == set(instructions.NAMES)
        and kept["front_end"] + kept["inference"] < kept["push"]
    )


def test_a_console_without_figures_fails(instructions):
    result = subprocess.run(
        [sys.executable, instructions.__file__],
        input="Kernel panic\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert "Kernel panic" in result.stderr and "0 of 2 runs" in result.stderr


def test_the_table_names_the_change(instructions):
    lines = [
        "INFO: a line of the console\n",
        json.dumps(run()) + "\n",
        json.dumps(run(push=4400)) + "\n",
    ]
    runs = instructions.read_runs(lines)
    last = instructions.make_table(runs, KEPT).splitlines()[-1]
    assert last == "| all, sample by sample | 4,000 | 4,400 | 4,000 | +0.0% |"
