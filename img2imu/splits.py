"""Choose the people to train and test on, and the few windows to learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from img2imu.windows import Windows

Indices = npt.NDArray[np.int64]


def split_by_subject(windows: Windows, test_subjects: int, seed: int) -> tuple[Indices, Indices]:
    """Hold out people drawn at random. No person is on both sides.

    Args:
        windows: of two people or more.
        test_subjects: number of people to hold out.
        seed: of the draw.

    Returns:
        Indices of the training windows and of the test windows, both ascending.

    Raises:
        DataError: fewer than two people, or nobody left on one side.
    """
    people = np.unique(windows.subjects)
    if len(people) < 2:
        raise DataError(
            f"all {len(windows)} windows are of one person ({people[0]}), expected two or more to "
            "hold one out: put the recordings into DIR/SUBJECT/LABEL/, or hold nobody out"
        )
    if not 1 <= test_subjects < len(people):
        raise DataError(
            f"{test_subjects} people were to be held out of {len(people)}, expected 1 to "
            f"{len(people) - 1}: hold out fewer, or record more people"
        )
    held_out = np.random.default_rng(seed).permutation(people)[:test_subjects]
    is_test = np.isin(windows.subjects, held_out)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def split_by_name(
    windows: Windows, train_people: Sequence[str] | None, test_people: Sequence[str]
) -> tuple[Indices, Indices]:
    """Train on some people and test on others, by name.

    Args:
        windows: of all people.
        train_people: names. None means everybody who is not in ``test_people``.
        test_people: names.

    Returns:
        Indices of the training windows and of the test windows, both ascending.

    Raises:
        DataError: a name on both sides, a name that no window has, or nobody on one side.
    """
    people = np.unique(windows.subjects).tolist()
    if train_people is None:
        train_people = [name for name in people if name not in test_people]
    train = list(train_people)
    if both := sorted(set(train) & set(test_people)):
        raise DataError(
            f"{', '.join(both)} would be both learnt from and tested on, expected people to be on "
            "one side only: take each of these names out of one list"
        )
    for name in [*train, *test_people]:
        if name not in people:
            raise DataError(
                f"there are no windows of {name!r}, expected people out of {', '.join(people)}: "
                "check the spelling"
            )
    if not train or not test_people:
        raise DataError(
            f"{len(train)} people were to be learnt from and {len(test_people)} tested on out of "
            f"{len(people)}, expected at least one on either side: name fewer on the other"
        )
    return (
        np.flatnonzero(np.isin(windows.subjects, train)),
        np.flatnonzero(np.isin(windows.subjects, list(test_people))),
    )


def pick_support(
    windows: Windows, train_indices: Indices, windows_per_class: int, seed: int
) -> Indices:
    """Draw the few windows per class to learn from, spread evenly over people and recordings.

    People take turns in random order. Each gives a random window of theirs until they have none
    left. A person's recordings take turns in the same way. Labelling ten windows of ten recordings
    is no more work than ten of one, and a model that has seen different bodies does better on new
    ones.

    Args:
        windows: all windows. Every label that one of them has is a class.
        train_indices: windows that may be drawn.
        windows_per_class: k.
        seed: of the draw.

    Returns:
        k indices for each class, ascending.

    Raises:
        DataError: k below 1, or a class with fewer than k windows to draw from.
    """
    if windows_per_class < 1:
        raise DataError(f"{windows_per_class} windows per class were asked for, expected 1 or more")
    random = np.random.default_rng(seed)
    picked: list[int] = []
    for label in np.unique(windows.labels):
        candidates = train_indices[windows.labels[train_indices] == label]
        if len(candidates) < windows_per_class:
            raise DataError(
                f"the class {windows.label_names[label]} has {len(candidates)} windows to learn "
                f"from, but {windows_per_class} per class were asked for: ask for fewer, take a "
                "shorter window, or record more"
            )
        order = random.permutation(candidates)
        order = _take_turns(order, windows.recordings[order], random)
        order = _take_turns(order, windows.subjects[order], random)
        picked += order[:windows_per_class].tolist()
    return np.array(sorted(picked), np.int64)


def _take_turns(
    order: Indices, groups: npt.NDArray[np.generic], random: np.random.Generator
) -> Indices:
    """Reorder so that groups take turns, in random order. Within a group the order stays."""
    names, group_of = np.unique(groups, return_inverse=True)
    places = random.permutation(len(names))[group_of]
    turns = np.empty(len(order), np.int64)
    for place in np.unique(places):
        turns[places == place] = np.arange((places == place).sum())
    return np.asarray(order[np.lexsort((places, turns))], np.int64)


def manifest_sha256(windows: Windows, indices: Indices) -> str:
    """Return a hash of these windows' places in their data set, independent of their order.

    Two models with the same hash learnt from the same windows. It is the SHA-256 of one line
    ``recording,start`` for each window, in ascending order of the numbers.
    """
    origins = sorted(
        zip(windows.recordings[indices].tolist(), windows.starts[indices].tolist(), strict=True)
    )
    lines = "".join(f"{recording},{start}\n" for recording, start in origins)
    return hashlib.sha256(lines.encode()).hexdigest()
