import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import joblib
import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.baselines import pick_methods
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.runner import read_results, run_grid


class NearestStd:
    """Predict the class with the most similar standard deviation."""

    def __init__(self, rate_hz, channels, seed):
        self.seed = seed

    def fit(self, windows, labels, unlabelled=None):
        self.std, self.labels = windows.std((1, 2)), labels
        return self

    def predict(self, windows):
        return self.labels[np.abs(windows.std((1, 2))[:, None] - self.std).argmin(1)]


class Counting(NearestStd):
    runs: ClassVar[list[int]] = []

    def fit(self, windows, labels, unlabelled=None):
        Counting.runs.append(len(windows))
        assert len(unlabelled) > len(windows)
        return super().fit(windows, labels)


class Broken(NearestStd):
    def fit(self, windows, labels, unlabelled=None):
        if len(windows) > 3:
            raise ValueError("too much\nfor me")
        return super().fit(windows, labels)


@pytest.fixture
def grid(toy, tmp_path):
    manifests = [make_manifest(toy, [1, 2], 3, 0)]

    def run(methods, n_jobs=1, to="cells.jsonl"):
        return run_grid([toy], manifests, methods, tmp_path / to, n_jobs)

    Counting.runs.clear()
    return run


def without_times(results):
    return [(result.cell, result.scores) for result in results]


def test_every_cell_runs_once_and_each_line_is_a_result(grid, tmp_path):
    results, failures = grid({"std": NearestStd, "counting": Counting})
    assert [(r.cell.method, r.cell.draw, r.cell.k) for r in results] == [
        (method, draw, k) for method in ("std", "counting") for draw in range(3) for k in (1, 2)
    ]
    assert failures == [] and Counting.runs == [3, 6] * 3
    assert without_times(results[:6]) != [] and read_results(tmp_path / "cells.jsonl") == results
    assert all(set(r.scores.f1_of_class) <= {"rest", "slow", "fast"} for r in results)
    assert all(r.fit_s >= 0 and r.predict_s >= 0 for r in results)


def test_finished_cells_are_not_run_again(grid, tmp_path):
    first, _ = grid({"counting": Counting})
    path = tmp_path / "cells.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]) + lines[4][:30])  # switched off in the middle of the fifth
    Counting.runs.clear()
    again, _ = grid({"counting": Counting})
    assert Counting.runs == [3, 6]
    assert without_times(again) == without_times(first) == without_times(read_results(path))


def test_cells_of_another_manifest_do_not_count(grid, tmp_path):
    grid({"counting": Counting})
    path = tmp_path / "cells.jsonl"
    path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0', 1))
    Counting.runs.clear()
    results, _ = grid({"counting": Counting})
    assert len(Counting.runs) == 1 and len(results) == 6 and len(read_results(path)) == 7


def test_a_person_in_training_and_in_test_is_refused(toy, tmp_path):
    manifest = make_manifest(toy, [1], 1, 0)
    draw = manifest.draws[0]
    both = dataclasses.replace(draw, training=np.append(draw.training, draw.test[0]))
    person = toy.windows.subjects[draw.test[0]]
    with pytest.raises(DataError, match=f"draw 0 of toy has {person} both in training and in test"):
        run_grid(
            [toy],
            [dataclasses.replace(manifest, draws=(both,))],
            {"std": NearestStd},
            tmp_path / "cells.jsonl",
        )
    assert not list(tmp_path.iterdir())


def test_a_cell_is_written_before_the_next_is_run(grid, tmp_path):
    class Stopping(NearestStd):
        def fit(self, windows, labels, unlabelled=None):
            if (tmp_path / "cells.jsonl").read_text().count("\n") == 3:
                raise KeyboardInterrupt
            return super().fit(windows, labels)

    with pytest.raises(KeyboardInterrupt):
        grid({"stopping": Stopping})
    assert len(read_results(tmp_path / "cells.jsonl")) == 3


def test_a_method_that_fails_stops_no_other(grid, tmp_path):
    results, failures = grid({"broken": Broken, "std": NearestStd})
    assert len(results) == 3 + 6
    assert {(f.cell.method, f.cell.k, f.why) for f in failures} == {
        ("broken", 2, "ValueError: too much")
    }
    assert len(read_results(tmp_path / "cells.jsonl")) == 9  # the three others are tried again


@pytest.mark.parametrize("backend", ["threading", "multiprocessing", "loky"])
def test_any_backend_gives_the_same(grid, backend):
    # a class of this module would not do: another process cannot import a test module
    methods = pick_methods(["statistics_lr"])
    alone, _ = grid(methods, to="alone.jsonl")
    with joblib.parallel_config(backend=backend):
        together, failures = grid(methods, n_jobs=2, to="together.jsonl")
    assert failures == [] and without_times(together) == without_times(alone)


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"cell": {}}', json.dumps({"cell": {"task": 1}, "scores": {}})]
)
def test_a_file_that_holds_something_else(tmp_path, line):
    path = tmp_path / "cells.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(
        DataError, match=r"line 1 of .*cells\.jsonl is not a result of this benchmark"
    ):
        read_results(path)
    assert read_results(Path("no such file")) == []


def test_a_slow_method_runs_on_the_first_draws_only(grid, monkeypatch):
    monkeypatch.setattr("img2imu.fewshot.runner.MAX_DRAWS", {"slow": 2})
    results, _ = grid({"slow": NearestStd, "quick": NearestStd})
    draws = {
        name: sorted({r.cell.draw for r in results if r.cell.method == name})
        for name in ("slow", "quick")
    }
    assert draws == {"slow": [0, 1], "quick": [0, 1, 2]}
