"""Manifests: the test people and the windows to learn from, fixed before anything runs."""

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

REDRAWS = 20  # attempts to find test subjects that leave enough windows of every class


@dataclass(frozen=True, eq=False)
class Draw:
    """One draw of test subjects and, for each k, of the windows to learn from.

    Attributes:
        number: number of the draw, from 0.
        test_subjects: sorted.
        test: indices of all windows of the test subjects, the same for every k.
        training: indices of all other windows; methods may use these without labels.
        support: for each k, indices of k windows per class, ascending. They include those of a
            smaller k.
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
        task: name of the task.
        seed: seed of all draws.
        data_sha256: hash of the task's windows and labels.
        draws: in order.
        left_out: a sentence for every k that some draws do not have.
        content: what :meth:`to_json` writes, without its own hash.
    """

    task: str
    seed: int
    data_sha256: str
    draws: tuple[Draw, ...]
    left_out: tuple[str, ...]
    content: Json

    @property
    def sha256(self) -> str:
        """Hash of the content."""
        return hash_json(self.content)

    def to_json(self) -> str:
        """Return the text of the file: windows as [number of the recording, first sample]."""
        return json.dumps({**self.content, "sha256": self.sha256}, separators=(",", ":")) + "\n"


def make_manifest(data: TaskData, ks: Sequence[int], draws: int, seed: int) -> Manifest:
    """Draw test subjects and support windows.

    A draw holds out a random share of the subjects. The subjects are shuffled, and draws take one
    share after another until none is left. Then they are shuffled again. So all subjects are
    tested about equally often.

    If a share leaves a class with fewer windows than the largest k, shares of up to 20 other
    shuffles are tried, and the first that serves the most k is used. A k that it cannot serve is
    left out and named in ``left_out``.

    Support windows are drawn at random from each class's windows of all other subjects. Those of a
    smaller k are the first of a larger k's. More draws leave the earlier ones as they are.

    Raises:
        DataError: k or draws are below 1, or the task has fewer than two subjects.
    """
    check_grid(ks, draws)
    ks = sorted(set(ks))
    data_sha256 = hash_data(data.windows)
    made = tuple(_draw(data, ks, number, seed, data_sha256) for number in range(draws))
    left_out = []
    for k in ks:
        without = [draw.number for draw in made if k not in draw.support]
        if without:
            which = "any draw" if len(without) == draws else f"{len(without)} of {draws} draws"
            left_out.append(
                f"{data.task.name}: k = {k} is left out of {which}, too few windows of some class "
                f"remain for training after {REDRAWS} redraws"
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
        "draws": [_draw_as_json(data.windows, draw) for draw in made],
    }
    return Manifest(data.task.name, seed, data_sha256, made, tuple(left_out), content)


def check_grid(ks: Sequence[int], draws: int) -> None:
    """Refuse numbers that no grid can have.

    Raises:
        DataError: k or draws are below 1.
    """
    if not ks or min(ks) < 1 or draws < 1:
        raise DataError(
            f"k is {list(ks)} with {draws} draws, expected numbers of 1 or more: check --k and "
            "--draws"
        )


def _draw(data: TaskData, ks: Sequence[int], number: int, seed: int, data_sha256: str) -> Draw:
    windows = data.windows
    subjects = np.unique(windows.subjects)
    if len(subjects) < 2:
        raise DataError(
            f"{data.task.name} has {len(subjects)} {data.task.subject}, expected two or more to "
            "hold one out: record more"
        )
    test_subjects, n_served = _draw_test_subjects(data, subjects, ks, number, seed)
    is_test = np.isin(windows.subjects, test_subjects)
    test = np.flatnonzero(is_test)
    training = np.flatnonzero(~is_test)
    support = draw_support(windows, training, ks[:n_served], np.random.default_rng([seed, number]))
    return Draw(
        number=number,
        test_subjects=tuple(sorted(map(str, test_subjects))),
        test=test,
        training=training,
        support=support,
        sha256=hash_cells(data_sha256, windows, test, support),
    )


def _draw_test_subjects(
    data: TaskData, subjects: npt.NDArray[np.str_], ks: Sequence[int], number: int, seed: int
) -> tuple[npt.NDArray[np.str_], int]:
    """Return the test subjects of a draw, and the number of ks that the others can serve."""
    n_test = min(max(1, round(data.task.test_share * len(subjects))), len(subjects) - 1)
    shuffle, share = divmod(number, len(subjects) // n_test)
    best: tuple[npt.NDArray[np.str_], int] | None = None
    for attempt in range(REDRAWS + 1):
        shuffled = np.random.default_rng([seed, shuffle, attempt]).permutation(subjects)
        chosen = shuffled[share * n_test : (share + 1) * n_test]
        fewest = _fewest_training_windows(data.windows, chosen)
        n_served = sum(k <= fewest for k in ks)
        if best is None or n_served > best[1]:
            best = chosen, n_served
        if n_served == len(ks):
            break
    assert best is not None
    return best


def _fewest_training_windows(windows: Windows, test_subjects: npt.NDArray[np.str_]) -> int:
    """Return the number of training windows of the class that has the fewest."""
    counts = np.bincount(
        windows.labels[~np.isin(windows.subjects, test_subjects)],
        minlength=len(windows.label_names),
    )
    return int(counts[np.unique(windows.labels)].min())


def draw_support(
    windows: Windows, training: Indices, ks: Sequence[int], random: np.random.Generator
) -> dict[int, Indices]:
    """Draw k windows of every label that the training windows have.

    The windows of a smaller k are among those of a larger one.
    """
    labels = np.unique(windows.labels[training])
    orders = [random.permutation(training[windows.labels[training] == label]) for label in labels]
    return {k: np.sort(np.concatenate([order[:k] for order in orders])) for k in ks}


def origins(windows: Windows, indices: Indices) -> list[list[int]]:
    """Return [number of the recording, first sample] of each window."""
    pairs = np.stack([windows.recordings[indices], windows.starts[indices]], 1)
    return pairs.tolist()  # type: ignore[no-any-return]


def _draw_as_json(windows: Windows, draw: Draw) -> Json:
    return {
        "draw": draw.number,
        "test_subjects": list(draw.test_subjects),
        "test": origins(windows, draw.test),
        "support": {str(k): origins(windows, chosen) for k, chosen in draw.support.items()},
        "sha256": {str(k): digest for k, digest in draw.sha256.items()},
    }


def hash_cells(
    data_sha256: str, windows: Windows, test: Indices, support: Mapping[int, Indices]
) -> dict[int, str]:
    """Return, for each k, the hash of the data, the test windows and the support."""
    test_origins = origins(windows, test)
    return {
        k: hash_json([data_sha256, test_origins, origins(windows, chosen)])
        for k, chosen in support.items()
    }


def hash_json(content: object) -> str:
    """Return the SHA-256 of what ``json.dumps`` writes without spaces and with sorted keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def hash_data(windows: Windows) -> str:
    """Return the hash of samples and labels, which tells two files of one name apart."""
    digest = hashlib.sha256(np.ascontiguousarray(windows.samples).tobytes())
    labels = [
        windows.class_names.tolist(),
        windows.subjects.tolist(),
        windows.rate_hz,
        list(windows.channels),
    ]
    digest.update(hash_json(labels).encode())
    return digest.hexdigest()
