"""The tasks of the benchmark: data sets, their windows and their classes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, MissingExtraError
from img2imu.datasets import NO_LABEL, DataSet, LabelledRecording, load_data_set
from img2imu.datasets.registry import REGISTRY
from img2imu.inputs import check_channels
from img2imu.windows import Windows, cut_windows

TEST_SHARE = 0.3  # of the subjects, as is usual
BASIC_MOTIONS = "basicmotions"
BASIC_MOTIONS_RATE_HZ = 10.0
BASIC_MOTIONS_CITATION = (
    "A. Bagnall, H. A. Dau, J. Lines, M. Flynn, J. Large, A. Bostrom, P. Southam, E. Keogh: The "
    "UEA multivariate time series classification archive, 2018. arXiv:1811.00075"
)


@dataclass(frozen=True)
class Task:
    """One column of the benchmark.

    Attributes:
        name: name after ``--tasks``.
        data: a file in the data directory, or the name of a data set from a package.
        window_s: length of every window.
        labels: the classes; None means all classes of the data set.
        crop: "windows" cuts each stretch of one label into windows without overlap. "centre" cuts
            one window from the middle of each stretch, which may reach into unlabelled samples on
            either side.
        subject: a human-readable word for a subject. No subject is in both training and test.
        test_share: share of the subjects to test on, at least one subject.
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
    # An event lasts 1.6 to 4.9 s, and its length gives the manoeuvre away. All windows are 3 s
    # around the middle.
    Task("driver", "driver.npz", 3.0, crop="centre", subject="trip"),
    # The shortest series is 1.22 s, and the length gives the class away.
    Task("road", "road.npz", 1.2, crop="centre", subject="series"),
    Task(BASIC_MOTIONS, BASIC_MOTIONS, 10.0, subject="series"),
)


@dataclass(frozen=True, eq=False)
class TaskData:
    """A task and its windows.

    Attributes:
        task: the task.
        windows: windows of the classes that can be tested.
        licence: licence of the data, empty if unknown.
        citation: citation of the data, empty if unknown.
        notes: what was left out and why, one sentence each.
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
    """Return the named tasks in the order of :data:`TASKS`, or all tasks without names.

    Raises:
        DataError: there is no task of a given name.
    """
    task_names = [task.name for task in TASKS]
    for name in names or ():
        if name not in task_names:
            raise DataError(
                f"there is no task {name!r}, expected {', '.join(task_names)}: check the spelling"
            )
    return [task for task in TASKS if not names or task.name in names]


def load_tasks(tasks: Sequence[Task], data_dir: Path) -> tuple[list[TaskData], list[str]]:
    """Load the tasks whose data are there, and return a sentence about each of the others."""
    loaded = []
    missing = []
    for task in tasks:
        if task.data.endswith(".npz") and _file_spec(task, data_dir) is None:
            missing.append(
                f"{task.name} is left out: there is no {data_dir / task.data}, name the directory "
                "that holds it with --data-dir"
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
        MissingExtraError: the package that contains the data is not installed.
    """
    if task.data == BASIC_MOTIONS:
        data_set = load_basic_motions()
    else:
        data_set = load_data_set(_file_spec(task, data_dir) or task.data)
    return cut_task(task, data_set)


def _file_spec(task: Task, data_dir: Path) -> str | None:
    """Return what :func:`load_data_set` needs to load the task's file; None without a file.

    Without the file, a download of the original data serves if there is one.
    """
    if not task.data.endswith(".npz"):
        return None
    file = data_dir / task.data
    if file.is_file():
        return str(file)
    entry = REGISTRY.get(task.data.removesuffix(".npz"))
    if entry is not None and entry.place(data_dir).is_file():
        return f"{entry.name}:{entry.place(data_dir)}"
    return None


def load_basic_motions() -> DataSet:
    """Load 80 series of 10 s at 10 Hz from ``aeon``: standing, walking, running and badminton.

    The sensor is a smartwatch. The archive states neither units nor licence. The median |acc| is
    0.6 in standing and 17 in running: m/s^2 without gravity. The angular rates, up to 35, are
    taken to be in rad/s. Four students recorded five series of each motion, but the archive does
    not say who recorded which. Every series is a subject of its own here, so the same person is in
    training and in test.

    Raises:
        MissingExtraError: ``aeon`` is not installed.
    """
    try:
        from aeon.datasets import load_basic_motions as load  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise MissingExtraError("aeon", "bench") from error
    series, motions = load()  # (80, 6, 100)
    names = tuple(sorted(set(map(str, motions))))
    recordings = tuple(
        LabelledRecording(
            f"series {number} ({motion})",
            f"series {number}",
            np.ascontiguousarray(samples.T, np.float32),
            np.full(samples.shape[1], names.index(str(motion)), np.int16),
        )
        for number, (samples, motion) in enumerate(zip(series, motions, strict=True))
    )
    return DataSet(
        name=BASIC_MOTIONS,
        licence="",
        citation=BASIC_MOTIONS_CITATION,
        rate_hz=BASIC_MOTIONS_RATE_HZ,
        channels=CHANNELS,
        label_names=names,
        recordings=recordings,
    )


def cut_task(task: Task, data_set: DataSet) -> TaskData:
    """Cut the windows of the classes that two subjects or more have.

    A class of one subject cannot be learnt from others.

    Raises:
        DataError: the data set lacks a label, there are fewer than two such classes, or a channel
            is stuck or saturated.
    """
    unknown = set(task.labels or ()) - set(data_set.label_names)
    if unknown:
        raise DataError(
            f"{data_set.name} has no label {sorted(unknown)[0]!r}, expected one of "
            f"{', '.join(data_set.label_names)}: correct the labels of the task {task.name}"
        )
    notes = []
    if task.crop == "centre":
        size = round(task.window_s * data_set.rate_hz)
        data_set, left_out = _label_centres_only(data_set, size)
        if left_out:
            notes.append(
                f"{left_out} events too close to another one or to a recording's end for "
                f"{task.window_s:g} s around their middle are left out"
            )
    windows = cut_windows(data_set, task.window_s)
    kept_labels = []
    for label in np.unique(windows.labels):
        name = windows.label_names[label]
        of_label = windows.labels == label
        if task.labels is not None and name not in task.labels:
            continue
        if len(np.unique(windows.subjects[of_label])) < 2:
            notes.append(
                f"{name} ({of_label.sum()} windows) is left out: only one {task.subject} has it"
            )
            continue
        kept_labels.append(label)
    if len(kept_labels) < 2:
        raise DataError(
            f"{task.name} has {len(kept_labels)} classes that two subjects or more have, expected "
            "two or more: record more subjects, or another class"
        )
    windows = windows.select(np.isin(windows.labels, kept_labels))
    check_channels(windows.samples, windows.channels)
    return TaskData(task, windows, data_set.licence, data_set.citation, tuple(notes))


def _label_centres_only(data_set: DataSet, size: int) -> tuple[DataSet, int]:
    """Keep the labels of ``size`` samples in the middle of each stretch of one label.

    Returns:
        The data set with these labels, and the number of stretches that have no label any more.
    """
    recordings = []
    left_out = 0
    for recording in data_set.recordings:
        labels, lost = _centre_labels(recording.labels, size)
        recordings.append(replace(recording, labels=labels))
        left_out += lost
    return replace(data_set, recordings=tuple(recordings)), left_out


def _centre_labels(labels: npt.NDArray[np.int16], size: int) -> tuple[npt.NDArray[np.int16], int]:
    bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    centred = np.full_like(labels, NO_LABEL)
    lost = 0
    free = 0  # first sample after the last centre
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
