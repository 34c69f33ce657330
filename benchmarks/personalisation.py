"""How well a device recognises the person who taught it: ``make personalisation DATA=...``.

A person teaches motions on an earlier block of their recordings. The closed half tests the same
motions on a later block (:mod:`img2imu.fewshot.personal`). The open half tests every decision on
whole recordings, motions that were not taught included. The result is printed as Markdown and
written to ``OUT/personalisation.md``. A stopped run continues where it was. docs/teach.md has the
protocol and the results.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: the figures are for one core

import numpy as np
import numpy.typing as npt
from grid_benchmark import add_k, load, make_parser, print_failures
from sklearn.metrics import roc_auc_score

from edge_runtime.arrays import Float32Array, Float64Array
from edge_runtime.contract.head import fit_head
from edge_runtime.errors import UserError
from edge_runtime.machine import cpu_name
from edge_runtime.teaching import Teacher
from edge_runtime.teaching.embedder import Embedder
from img2imu.datasets import NO_LABEL, DataSet, load_data_set
from img2imu.fewshot.manifest import make_manifest
from img2imu.fewshot.personal import (
    CachingEmbedder,
    TaughtOnDevice,
    cached_embedder,
    make_personal_manifest,
)
from img2imu.fewshot.report import markdown_report, summarise
from img2imu.fewshot.runner import run_grid
from img2imu.fewshot.tasks import Task, TaskData, pick_tasks
from img2imu.markdown import markdown_table

SHORT_S = 2.0  # the default window of img2imu teach
SEED = 0

# What is timed
FIT_CLASSES = 10
FIT_WINDOWS = 10
FIT_RUNS = 20
BACKGROUND_S = 300.0
LIVE_RUNS = 5
MOTION_RATE_HZ = 50.0

# Blocks of a recording, and how a window is judged
EARLIER, GUARD, LATER = 0, 1, 2
TAUGHT, OTHER, NOT_JUDGED = 1, 0, -1
MIN_STRETCH_WINDOWS = 3  # of a label, for an earlier and a later block within the stretch
# From the start of one stretch of background to the next, so that a gap separates them and no
# window crosses it.
STRETCH_STEP_S = 600.0


def main() -> None:
    """Run the cells that are missing and write the report."""
    parser = make_parser(__doc__.splitlines()[0], out="out/personalisation", tasks="hapt,watch")
    add_k(parser, "1,2,5,10")
    parser.add_argument(
        "--open-draws", type=int, default=1, help="draws of the open half (default: 1)"
    )
    arguments = parser.parse_args()
    ks: list[int] = arguments.k
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    tasks: list[Task] = []
    for task in pick_tasks(arguments.tasks):
        tasks += [task, replace(task, name=f"{task.name} {SHORT_S:g} s", window_s=SHORT_S)]
    loaded = load(tasks, arguments.data_dir)
    parts = [
        time_fit(),
        time_from_last_example_to_recogniser(),
        closed_half(loaded, ks, arguments.draws, out),
    ]
    parts += [
        open_half(task, arguments.data_dir, ks, arguments.open_draws, out)
        for task in tasks
        if task.window_s == SHORT_S
    ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    (out / "personalisation.md").write_text(text, encoding="utf-8")


def time_fit() -> str:
    """Return a sentence about the time of fitting a head.

    The embeddings are random and have the size of six axes at 50 Hz in windows of 2 s.
    """
    spec = Embedder.bundled("acc+gyro", MOTION_RATE_HZ, SHORT_S).draft.taught
    assert spec is not None
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(FIT_CLASSES), FIT_WINDOWS)
    means = random.normal(size=(FIT_CLASSES, spec.embedding_size))
    noise = random.normal(size=(len(classes), spec.embedding_size))
    embeddings = (means[classes] + noise).astype(np.float32)
    fit_ms = []
    for _ in range(FIT_RUNS):
        started = time.perf_counter()
        fit_head(embeddings, classes, spec.blocks)
        fit_ms.append(1e3 * (time.perf_counter() - started))
    return (
        f"Fitting {FIT_CLASSES} classes of {FIT_WINDOWS} windows of {SHORT_S:g} s, six axes "
        f"({spec.embedding_size} values each), one core of {cpu_name()}: {np.median(fit_ms):.0f} "
        f"ms at the median of {FIT_RUNS} runs, {max(fit_ms):.0f} ms at most."
    )


def time_from_last_example_to_recogniser() -> str:
    """Return a sentence about the time from the last of many examples to a recogniser."""
    random = np.random.default_rng(0)

    def motion(kind: int, seconds: float) -> tuple[Float64Array, Float32Array]:
        times_s = np.arange(round(seconds * MOTION_RATE_HZ)) / MOTION_RATE_HZ
        samples = random.normal(0, 0.1, (len(times_s), 6))
        phase = random.uniform(0, 6)
        samples[:, kind % 6] += 3 * np.sin(2 * np.pi * (0.5 + 0.4 * kind) * times_s + phase)
        samples[:, 2] += 9.81
        return times_s, samples.astype(np.float32)

    teacher = Teacher.begin("acc+gyro", MOTION_RATE_HZ, SHORT_S)
    teacher.set_background(*motion(FIT_CLASSES, BACKGROUND_S))
    for kind in range(FIT_CLASSES):
        teacher.add(f"motion {kind}", *motion(kind, FIT_WINDOWS * SHORT_S))
    live_s = []
    for _ in range(LIVE_RUNS):
        last_example = motion(0, SHORT_S)
        started = time.perf_counter()
        teacher.add("motion 0", *last_example)
        teacher.recognizer()
        live_s.append(time.perf_counter() - started)
    return (
        f"From the last example to a recogniser, with {FIT_CLASSES} classes of {FIT_WINDOWS} "
        f"windows and {BACKGROUND_S:g} s of background, the review included: "
        f"{np.median(live_s):.2f} s at the median of {LIVE_RUNS} runs, {max(live_s):.2f} s at most."
    )


# ---- the closed half: the taught motions alone


def closed_half(tasks: Sequence[TaskData], ks: Sequence[int], draws: int, out: Path) -> str:
    """Return the table of devices taught by the same person and by other people at the same k."""
    by_same_person = "taught by the same person"
    by_other_people = "taught by other people"
    personal_manifests = [make_personal_manifest(data, ks, draws, SEED) for data in tasks]
    manifests = [make_manifest(data, ks, draws, SEED) for data in tasks]
    same_person, failures = run_grid(
        tasks, personal_manifests, {by_same_person: TaughtOnDevice}, out / "same_person.jsonl"
    )
    print_failures(failures)
    other_people, failures = run_grid(
        tasks, manifests, {by_other_people: TaughtOnDevice}, out / "other_people.jsonl"
    )
    print_failures(failures)
    tested_on = "a later block of the same person (the last row: new people)"
    table = markdown_report(summarise([*same_person, *other_people]), [], tested_on)
    left_out = [line for manifest in personal_manifests for line in manifest.left_out]
    return "\n".join([table, *left_out])


# ---- the open half: whole recordings, decision by decision, as ``img2imu run`` would decide


@dataclass(frozen=True)
class Teaching:
    """One teaching of one person, and the decisions of the device on the later block.

    Attributes:
        task: name of the task.
        person: the person.
        kind: ``target``, one class taught with all else as background; or ``held out``, several
            classes taught and one class neither taught nor in the background.
        k: examples of each label.
        draw: number of the draw.
        target: class that was taught, or that was held out.
        false_triggers: number of times that the label began in other activity.
        other_h: hours of other activity.
        missed: share of decisions on taught motions that give no label.
        unseen: stretches of taught motions that never got a label.
        stretches: all stretches of taught motions.
        expected_per_hour: false triggers that the teacher expected.
        auroc: area under the ROC curve of the probability, taught against not taught.
        threshold: threshold that the teacher chose.
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


