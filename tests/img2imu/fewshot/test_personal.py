import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.fewshot.personal import TaughtOnDevice, make_personal_manifest, split_blocks
from img2imu.fewshot.runner import run_grid
from img2imu.fewshot.tasks import cut_task


@pytest.fixture(scope="module")
def data(toy_data, toy):
    """Three people with seven windows of each of three motions."""
    return cut_task(toy.task, toy_data(people=3, windows_each=7))


def test_the_first_half_is_earlier_then_a_guard_window_and_the_rest_is_later(data):
    earlier, later = split_blocks(data.windows)
    for recording in np.unique(data.windows.recordings):
        indices = np.flatnonzero(data.windows.recordings == recording)
        starts = np.sort(data.windows.starts[indices])
        assert sorted(data.windows.starts[np.intersect1d(indices, earlier)]) == starts[:3].tolist()
        assert sorted(data.windows.starts[np.intersect1d(indices, later)]) == starts[4:].tolist()


def test_a_stretch_of_two_windows_is_only_learnt_from(toy_data, toy):
    windows = cut_task(toy.task, toy_data(people=2, windows_each=2)).windows
    earlier, later = split_blocks(windows)
    assert len(earlier) == len(windows) and len(later) == 0
    with pytest.raises(DataError, match="has nobody with 3 windows of each of two classes"):
        make_personal_manifest(cut_task(toy.task, toy_data(people=2, windows_each=2)), [1], 2, 0)


def test_a_draw_learns_from_one_persons_earlier_and_is_tested_on_their_later_windows(data):
    manifest = make_personal_manifest(data, [1, 3, 4], 2, 0)
    earlier, later = split_blocks(data.windows)
    assert len(manifest.draws) == 3 * 2 and len({draw.number for draw in manifest.draws}) == 6
    for draw in manifest.draws:
        (person,) = draw.test_subjects
        assert set(data.windows.subjects[draw.test]) == {person} and set(draw.test) <= set(later)
        assert person not in data.windows.subjects[draw.training]
        assert sorted(draw.support) == [1, 3]  # three windows are earlier
        for k, support in draw.support.items():
            assert set(data.windows.subjects[support]) == {person} and set(support) <= set(earlier)
            assert np.bincount(data.windows.labels[support]).tolist() == [k] * 3
        assert set(draw.support[1]) <= set(draw.support[3])
    assert manifest.left_out == (
        "toy: k = 4 is left out for 3 of 3 people, who have too few windows in their earlier block",
    )
    assert make_personal_manifest(data, [1, 3, 4], 2, 0).sha256 == manifest.sha256
    assert make_personal_manifest(data, [1, 3, 4], 2, 1).sha256 != manifest.sha256


@pytest.mark.parametrize(("ks", "draws"), [([], 1), ([0], 1), ([1], 0)])
def test_numbers_below_1_are_refused(data, ks, draws):
    with pytest.raises(DataError, match="expected numbers of 1 or more"):
        make_personal_manifest(data, ks, draws, 0)


def test_a_taught_device_runs_in_the_grid(data, tmp_path):
    manifest = make_personal_manifest(data, [1, 3], 1, 0)
    results, failures = run_grid(
        [data], [manifest], {"taught": TaughtOnDevice}, tmp_path / "cells.jsonl"
    )
    assert not failures and len(results) == 3 * 2
    assert all(result.scores.macro_f1 > 0.9 for result in results)  # rest, 1 Hz and 4 Hz
