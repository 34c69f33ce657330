"""The open-set half of ``personalisation.py``: what a taught device makes of motions that it was not taught.

Everything is judged decision by decision, on whole recordings, as ``img2imu run`` would decide.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from edge_runtime.arrays import Float32Array
from edge_runtime.errors import UserError
from edge_runtime.teaching import Teacher
from img2imu.datasets import NO_LABEL, DataSet
from img2imu.fewshot.taught import RememberingEmbedder, remembering

EARLIER, GUARD, LATER = 0, 1, 2
APART_S = 60.0  # between stretches of the background: a gap, so that no window crosses it


@dataclass(frozen=True)
class Found:
    """One teaching of one person.

    Attributes:
        task: name.
        person: who.
        kind: ``target``, one class taught beside a background; or ``held out``, some taught and one
            never shown.
        k: examples of each label.
        draw: number.
        target: class taught, or class held out.
        false_triggers: times that the label began, in other activity of the later block.
        other_h: hours of that.
        missed: share of decisions on the later block of what was taught that give no label.
        unseen: stretches of what was taught in the later block that never got a label.
        stretches: of how many.
        expected_per_hour: false triggers that the teacher expected.
        auroc: of the probability, taught against not taught.
        threshold: that the teacher chose.
    """

    task: str
    person: str
    kind: str
    k: int
    draw: int
    target: str
    false_triggers: int
    other_h: float
    missed: float
    unseen: int
    stretches: int
    expected_per_hour: float | None
    auroc: float
    threshold: float


@dataclass(frozen=True, eq=False)
class _Stream:
    """A person's recording as the device sees it.

    Attributes:
        samples: (n, channels).
        labels: (n,) index of the class, -1 for none.
        block: (n,) EARLIER, GUARD or LATER.
        embeddings: (m, d) of each decision's window.
        starts: (m,) first sample of each decision's window.
    """

    samples: Float32Array
    labels: npt.NDArray[np.int64]
    block: npt.NDArray[np.int64]
    embeddings: Float32Array
    starts: npt.NDArray[np.int64]


def open_set(
    task: str,
    data_set: DataSet,
    classes: Sequence[str],
    window_s: float,
    ks: Sequence[int],
    draws: int,
    path: Path,
    say: Callable[[str], None],
) -> list[Found]:
    """Every person of a data set; the cells (a person's k and draw) that the file has already are not run again."""
    known: dict[tuple[str, str, int, int], list[Found]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        cell = json.loads(line)
        known[cell["task"], cell["person"], cell["k"], cell["draw"]] = [
            Found(**each) for each in cell["found"]
        ]
    people = sorted({recording.subject for recording in data_set.recordings})
    wanted = list(itertools.product(range(draws), ks))
    for i, person in enumerate(people):
        missing = [(draw, k) for draw, k in wanted if (task, person, k, draw) not in known]
        if not missing:
            continue
        say(f"{task}: {person}, {i + 1} of {len(people)}")
        for (draw, k), new in _person(task, data_set, person, classes, window_s, missing):
            known[task, person, k, draw] = new
            with path.open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps(
                        {
                            "task": task,
                            "person": person,
                            "k": k,
                            "draw": draw,
                            "found": [asdict(each) for each in new],
                        }
                    )
                    + "\n"
                )
    return [
        each for person in people for draw, k in wanted for each in known[task, person, k, draw]
    ]


def _person(
    task: str,
    data_set: DataSet,
    person: str,
    classes: Sequence[str],
    window_s: float,
    cells: Sequence[tuple[int, int]],
) -> Iterator[tuple[tuple[int, int], list[Found]]]:
    n = round(window_s * data_set.rate_hz)
    embedder = remembering(data_set.rate_hz, data_set.channels, n)
    streams = [
        _stream(embedder, r.samples, np.asarray(r.labels, np.int64), n)
        for r in data_set.recordings
        if r.subject == person and len(r.samples) >= n
    ]
    numbers = [data_set.label_names.index(name) for name in classes]
    support = {c: windows for c in numbers if len(windows := _support(streams, c, n))}
    for draw, k in cells:
        found: list[Found] = []
        served = [c for c, windows in support.items() if len(windows) >= k]
        for i, target in enumerate(served):
            random = np.random.default_rng([draw, i])
            taught = {target: random.permutation(support[target])[:k]}
            background = _background(
                streams, lambda label, target=target: label not in (target, NO_LABEL)
            )
            found += _judge(
                task,
                person,
                data_set,
                embedder,
                streams,
                taught,
                background,
                "target",
                k,
                draw,
                target,
            )
        for i, held in enumerate(served):
            random = np.random.default_rng([draw, 100 + i])
            others = random.permutation([c for c in served if c != held])[
                : len(served) // 2
            ].tolist()
            taught = {c: random.permutation(support[c])[:k] for c in others}
            background = _background(
                streams, lambda label, no={held, NO_LABEL, *others}: label not in no
            )
            if len(taught) >= 2 and len(background):
                found += _judge(
                    task,
                    person,
                    data_set,
                    embedder,
                    streams,
                    taught,
                    background,
                    "held out",
                    k,
                    draw,
                    held,
                )
        yield (draw, k), found


def _stream(
    embedder: RememberingEmbedder,
    samples: Float32Array,
    labels: npt.NDArray[np.int64],
    n: int,
) -> _Stream:
    """Each stretch of a label of three windows or more: the first half earlier, a window of guard, the rest later.

    Shorter ones, transitions for instance, are earlier in the first half of the recording, and
    later in the second.
    """
    block = np.where(np.arange(len(labels)) < len(labels) // 2, EARLIER, LATER)
    bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    for begin, end in itertools.pairwise(bounds):
        if end - begin >= 3 * n:
            half = begin + (end - begin - n) // 2
            block[begin:half], block[half : half + n], block[half + n : end] = EARLIER, GUARD, LATER
    starts = np.arange(0, len(samples) - n + 1, embedder.draft.hop_samples)
    embeddings = embedder.embed_all(
        np.lib.stride_tricks.sliding_window_view(samples, n, 0)[starts].transpose(0, 2, 1)
    )
    return _Stream(samples, labels, block, embeddings, starts)


def _support(streams: Sequence[_Stream], label: int, n: int) -> Float32Array:
    """Windows (m, n, channels) of a class in the earlier block, end to end."""
    windows = []
    for stream in streams:
        for begin, end in _runs((stream.labels == label) & (stream.block == EARLIER)):
            windows += [stream.samples[at : at + n] for at in range(begin, end - n + 1, n)]
    return np.array(windows, np.float32)


def _background(streams: Sequence[_Stream], wanted: Callable[[int], bool]) -> list[Float32Array]:
    """Stretches of the earlier block whose label is wanted."""
    found = []
    for stream in streams:
        labels = [label for label in np.unique(stream.labels).tolist() if wanted(label)]
        found += [
            stream.samples[begin:end]
            for begin, end in _runs(np.isin(stream.labels, labels) & (stream.block == EARLIER))
        ]
    return found


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _judge(
    task: str,
    person: str,
    data_set: DataSet,
    embedder: RememberingEmbedder,
    streams: Sequence[_Stream],
    taught: dict[int, Float32Array],
    background: list[Float32Array],
    kind: str,
    k: int,
    draw: int,
    target: int,
) -> Iterator[Found]:
    teacher, rate_hz = Teacher(embedder), data_set.rate_hz
    try:
        for label, windows in taught.items():
            for window in windows:
                teacher.add(data_set.label_names[label], np.arange(len(window)) / rate_hz, window)
        times_s = [
            i * APART_S * 10 + np.arange(len(piece)) / rate_hz for i, piece in enumerate(background)
        ]
        teacher.set_background(np.concatenate(times_s), np.concatenate(background))
        file = teacher.model_file()
    except UserError:  # too short a background, say: this teaching cannot be judged
        return
    assert (
        file.taught is not None
        and file.taught.head is not None
        and file.contract.taught is not None
    )
    decision, scores, truths = file.contract.decision, [], []
    triggers = unseen = stretches = 0
    for stream in streams:
        answers = file.taught.head.probabilities(stream.embeddings)[:, : len(taught)]
        smoothed = np.stack(
            [
                answers[max(0, i + 1 - decision.smoothing_windows) : i + 1].mean(0)
                for i in range(len(answers))
            ]
        ).max(1)
        kinds = np.array(
            [
                _kind(stream, start, len(next(iter(taught.values()))[0]), set(taught), target, kind)
                for start in stream.starts
            ]
        )
        given = smoothed >= decision.threshold
        triggers += len(_runs(given & (kinds == 0)))
        runs = _runs(kinds == 1)
        stretches += len(runs)
        unseen += sum(not given[begin:end].any() for begin, end in runs)
        scores.append(smoothed[kinds >= 0])
        truths.append(kinds[kinds >= 0])
    score, truth = np.concatenate(scores), np.concatenate(truths)
    if len(np.unique(truth)) < 2:
        return
    other_h = float((truth == 0).sum()) * file.contract.hop_s / 3600
    yield Found(
        task,
        person,
        kind,
        k,
        draw,
        data_set.label_names[target],
        triggers,
        other_h,
        float((score[truth == 1] < decision.threshold).mean()),
        unseen,
        stretches,
        file.contract.taught.false_triggers_per_hour,
        float(roc_auc_score(truth, score)),
        decision.threshold,
    )


def _kind(stream: _Stream, start: int, n: int, taught: set[int], target: int, kind: str) -> int:
    """1 for a window of what was taught, 0 for one of what was not, -1 for one that is not judged."""
    labels, block = stream.labels[start : start + n], stream.block[start : start + n]
    if (block != LATER).any() or (labels == NO_LABEL).any():  # nobody knows what is done there
        return -1
    inside = np.isin(labels, list(taught))
    if inside.all():
        return 1
    if inside.any():
        return -1
    return 0 if kind == "target" or (labels == target).all() else -1