def open_half(task: Task, data_dir: Path, ks: Sequence[int], draws: int, out: Path) -> str:
    """Return the table of false triggers, misses and AUROC for each k."""
    data_set = load_data_set(str(data_dir / task.data) if task.data.endswith(".npz") else task.data)
    teachings = teach_all(
        task.name,
        data_set,
        task.labels or data_set.label_names,
        task.window_s,
        ks,
        draws,
        out / "open_set.jsonl",
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    header = [
        "k",
        "teachings",
        "hours of other activity",
        "false triggers per hour",
        "decisions missed",
        "stretches missed",
        "AUROC",
        "AUROC, a class held out",
    ]
    rows = []
    for k in ks:
        target = [t for t in teachings if t.k == k and t.kind == "target"]
        held_out = [t for t in teachings if t.k == k and t.kind == "held out"]
        if not target:
            continue
        hours = sum(t.other_h for t in target)
        stretches = sum(t.stretches for t in target)
        held_out_auroc = "–"
        if held_out:
            held_out_auroc = f"{np.mean([t.auroc for t in held_out]):.3f}"
        rows.append(
            [
                k,
                len(target),
                f"{hours:.1f}",
                f"{sum(t.false_triggers for t in target) / hours:.2f}",
                f"{np.mean([t.missed for t in target]):.0%}",
                f"{sum(t.unseen for t in target) / stretches:.0%}",
                f"{np.mean([t.auroc for t in target]):.3f}",
                held_out_auroc,
            ]
        )
    title = f"### {task.name}: one class taught as the target, all else is other activity"
    return f"{title}\n\n{markdown_table(header, rows)}"


def teach_all(
    task: str,
    data_set: DataSet,
    classes: Sequence[str],
    window_s: float,
    ks: Sequence[int],
    draws: int,
    path: Path,
    say: Callable[[str], None],
) -> list[Teaching]:
    """Run the teachings of every person of a data set.

    A cell is one person's k and draw. Cells that the file has are not run again.

    Args:
        task: name of the task.
        data_set: the recordings.
        classes: names of the classes to teach.
        window_s: length of a window.
        ks: numbers of examples.
        draws: number of draws.
        path: the results file, JSON lines.
        say: callback that shows one line to the user.
    """
    finished: dict[tuple[str, str, int, int], list[Teaching]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        cell = json.loads(line)
        finished[cell["task"], cell["person"], cell["k"], cell["draw"]] = [
            Teaching(**fields) for fields in cell["found"]
        ]
    people = sorted({recording.subject for recording in data_set.recordings})
    cells = list(itertools.product(range(draws), ks))
    for i, person in enumerate(people):
        missing = [(draw, k) for draw, k in cells if (task, person, k, draw) not in finished]
        if not missing:
            continue
        say(f"{task}: {person}, {i + 1} of {len(people)}")
        device = _Device.of_person(task, data_set, person, classes, window_s)
        for draw, k in missing:
            teachings = [*_teachings(device, k, draw)]
            finished[task, person, k, draw] = teachings
            content = {
                "task": task,
                "person": person,
                "k": k,
                "draw": draw,
                "found": [asdict(teaching) for teaching in teachings],
            }
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(content) + "\n")
    return [
        teaching
        for person in people
        for draw, k in cells
        for teaching in finished[task, person, k, draw]
    ]


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


@dataclass(frozen=True, eq=False)
class _Device:
    """A person's device.

    Attributes:
        task: name of the task.
        person: the person.
        data_set: all recordings.
        window_samples: length of a window.
        embedder: the bundled network.
        streams: the person's recordings.
        support: for each class, windows (m, n, channels) of the earlier block, end to end.
    """

    task: str
    person: str
    data_set: DataSet
    window_samples: int
    embedder: CachingEmbedder
    streams: Sequence[_Stream]
    support: dict[int, Float32Array]

    @classmethod
    def of_person(
        cls, task: str, data_set: DataSet, person: str, classes: Sequence[str], window_s: float
    ) -> _Device:
        n = round(window_s * data_set.rate_hz)
        embedder = cached_embedder(data_set.rate_hz, data_set.channels, n)
        streams = [
            _make_stream(embedder, r.samples, np.asarray(r.labels, np.int64), n)
            for r in data_set.recordings
            if r.subject == person and len(r.samples) >= n
        ]
        numbers = [data_set.label_names.index(name) for name in classes]
        support = {c: _support_windows(streams, c, n) for c in numbers}
        return cls(task, person, data_set, n, embedder, streams, support)


def _make_stream(
    embedder: CachingEmbedder, samples: Float32Array, labels: npt.NDArray[np.int64], n: int
) -> _Stream:
    """Split a recording into blocks and embed the window of each decision.

    In each stretch of a label of three windows or more, the first half is earlier, then comes a
    guard of one window, and the rest is later. Shorter stretches, for instance transitions, are
    earlier in the first half of the recording and later in the second.
    """
    block = np.where(np.arange(len(labels)) < len(labels) // 2, EARLIER, LATER)
    bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    for begin, end in itertools.pairwise(bounds):
        if end - begin >= MIN_STRETCH_WINDOWS * n:
            half = begin + (end - begin - n) // 2
            block[begin:half] = EARLIER
            block[half : half + n] = GUARD
            block[half + n : end] = LATER
    starts = np.arange(0, len(samples) - n + 1, embedder.draft.hop_samples)
    windows = np.lib.stride_tricks.sliding_window_view(samples, n, 0)[starts]  # (m, channels, n)
    embeddings = embedder.embed_uncached(windows.transpose(0, 2, 1))
    return _Stream(samples, labels, block, embeddings, starts)


def _support_windows(streams: Sequence[_Stream], label: int, n: int) -> Float32Array:
    windows = []
    for stream in streams:
        for begin, end in _runs((stream.labels == label) & (stream.block == EARLIER)):
            windows += [stream.samples[at : at + n] for at in range(begin, end - n + 1, n)]
    return np.array(windows, np.float32)


def _teachings(device: _Device, k: int, draw: int) -> Iterator[Teaching]:
    """Yield the teachings of one cell: each class as the target, then each class held out."""
    support = device.support
    served = [c for c, windows in support.items() if len(windows) >= max(k, 1)]
    for i, target in enumerate(served):
        random = np.random.default_rng([draw, i])
        examples = {target: random.permutation(support[target])[:k]}
        background = _background(device.streams, {target, NO_LABEL})
        yield from _judge(device, examples, background, "target", k, draw, target)
    for i, held_out in enumerate(served):
        random = np.random.default_rng([draw, 100 + i])
        others = random.permutation([c for c in served if c != held_out])
        taught = others[: len(served) // 2].tolist()
        examples = {c: random.permutation(support[c])[:k] for c in taught}
        background = _background(device.streams, {held_out, NO_LABEL, *taught})
        if len(taught) >= 2:
            yield from _judge(device, examples, background, "held out", k, draw, held_out)


def _background(streams: Sequence[_Stream], without: set[int]) -> list[Float32Array]:
    """Return the stretches of the earlier block that have none of these labels."""
    stretches = []
    for stream in streams:
        is_background = ~np.isin(stream.labels, list(without)) & (stream.block == EARLIER)
        stretches += [stream.samples[begin:end] for begin, end in _runs(is_background)]
    return stretches


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _judge(
    device: _Device,
    examples: dict[int, Float32Array],
    background: list[Float32Array],
    kind: Literal["target", "held out"],
    k: int,
    draw: int,
    target: int,
) -> Iterator[Teaching]:
    """Teach the examples and yield the result; yield nothing if it cannot be judged."""
    if not background:
        return
    data_set = device.data_set
    teacher = Teacher(device.embedder)
    try:
        for label, windows in examples.items():
            for window in windows:
                times_s = np.arange(len(window)) / data_set.rate_hz
                teacher.add(data_set.label_names[label], times_s, window)
        background_s = [
            i * STRETCH_STEP_S + np.arange(len(stretch)) / data_set.rate_hz
            for i, stretch in enumerate(background)
        ]
        teacher.set_background(np.concatenate(background_s), np.concatenate(background))
        file = teacher.model_file()
    except UserError:  # for instance, the background is too short
        return
    assert file.taught is not None
    assert file.taught.head is not None
    assert file.contract.taught is not None
    decision = file.contract.decision
    scores = []
    truths = []
    triggers = 0
    unseen = 0
    stretches = 0
    for stream in device.streams:
        probabilities = file.taught.head.probabilities(stream.embeddings)[:, : len(examples)]
        smoothed = np.stack(
            [
                probabilities[max(0, i + 1 - decision.smoothing_windows) : i + 1].mean(0)
                for i in range(len(probabilities))
            ]
        ).max(1)
        truth = np.array(
            [
                _truth(stream, start, device.window_samples, set(examples), target, kind)
                for start in stream.starts
            ]
        )
        has_label = smoothed >= decision.threshold
        triggers += len(_runs(has_label & (truth == OTHER)))
        runs = _runs(truth == TAUGHT)
        stretches += len(runs)
        unseen += sum(not has_label[begin:end].any() for begin, end in runs)
        scores.append(smoothed[truth != NOT_JUDGED])
        truths.append(truth[truth != NOT_JUDGED])
    score = np.concatenate(scores)
    truth = np.concatenate(truths)
    if len(np.unique(truth)) < 2:
        return
    yield Teaching(
        task=device.task,
        person=device.person,
        kind=kind,
        k=k,
        draw=draw,
        target=data_set.label_names[target],
        false_triggers=triggers,
        other_h=float((truth == OTHER).sum()) * file.contract.hop_s / 3600,
        missed=float((score[truth == TAUGHT] < decision.threshold).mean()),
        unseen=unseen,
        stretches=stretches,
        expected_per_hour=file.contract.taught.false_triggers_per_hour,
        auroc=float(roc_auc_score(truth, score)),
        threshold=decision.threshold,
    )


def _truth(stream: _Stream, start: int, n: int, taught: set[int], target: int, kind: str) -> int:
    """Return TAUGHT, OTHER or NOT_JUDGED for a window.

    Windows outside the later block, without a label, or with both taught and other motions are not
    judged. If a class is held out, only its windows are OTHER.
    """
    labels = stream.labels[start : start + n]
    block = stream.block[start : start + n]
    if (block != LATER).any() or (labels == NO_LABEL).any():
        return NOT_JUDGED
    inside = np.isin(labels, list(taught))
    if inside.all():
        return TAUGHT
    if inside.any():
        return NOT_JUDGED
    if kind == "target" or (labels == target).all():
        return OTHER
    return NOT_JUDGED


if __name__ == "__main__":
    main()
