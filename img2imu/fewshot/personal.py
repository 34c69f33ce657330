"""Personalisation: learnt from an earlier block of the same person, tested on a later one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_runtime.errors import DataError
from img2imu.fewshot.manifest import (
    Draw,
    Indices,
    Json,
    Manifest,
    hash_data,
    hash_json,
    origins,
    supports,
)
from img2imu.fewshot.tasks import TaskData
from img2imu.windows import Windows

LEAST_WINDOWS = 3  # of a label in a recording: one to learn from, the guard gap, one to test on


def blocks(windows: Windows) -> tuple[Indices, Indices]:
    """Indices of the windows that may be learnt from, and of those that are tested, both ascending.

    The windows of one label in one recording, in the order of time: the first half may be learnt
    from, the next window is the guard gap, the rest is tested. With fewer than three, all may be
    learnt from.
    """
    earlier: list[int] = []
    later: list[int] = []
    groups = np.stack([windows.recordings, windows.labels], 1)
    for group in np.unique(groups, axis=0):
        own = np.flatnonzero((groups == group).all(1))
        own = own[np.argsort(windows.starts[own], kind="stable")]
        half = len(own) // 2 if len(own) >= LEAST_WINDOWS else len(own)
        earlier += own[:half].tolist()
        later += own[half + 1 :].tolist()
    return np.array(sorted(earlier), np.int64), np.array(sorted(later), np.int64)


def make_personal_manifest(data: TaskData, ks: Sequence[int], draws: int, seed: int) -> Manifest:
    """Draw support windows of each person; a :class:`Draw` is one person and one choice of windows.

    A person's classes are those with windows in both blocks. A k for which one of them has too few
    windows in the earlier block is left out for this person, and said. Windows of other people are
    those that methods may look at without labels.

    Raises:
        DataError: k or draws below 1, or nobody has two classes in both blocks.
    """
    if not ks or min(ks) < 1 or draws < 1:
        raise DataError(
            f"k is {list(ks)} with {draws} draws, expected numbers of 1 or more: check --k and --draws"
        )
    ks, windows, data_sha256 = sorted(set(ks)), data.windows, hash_data(data.windows)
    earlier, later = blocks(windows)
    people = np.unique(windows.subjects).tolist()
    made: list[Draw] = []
    for i, person in enumerate(people):
        own, test = (_of(windows, block, person) for block in (earlier, later))
        both = np.intersect1d(windows.labels[own], windows.labels[test])
        own, test = (
            own[np.isin(windows.labels[own], both)],
            test[np.isin(windows.labels[test], both)],
        )
        fewest = min((int((windows.labels[own] == label).sum()) for label in both), default=0)
        others = np.flatnonzero(windows.subjects != person)
        for draw in range(draws if len(both) >= 2 else 0):
            support = supports(
                windows, own, [k for k in ks if k <= fewest], np.random.default_rng([seed, draw, i])
            )
            hashes = {
                k: hash_json([data_sha256, origins(windows, test), origins(windows, chosen)])
                for k, chosen in support.items()
            }
            made.append(Draw(i * draws + draw, (person,), test, others, support, hashes))
    if not made:
        raise DataError(
            f"{data.task.name} has nobody with {LEAST_WINDOWS} windows of each of two classes in a "
            "recording, expected some: record longer, or take a shorter window"
        )
    served = {k: sum(k in draw.support for draw in made) // draws for k in ks}
    left_out = tuple(
        f"{data.task.name}: k = {k} is left out for {len(people) - n} of {len(people)} people, who have "
        "too few windows in their earlier block"
        for k, n in served.items()
        if n < len(people)
    )
    content: Json = {
        "task": data.task.name,
        "window_s": data.task.window_s,
        "classes": data.class_names,
        "seed": seed,
        "data_sha256": data_sha256,
        "left_out": list(left_out),
        "draws": [
            {
                "draw": draw.number,
                "person": draw.test_subjects[0],
                "test": origins(windows, draw.test),
                "support": {str(k): origins(windows, chosen) for k, chosen in draw.support.items()},
            }
            for draw in made
        ],
    }
    return Manifest(data.task.name, seed, data_sha256, tuple(made), left_out, content)


def _of(windows: Windows, block: Indices, person: str) -> Indices:
    return np.asarray(block[windows.subjects[block] == person], np.int64)
