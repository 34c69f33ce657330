"""Who is trained on and who is tested on, and which few windows are learnt from."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from img2imu.windows import Windows

Indices = npt.NDArray[np.int64]


def split_by_subject(windows: Windows, test_subjects: int, seed: int) -> tuple[Indices, Indices]:
    """Hold some people out, drawn at random; no person is on both sides.

    Args:
        windows: of two people or more.
        test_subjects: number of people to hold out.
        seed: of the draw.

    Returns:
        Indices of the training windows, and of the test windows, both ascending.

    Raises:
        DataError: fewer than two people, or nobody left on one side.
    """
    people = np.unique(windows.subjects)
    if len(people) < 2:
        raise DataError(f"all {len(windows)} windows are of one person ({people[0]}), expected two or more to hold "
                        "one out: put the recordings into DIR/SUBJECT/LABEL/, or hold nobody out")
    if not 1 <= test_subjects < len(people):
        raise DataError(f"{test_subjects} people were to be held out of {len(people)}, expected 1 to "
                        f"{len(people) - 1}: hold out fewer, or record more people")
    held_out = np.random.default_rng(seed).permutation(people)[:test_subjects]
    is_test = np.isin(windows.subjects, held_out)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def pick_support(windows: Windows, train_indices: Indices, windows_per_class: int, seed: int) -> Indices:
    """Draw the few windows per class to learn from, spread over people and recordings as evenly as can be.

    People take turns in random order, each giving a random window of theirs until they have none left; a person's
    recordings take turns in the same way. Who labels ten windows anyway loses nothing by taking them from ten
    recordings, and a model that has seen different bodies does better on new ones.

    Args:
        windows: all windows; every label that one of them has is a class.
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
            raise DataError(f"the class {windows.label_names[label]} has {len(candidates)} windows to learn from, but "
                            f"{windows_per_class} per class were asked for: ask for fewer, take a shorter window, or "
                            "record more")
        order = random.permutation(candidates)
        order = _take_turns(order, windows.recordings[order], random)
        order = _take_turns(order, windows.subjects[order], random)
        picked += order[:windows_per_class].tolist()
    return np.array(sorted(picked), np.int64)


def _take_turns(order: Indices, groups: npt.NDArray[np.generic], random: np.random.Generator) -> Indices:
    """Reorder so that no group comes again before all others came as often; within a group the order stays."""
    places = random.permutation(len(np.unique(groups)))[np.unique(groups, return_inverse=True)[1]]
    turns = np.empty(len(order), np.int64)
    for place in np.unique(places):
        turns[places == place] = np.arange((places == place).sum())
    return np.asarray(order[np.lexsort((places, turns))], np.int64)


def manifest_sha256(windows: Windows, indices: Indices) -> str:
    """A hash that tells whether two models learnt from the same windows of a data set, in whatever order.

    It is the SHA-256 of one line ``recording,start`` for each window, in ascending order of the numbers.
    """
    origins = sorted(zip(windows.recordings[indices].tolist(), windows.starts[indices].tolist(), strict=True))
    return hashlib.sha256("".join(f"{recording},{start}\n" for recording, start in origins).encode()).hexdigest()
