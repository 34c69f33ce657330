"""Personalisation: learn from an earlier block of a person's recordings, test on a later one.

:class:`TaughtOnDevice` is the method for it: what a device learns by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Self

import numpy as np

from edge_runtime.arrays import Float32Array
from edge_runtime.contract.spec import Contract
from edge_runtime.errors import DataError
from edge_runtime.teaching import Teacher
from edge_runtime.teaching.embedder import Embedder
from img2imu.baselines.interface import Labels, WindowCache, WindowSamples
from img2imu.fewshot.manifest import (
    Draw,
    Indices,
    Json,
    Manifest,
    check_grid,
    draw_support,
    hash_cells,
    hash_data,
    origins,
)
from img2imu.fewshot.tasks import TaskData
from img2imu.windows import Windows

# Of a label in a recording: one to learn from, one as a guard between the blocks, one to test on.
MIN_WINDOWS = 3


def make_personal_manifest(data: TaskData, ks: Sequence[int], draws: int, seed: int) -> Manifest:
    """Draw support windows of each person.

    A :class:`Draw` is one person and one choice of windows. A person's classes are those with
    windows in both blocks. A k is left out for a person who has too few windows of some class in
    the earlier block, and named in ``left_out``. ``training``, which methods may use without
    labels, holds the windows of other people.

    Raises:
        DataError: k or draws are below 1, or nobody has two classes in both blocks.
    """
    check_grid(ks, draws)
    ks = sorted(set(ks))
    windows = data.windows
    data_sha256 = hash_data(windows)
    earlier, later = split_blocks(windows)
    people = np.unique(windows.subjects).tolist()
    made: list[Draw] = []
    for i, person in enumerate(people):
        training = _of_person(windows, earlier, person)
        test = _of_person(windows, later, person)
        labels = np.intersect1d(windows.labels[training], windows.labels[test])
        if len(labels) < 2:
            continue
        training = training[np.isin(windows.labels[training], labels)]
        test = test[np.isin(windows.labels[test], labels)]
        fewest = min(int((windows.labels[training] == label).sum()) for label in labels)
        served = [k for k in ks if k <= fewest]
        for draw in range(draws):
            random = np.random.default_rng([seed, draw, i])
            support = draw_support(windows, training, served, random)
            made.append(
                Draw(
                    number=i * draws + draw,
                    test_subjects=(person,),
                    test=test,
                    training=np.flatnonzero(windows.subjects != person),
                    support=support,
                    sha256=hash_cells(data_sha256, windows, test, support),
                )
            )
    if not made:
        raise DataError(
            f"{data.task.name} has nobody with {MIN_WINDOWS} windows of each of two classes in a "
            "recording, expected some: record longer, or take a shorter window"
        )
    people_served = {k: sum(k in draw.support for draw in made) // draws for k in ks}
    left_out = tuple(
        f"{data.task.name}: k = {k} is left out for {len(people) - n} of {len(people)} people, who "
        "have too few windows in their earlier block"
        for k, n in people_served.items()
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


def split_blocks(windows: Windows) -> tuple[Indices, Indices]:
    """Return indices of the windows to learn from and of the windows to test on, both ascending.

    The windows of one label in one recording are put in the order of time. The first half is to
    learn from, the next window is a guard, and the rest is to test on. With fewer than three
    windows, all are to learn from.
    """
    earlier: list[int] = []
    later: list[int] = []
    groups = np.stack([windows.recordings, windows.labels], 1)
    for group in np.unique(groups, axis=0):
        indices = np.flatnonzero((groups == group).all(1))
        indices = indices[np.argsort(windows.starts[indices], kind="stable")]
        half = len(indices) // 2 if len(indices) >= MIN_WINDOWS else len(indices)
        earlier += indices[:half].tolist()
        later += indices[half + 1 :].tolist()
    return np.array(sorted(earlier), np.int64), np.array(sorted(later), np.int64)


def _of_person(windows: Windows, block: Indices, person: str) -> Indices:
    return np.asarray(block[windows.subjects[block] == person], np.int64)


class TaughtOnDevice:
    """:class:`edge_runtime.Teacher`, taught window by window, without a background.

    Args:
        rate_hz: samples per second.
        channels: names of the columns.
        seed: unused; nothing is drawn.
    """

    def __init__(self, rate_hz: float, channels: tuple[str, ...], seed: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels

    def fit(
        self, windows: WindowSamples, labels: Labels, unlabelled: WindowSamples | None = None
    ) -> Self:
        """Teach the windows; unlabelled windows are not used."""
        self._embedder = cached_embedder(self._rate_hz, self._channels, windows.shape[1])
        teacher = Teacher(self._embedder)
        times_s = np.arange(windows.shape[1]) / self._rate_hz
        self._label_of_name = {str(label): label for label in labels}
        for label, window in zip(labels, windows, strict=True):
            teacher.add(str(label), times_s, window)
        self._model = teacher.model_file()
        return self

    def predict(self, windows: WindowSamples) -> Labels:
        """Return the most probable class of each window."""
        taught = self._model.taught
        assert taught is not None and taught.head is not None
        probabilities = taught.head.probabilities(self._embedder.embed(windows))
        names = [self._model.contract.labels[i] for i in probabilities.argmax(1)]
        return np.array([self._label_of_name[name] for name in names])


class CachingEmbedder(Embedder):
    """An embedder that embeds no window twice, since draws share windows."""

    def __init__(self, tflite: bytes, contract: Contract, threads: int = 1) -> None:
        super().__init__(tflite, contract, threads)
        self._cache = WindowCache[Float32Array]()

    def embed(self, windows: WindowSamples) -> Float32Array:
        """See :meth:`Embedder.embed`."""
        return np.stack(self._cache.look_up(windows, super().embed))

    def embed_uncached(self, windows: WindowSamples) -> Float32Array:
        """Embed more windows than there is memory for."""
        return super().embed(windows)


# The grid goes through streams in order, so that one embedder at a time is enough.
@functools.lru_cache(maxsize=1)
def cached_embedder(
    rate_hz: float, channels: tuple[str, ...], window_samples: int
) -> CachingEmbedder:
    """Return the bundled network for a stream, with what it has embedded so far."""
    return CachingEmbedder.bundled(channels, rate_hz, window_samples / rate_hz)
