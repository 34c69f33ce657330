"""Who is tested and what is learnt from, fixed before anything runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError
from img2imu.fewshot.tasks import TaskData
from img2imu.windows import Windows

Indices = npt.NDArray[np.int64]
Json = dict[str, object]

REDRAWS = 20  # of the subjects, in search of ones that leave enough windows of every class


@dataclass(frozen=True, eq=False)
class Draw:
    """One draw of test subjects and, for each k, of the windows to learn from.

    Attributes:
        number: from 0.
        test_subjects: sorted.
        test: indices of all windows of the test subjects, the same for every k.
        training: indices of all other windows; methods may look at these without labels.
        support: for each k, indices of k windows per class, ascending; those of a smaller k are
            among them.
        sha256: for each k, hash of the data, the test windows and the support.
    """

    number: int
    test_subjects: tuple[str, ...]
    test: Indices
    training: Indices
    support: Mapping[int, Indices]
    sha256: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Manifest:
    """All draws of one task.

    Attributes:
        task: its name.
        seed: of all draws.
        data_sha256: hash of the task's windows and labels.
        draws: in order.
        left_out: a sentence for every k that a draw could not have.
        content: what :meth:`to_json` writes, less its own hash.
    """

    task: str
    seed: int
    data_sha256: str
    draws: tuple[Draw, ...]
    left_out: tuple[str, ...]
    content: Json

    @property
    def sha256(self) -> str:
        """Hash of the content, written without spaces and with sorted keys."""
        return hash_json(self.content)

    def to_json(self) -> str:
        """The manifest as a file: windows as [number of the recording, first sample]."""
        return json.dumps({**self.content, "sha256": self.sha256}, separators=(",", ":")) + "\n"


def make_manifest(data: TaskData, ks: Sequence[int], draws: int, seed: int) -> Manifest:
    """Draw test subjects and support windows.

    A draw holds a share of the subjects out at random: the subjects are shuffled, and draws take
    one share after the other until none is left, then they are shuffled again, so that all are
    tested about equally often. Where a share leaves a class with fewer windows than the largest k,
    it is drawn anew from other shuffles up to 20 times, and the first that serves the most k is
    taken; what it cannot serve is left out and said. Support windows are drawn plainly at random
    from each class's windows of all other subjects, those of a smaller k being the first of a
    larger k's. More draws leave the earlier ones as they are.

    Raises:
        DataError: k or draws below 1, or a task with fewer than two subjects.
    """
    if not ks or min(ks) < 1 or draws < 1:
        raise DataError(
            f"k is {list(ks)} with {draws} draws, expected numbers of 1 or more: check --k and --draws"
        )
    ks = sorted(set(ks))
    data_sha256 = hash_data(data.windows)
    made = tuple(_draw(data, ks, number, seed, data_sha256) for number in range(draws))
    left_out = []
    for k in ks:
        without = [draw.number for draw in made if k not in draw.support]
        if without:
            which = "any draw" if len(without) == draws else f"{len(without)} of {draws} draws"
            left_out.append(
                f"{data.task.name}: k = {k} is left out of {which}, too few windows of some class remain "
                f"for training after {REDRAWS} redraws"
            )
    content: Json = {
        "task": data.task.name,
        "window_s": data.task.window_s,
        "crop": data.task.crop,
        "classes": data.class_names,
        "test_share": data.task.test_share,
        "seed": seed,
        "data_sha256": data_sha256,
        "notes": list(data.notes),
        "left_out": left_out,
        "draws": [_as_json(data.windows, draw) for draw in made],
    }
    return Manifest(data.task.name, seed, data_sha256, made, tuple(left_out), content)


def _draw(data: TaskData, ks: Sequence[int], number: int, seed: int, data_sha256: str) -> Draw:
    windows = data.windows
    subjects = np.unique(windows.subjects)
    if len(subjects) < 2:
        raise DataError(
            f"{data.task.name} has {len(subjects)} {data.task.subject}, expected two or more to hold one "
            "out: record more"
        )
    n_test = min(max(1, round(data.task.test_share * len(subjects))), len(subjects) - 1)
    round_, share = divmod(number, len(subjects) // n_test)
    best: tuple[int, npt.NDArray[np.str_]] | None = None
    for attempt in range(REDRAWS + 1):
        shuffled = np.random.default_rng([seed, round_, attempt]).permutation(subjects)
        chosen = shuffled[share * n_test : (share + 1) * n_test]
        served = sum(k <= _fewest(windows, chosen) for k in ks)
        if best is None or served > best[0]:
            best = served, chosen
        if served == len(ks):
            break
    assert best is not None
    is_test = np.isin(windows.subjects, best[1])
    test, training = np.flatnonzero(is_test), np.flatnonzero(~is_test)
    support = supports(windows, training, ks[: best[0]], np.random.default_rng([seed, number]))
    hashes = {
        k: hash_json([data_sha256, origins(windows, test), origins(windows, chosen)])
        for k, chosen in support.items()
    }
    return Draw(number, tuple(sorted(map(str, best[1]))), test, training, support, hashes)


def _fewest(windows: Windows, test_subjects: npt.NDArray[np.str_]) -> int:
    """Training windows of the class that has the fewest."""
    counts = np.bincount(
        windows.labels[~np.isin(windows.subjects, test_subjects)],
        minlength=len(windows.label_names),
    )
    return int(counts[np.unique(windows.labels)].min())


def supports(
    windows: Windows, training: Indices, ks: Sequence[int], random: np.random.Generator
) -> dict[int, Indices]:
    """K windows of every label that the training windows have; those of a smaller k are among those of a larger one."""
    labels = np.unique(windows.labels[training])
    orders = [random.permutation(training[windows.labels[training] == label]) for label in labels]
    return {k: np.sort(np.concatenate([order[:k] for order in orders])) for k in ks}


def origins(windows: Windows, indices: Indices) -> list[list[int]]:
    """[number of the recording, first sample] of each window."""
    return np.stack([windows.recordings[indices], windows.starts[indices]], 1).tolist()  # type: ignore[no-any-return]


def _as_json(windows: Windows, draw: Draw) -> Json:
    return {
        "draw": draw.number,
        "test_subjects": list(draw.test_subjects),
        "test": origins(windows, draw.test),
        "support": {str(k): origins(windows, chosen) for k, chosen in draw.support.items()},
        "sha256": {str(k): digest for k, digest in draw.sha256.items()},
    }


def hash_json(content: object) -> str:
    """SHA-256 of what ``json.dumps`` writes without spaces and with sorted keys."""
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def hash_data(windows: Windows) -> str:
    """Hash of samples and labels; another file under the same name must not pass for the same."""
    digest = hashlib.sha256(np.ascontiguousarray(windows.samples).tobytes())
    digest.update(
        hash_json(
            [
                windows.class_names.tolist(),
                windows.subjects.tolist(),
                windows.rate_hz,
                list(windows.channels),
            ]
        ).encode()
    )
    return digest.hexdigest()
