import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.tasks import load_task, pick_tasks

KS = [1, 2, 5]
COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["ada", "bo", "cy", "di", "ed"]), st.integers(0, 2)),
    st.integers(1, 9),
    min_size=2,
).filter(lambda counts: len({who for who, _ in counts}) > 1)


def even(people, windows_each):
    return {(f"p{person}", label): windows_each for person in range(people) for label in range(3)}


def pairs(items):
    return {tuple(item) for item in items}


@given(counts=COUNTS, seed=st.integers(0, 50))
def test_every_draw_keeps_the_rules(task_of, counts, seed):
    data = task_of(counts)
    windows, n_people = data.windows, len({who for who, _ in counts})
    for draw in make_manifest(data, KS, 2, seed).draws:
        assert len(draw.test_subjects) == max(1, round(0.3 * n_people))
        assert set(windows.subjects[draw.test]) == set(draw.test_subjects)
        assert sorted([*draw.test, *draw.training]) == list(range(len(windows)))
        assert (
            set(draw.support)
            == set(draw.sha256)
            == {k for k in KS if k <= max(draw.support, default=0)}
        )
        smaller = set()
        for k, support in sorted(draw.support.items()):
            assert not set(windows.subjects[support]) & set(draw.test_subjects)
            assert not set(support.tolist()) & set(draw.test.tolist())
            assert Counter(windows.labels[support].tolist()) == dict.fromkeys(
                np.unique(windows.labels).tolist(), k
            )
            assert smaller <= set(support.tolist())
            assert len(set(support.tolist())) == len(support)
            smaller = set(support.tolist())


@given(counts=COUNTS, seed=st.integers(0, 50))
def test_a_k_is_left_out_only_if_windows_are_missing(task_of, counts, seed):
    data = task_of(counts)
    manifest = make_manifest(data, KS, 2, seed)
    for draw in manifest.draws:
        left = np.bincount(data.windows.labels[draw.training], minlength=3)[
            np.unique(data.windows.labels)
        ].min()
        assert set(draw.support) == {k for k in KS if k <= left}
    left_out = "".join(manifest.left_out)
    for k in KS:
        assert (f"k = {k} is left out" in left_out) == any(
            k not in draw.support for draw in manifest.draws
        )


def test_the_same_on_every_run_and_another_with_every_seed(task_of):
    data = task_of(even(6, 6))
    first, again, other = (make_manifest(data, KS, 4, seed).to_json() for seed in (3, 3, 4))
    assert first == again != other


def test_more_draws_leave_the_earlier_ones_as_they_are(task_of):
    data = task_of(even(6, 6))
    few, many = make_manifest(data, KS, 3, 0), make_manifest(data, KS, 9, 0)
    assert [draw.sha256 for draw in few.draws] == [draw.sha256 for draw in many.draws[:3]]
    assert len({draw.sha256[1] for draw in many.draws}) == 9


def test_everybody_is_tested_equally_often(task_of):
    draws = make_manifest(task_of(even(9, 6)), KS, 6, 0).draws  # three at a time
    tested = Counter(who for draw in draws for who in draw.test_subjects)
    assert tested == {f"p{person}": 2 for person in range(9)}


def test_people_are_drawn_again_until_all_k_are_served(task_of):
    # without p0, at most seven windows of label 2 remain
    counts = even(5, 3) | {("p0", 2): 9, ("p3", 2): 1, ("p4", 2): 1}
    for draw in make_manifest(task_of(counts), [1, 8], 8, 0).draws:
        assert 8 in draw.support and "p0" not in draw.test_subjects


def test_a_k_that_no_draw_can_have(task_of):
    manifest = make_manifest(task_of(even(3, 4)), [2, 9], 5, 0)
    assert all(set(draw.support) == {2} for draw in manifest.draws)
    assert manifest.left_out == (
        "toy: k = 9 is left out of any draw, too few windows of some class remain for "
        "training after 20 redraws",
    )


def test_the_file_holds_all_draws_and_its_hash(task_of):
    data = task_of(even(4, 5))
    manifest = make_manifest(data, [1, 2], 2, 7)
    written = json.loads(manifest.to_json())
    digest = written.pop("sha256")
    compact = json.dumps(written, sort_keys=True, separators=(",", ":"))
    assert digest == hashlib.sha256(compact.encode()).hexdigest()
    draw, record = manifest.draws[1], written["draws"][1]
    origins = list(zip(data.windows.recordings.tolist(), data.windows.starts.tolist(), strict=True))
    assert pairs(record["test"]) == {origins[i] for i in draw.test}
    assert pairs(record["support"]["2"]) == {origins[i] for i in draw.support[2]}
    assert record["sha256"]["2"] == draw.sha256[2]


def test_the_hash_of_a_cell_depends_on_the_samples(task_of):
    data, changed = task_of(even(4, 5)), task_of(even(4, 5))
    changed.windows.samples[0, 0, 0] = 1
    assert (
        make_manifest(data, [1], 1, 0).draws[0].sha256
        != make_manifest(changed, [1], 1, 0).draws[0].sha256
    )


@pytest.mark.parametrize(("ks", "draws"), [([], 1), ([0, 1], 1), ([1], 0)])
def test_impossible_grids(task_of, ks, draws):
    with pytest.raises(DataError, match=r"k is \[.*\] with . draws, expected numbers of 1 or more"):
        make_manifest(task_of(even(3, 2)), ks, draws, 0)


def test_one_person_cannot_be_split(task_of):
    with pytest.raises(DataError, match="toy has 1 person, expected two or more"):
        make_manifest(task_of(even(1, 5)), [1], 1, 0)


def test_the_watch_manifest_has_no_gaps():
    manifest = make_manifest(load_task(pick_tasks(["watch"])[0], None), [1, 2, 5, 10, 20], 10, 0)
    assert manifest.left_out == ()
    assert all(
        len(draw.test_subjects) == 3 and len(draw.support[20]) == 140 for draw in manifest.draws
    )
