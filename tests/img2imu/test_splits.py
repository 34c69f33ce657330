import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError
from img2imu.splits import manifest_sha256, pick_support, split_by_name, split_by_subject
from img2imu.windows import Windows

LABELS = ("a", "b", "c")


def windows_of(counts):
    """Make windows; ``counts`` is (person, label) to number of windows."""
    people = [person for (person, _), n in counts.items() for _ in range(n)]
    labels = np.array([label for (_, label), n in counts.items() for _ in range(n)], np.int64)
    n = len(labels)
    return Windows(
        np.zeros((n, 16, 1), np.float32),
        labels,
        np.array(people),
        np.arange(n) // 5,
        np.arange(n) % 5 * 16,
        LABELS,
        20.0,
        ("acc_z",),
    )


EVEN = windows_of(
    {(person, label): 8 for person in ("ada", "bo", "cy", "di") for label in range(3)}
)

COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["ada", "bo", "cy", "di", "ed"]), st.integers(0, 2)),
    st.integers(1, 9),
    min_size=2,
)


@given(counts=COUNTS, seed=st.integers(0, 100), data=st.data())
def test_a_split_is_complete_and_shares_no_person(counts, seed, data):
    windows = windows_of(counts)
    n_people = len(np.unique(windows.subjects))
    if n_people < 2:
        with pytest.raises(DataError):
            split_by_subject(windows, 1, seed)
        return
    held_out = data.draw(st.integers(1, n_people - 1))
    train, test = split_by_subject(windows, held_out, seed)
    assert sorted([*train, *test]) == list(range(len(windows)))
    assert len(set(windows.subjects[test])) == held_out
    assert not set(windows.subjects[train]) & set(windows.subjects[test])


def test_the_seed_decides_the_people_held_out():
    def held_out(seed):
        return tuple(np.unique(EVEN.subjects[split_by_subject(EVEN, 2, seed)[1]]))

    assert held_out(3) == held_out(3)
    assert len({held_out(seed) for seed in range(20)}) > 3


@pytest.mark.parametrize("test_subjects", [-1, 0, 4, 5])
def test_too_many_or_too_few_held_out(test_subjects):
    with pytest.raises(
        DataError, match=rf"{test_subjects} people were to be held out of 4, expected 1 to 3"
    ):
        split_by_subject(EVEN, test_subjects, 0)


def test_one_person_cannot_be_split():
    with pytest.raises(
        DataError, match=r"all 9 windows are of one person \(me\), expected two or more"
    ):
        split_by_subject(windows_of({("me", 0): 4, ("me", 1): 5}), 1, 0)


def test_people_by_name():
    train, test = split_by_name(EVEN, None, ["di", "ada"])
    assert sorted([*train, *test]) == list(range(len(EVEN)))
    assert set(EVEN.subjects[test]) == {"ada", "di"}
    train, test = split_by_name(EVEN, ["cy"], ["ada"])
    assert set(EVEN.subjects[train]) == {"cy"} and len(train) == len(test) == 24


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            ["ada", "bo", "cy"],
            ["cy", "di", "bo"],
            "^bo, cy would be both learnt from and tested on",
        ),
        (None, ["eve"], "no windows of 'eve', expected people out of ada, bo, cy, di"),
        (["Ada"], ["bo"], "no windows of 'Ada'"),
        (None, [], "4 people were to be learnt from and 0 tested on"),
        (None, ["ada", "bo", "cy", "di"], "0 people were to be learnt from and 4 tested on"),
    ],
)
def test_impossible_lists_of_people(train, test, message):
    with pytest.raises(DataError, match=message):
        split_by_name(EVEN, train, test)


@given(counts=COUNTS, k=st.integers(1, 12), seed=st.integers(0, 100))
def test_supports_are_exact_and_spread_over_people(counts, k, seed):
    windows = windows_of(counts)
    test_person = windows.subjects[0]
    train = np.flatnonzero(windows.subjects != test_person)
    available = Counter(windows.labels[train].tolist())
    if any(available[label] < k for label in np.unique(windows.labels)):
        with pytest.raises(DataError):
            pick_support(windows, train, k, seed)
        return
    support = pick_support(windows, train, k, seed)
    assert len(set(support.tolist())) == len(support)
    assert test_person not in windows.subjects[support]
    for label in np.unique(windows.labels):
        of_class = support[windows.labels[support] == label]
        assert len(of_class) == k
        by_person = Counter(windows.subjects[of_class].tolist())
        most = max(by_person.values())
        for (person, other_label), n in counts.items():
            # Each person gives as many as the others, or one less, unless they have too few.
            if other_label == label and person != test_person:
                assert by_person[person] >= min(n, most - 1)


def test_a_persons_recordings_take_turns():
    everyone = np.arange(len(EVEN))
    for seed in range(10):
        # Two of each of four people, who have two recordings.
        support = pick_support(EVEN, everyone, 8, seed)
        for label in range(3):
            for person in ("ada", "bo", "cy", "di"):
                of_person = support[
                    (EVEN.labels[support] == label) & (EVEN.subjects[support] == person)
                ]
                assert len(of_person) == 2 and len(set(EVEN.recordings[of_person].tolist())) == 2


def test_the_seed_decides_the_support():
    everyone = np.arange(len(EVEN))
    assert np.array_equal(pick_support(EVEN, everyone, 3, 1), pick_support(EVEN, everyone, 3, 1))
    assert len({tuple(pick_support(EVEN, everyone, 1, seed)) for seed in range(20)}) > 15


def test_too_few_windows_of_a_class():
    windows = windows_of({("ada", 0): 5, ("ada", 1): 2, ("bo", 0): 5, ("bo", 1): 9})
    with pytest.raises(
        DataError, match="the class b has 2 windows to learn from, but 3 per class were asked for"
    ):
        pick_support(windows, np.flatnonzero(windows.subjects == "ada"), 3, 0)
    with pytest.raises(DataError, match="0 windows per class"):
        pick_support(windows, np.arange(len(windows)), 0, 0)


def test_a_label_without_windows_is_not_a_class():
    windows = windows_of({("ada", 0): 5, ("ada", 2): 2})
    assert len(pick_support(windows, np.arange(7), 2, 0)) == 4


def test_the_manifest_does_not_depend_on_the_order_of_the_windows():
    chosen = np.array([7, 2, 30])
    expected = hashlib.sha256(b"0,32\n1,32\n6,0\n").hexdigest()
    assert manifest_sha256(EVEN, chosen) == expected
    assert manifest_sha256(EVEN, chosen[::-1]) == expected
    assert manifest_sha256(EVEN.select(chosen), np.arange(3)) == expected
    assert manifest_sha256(EVEN, chosen[:2]) != expected
