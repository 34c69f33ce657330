"""What is recognised: data sets, windows and classes of the benchmark."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DataError, MissingExtraError
from img2imu.datasets import NO_LABEL, DataSet, LabelledRecording, load_data_set
from img2imu.datasets.registry import REGISTRY
from img2imu.fewshot.basic_motions import load_basic_motions
from img2imu.inputs import check_channels
from img2imu.windows import Windows, cut_windows

TEST_SHARE = 0.3  # of the subjects, as is usual


@dataclass(frozen=True)
class Task:
    """One column of the benchmark.

    Attributes:
        name: as typed after ``--tasks``.
        data: a file in the data directory, or a name that :func:`load_task` knows.
        window_s: length of every window.
        labels: the classes; None takes all of the data set.
        crop: "windows" cuts each stretch of one label into windows without overlap; "centre" takes
            one window in the middle of each stretch, which may reach into unlabelled samples on
            either side.
        subject: what a subject is, for people; no subject is in both training and test.
        test_share: share of the subjects to test on, at least one.
    """

    name: str
    data: str
    window_s: float
    labels: tuple[str, ...] | None = None
    crop: Literal["windows", "centre"] = "windows"
    subject: str = "person"
    test_share: float = TEST_SHARE


TASKS = (
    Task(
        "hapt",
        "hapt.npz",
        5.0,
        ("walking", "walking_upstairs", "walking_downstairs", "sitting", "standing", "laying"),
    ),
    Task("swim", "swim.npz", 6.0, ("freestyle", "breaststroke", "backstroke", "butterfly")),
    Task("watch", "watch", 5.0),
    Task("umafall", "umafall.npz", 5.0),
    # An event lasts 1.6 to 4.9 s, and how long tells the manoeuvre: 3 s around its middle, for all
    # alike.
    Task("driver", "driver.npz", 3.0, crop="centre", subject="trip"),
    # The shortest series is 1.22 s, and length tells the class.
    Task("road", "road.npz", 1.2, crop="centre", subject="series"),
    Task("basicmotions", "basicmotions", 10.0, subject="series"),
)


@dataclass(frozen=True, eq=False)
class TaskData:
    """A task and its windows.

    Attributes:
        task: what was asked for.
        windows: those of the classes that can be judged.
        licence: of the data, empty when unknown.
        citation: of the data, empty when unknown.
        notes: what was left out, and why, a sentence each.
    """

    task: Task
    windows: Windows
    licence: str = ""
    citation: str = ""
    notes: tuple[str, ...] = ()

    @property
    def class_names(self) -> list[str]:
        """The classes, in the order of their numbers."""
        return [self.windows.label_names[label] for label in np.unique(self.windows.labels)]


def pick_tasks(names: Sequence[str] | None) -> list[Task]:
    """Tasks by name, in the table's order; all of them without names.

    Raises:
        DataError: a name that is not in :data:`TASKS`.
    """
    known = [task.name for task in TASKS]
    for name in names or ():
        if name not in known:
            raise DataError(
                f"there is no task {name!r}, expected {', '.join(known)}: check the spelling"
            )
    return [task for task in TASKS if not names or task.name in names]


def load_tasks(tasks: Sequence[Task], data_dir: Path) -> tuple[list[TaskData], list[str]]:
    """The tasks whose data are there, and a sentence about each of the others."""
    loaded, missing = [], []
    for task in tasks:
        if task.data.endswith(".npz") and _on_disk(task, data_dir) is None:
            missing.append(
                f"{task.name} is left out: there is no {data_dir / task.data}, name the directory that "
                "holds it with --data-dir"
            )
            continue
        try:
            loaded.append(load_task(task, data_dir))
        except MissingExtraError as error:
            missing.append(f"{task.name} is left out: {error}")
    return loaded, missing


def load_task(task: Task, data_dir: Path) -> TaskData:
    """Load a task's data and cut them into windows.

    Raises:
        DataError: the data cannot be used, or have fewer than two classes with two subjects each.
        MissingExtraError: the package that carries the data is not installed.
    """
    if task.data == "basicmotions":
        data_set = load_basic_motions()
    else:
        data_set = load_data_set(_on_disk(task, data_dir) or task.data)
    return cut_task(task, data_set)


def _on_disk(task: Task, data_dir: Path) -> str | None:
    """The task's file or, in its place, a download of the original, as :func:`load_data_set` takes them."""
    if not task.data.endswith(".npz"):
        return None
    file, entry = data_dir / task.data, REGISTRY.get(task.data.removesuffix(".npz"))
    if not file.is_file() and entry is not None and entry.place(data_dir).is_file():
        return f"{entry.name}:{entry.place(data_dir)}"
    return str(file) if file.is_file() else None


def cut_task(task: Task, data_set: DataSet) -> TaskData:
    """The windows of the classes that two subjects or more have: a class of one subject cannot be learnt from others.

    Raises:
        DataError: a label that the data set lacks, fewer than two such classes, a stuck or
        saturated channel.
    """
    unknown = set(task.labels or ()) - set(data_set.label_names)
    if unknown:
        raise DataError(
            f"{data_set.name} has no label {sorted(unknown)[0]!r}, expected one of "
            f"{', '.join(data_set.label_names)}: correct the labels of the task {task.name}"
        )
    notes = []
    if task.crop == "centre":
        data_set, left_out = _label_centres_only(data_set, round(task.window_s * data_set.rate_hz))
        if left_out:
            notes.append(
                f"{left_out} events too close to another one or to a recording's end for {task.window_s:g} s "
                "around their middle are left out"
            )
    windows = cut_windows(data_set, task.window_s)
    judged = []
    for label in np.unique(windows.labels):
        name, of_label = windows.label_names[label], windows.labels == label
        if task.labels is not None and name not in task.labels:
            continue
        if len(np.unique(windows.subjects[of_label])) < 2:
            notes.append(
                f"{name} ({of_label.sum()} windows) is left out: only one {task.subject} has it"
            )
            continue
        judged.append(label)
    if len(judged) < 2:
        raise DataError(
            f"{task.name} has {len(judged)} classes that two subjects or more have, expected two or more: "
            "record more subjects, or another class"
        )
    windows = windows.select(np.isin(windows.labels, judged))
    check_channels(windows.samples, windows.channels)
    return TaskData(task, windows, data_set.licence, data_set.citation, tuple(notes))


def _label_centres_only(data_set: DataSet, size: int) -> tuple[DataSet, int]:
    """Only ``size`` samples in the middle of each stretch of one label keep it; and how many stretches lost it."""
    recordings, left_out = [], 0
    for recording in data_set.recordings:
        labels, lost = _centres(recording.labels, size)
        recordings.append(
            LabelledRecording(recording.name, recording.subject, recording.samples, labels)
        )
        left_out += lost
    return replace(data_set, recordings=tuple(recordings)), left_out


def _centres(labels: npt.NDArray[np.int16], size: int) -> tuple[npt.NDArray[np.int16], int]:
    bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    centred, lost, free = np.full_like(labels, NO_LABEL), 0, 0
    for begin, end in itertools.pairwise(bounds):
        label = labels[begin]
        if label == NO_LABEL:
            continue
        start = (begin + end - size) // 2
        around = labels[max(start, 0) : start + size]
        if (
            start < free
            or start + size > len(labels)
            or not np.isin(around, (label, NO_LABEL)).all()
        ):
            lost += 1
            continue
        centred[start : start + size] = label
        free = start + size
    return centred, lost
