import zipfile
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.errors import DataError
from img2imu.datasets import NO_LABEL, DataSet, LabelledRecording
from img2imu.fewshot.tasks import (
    TASKS,
    Task,
    cut_task,
    load_basic_motions,
    load_task,
    load_tasks,
    pick_tasks,
)

EVENTS = Task("events", "events.npz", 2.0, crop="centre", subject="trip")


def test_every_task_has_its_own_name():
    assert [task.name for task in pick_tasks(None)] == [task.name for task in TASKS]
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert [task.name for task in pick_tasks(["road", "hapt"])] == ["hapt", "road"]
    with pytest.raises(DataError, match="there is no task 'swimm', expected hapt, swim"):
        pick_tasks(["swimm"])


def test_a_task_without_its_file_is_named(tmp_path):
    loaded, missing = load_tasks(pick_tasks(["hapt", "watch"]), tmp_path)
    assert [data.task.name for data in loaded] == ["watch"]
    assert len(missing) == 1 and missing[0].startswith(
        f"hapt is left out: there is no {tmp_path}/hapt.npz"
    )


def test_a_download_of_the_original_replaces_a_missing_file(tmp_path):
    header = (
        ",timestamp,ACC_0,ACC_1,ACC_2,GYRO_0,GYRO_1,GYRO_2,MAG_0,MAG_1,MAG_2,PRESS,LIGHT,label\n"
    )
    with zipfile.ZipFile(tmp_path / "swim.zip", "w") as archive:
        for swimmer in (3, 5):
            motion = np.random.default_rng(swimmer).normal([0, 0, 9.8, 0, 0, 0], 0.5, (800, 6))
            rows = "".join(
                f"{i},0,{','.join(map(str, sample))},0,0,0,0,0,{1 + i // 400}.0\n"
                for i, sample in enumerate(motion)
            )
            archive.writestr(f"x/processed_30hz_relabeled/{swimmer}/Freestyle_1.csv", header + rows)
    (data,), missing = load_tasks(pick_tasks(["swim"]), tmp_path)
    assert missing == []
    assert data.class_names == ["freestyle", "breaststroke"]
    assert data.citation.startswith("G. Brunner")


def test_only_the_labels_of_the_task(toy_data):
    data = cut_task(
        Task("toy", "toy.npz", 2.0, ("slow", "fast")), toy_data(people=3, windows_each=2)
    )
    assert data.class_names == ["slow", "fast"]
    assert len(data.windows) == 3 * 2 * 2
    assert (data.licence, data.notes) == ("CC0", ())
    with pytest.raises(
        DataError, match="toy has no label 'swim', expected one of rest, slow, fast"
    ):
        cut_task(Task("toy", "toy.npz", 2.0, ("swim",)), toy_data(2))


def test_a_class_of_one_person_cannot_be_learnt_from_others(toy_data):
    data_set = toy_data(people=3, windows_each=2)
    lonely = replace(
        data_set,
        recordings=tuple(
            recording
            for recording in data_set.recordings
            if recording.name.endswith(("slow", "fast", "0 rest"))
        ),
    )
    data = cut_task(Task("toy", "toy.npz", 2.0), lonely)
    assert data.class_names == ["slow", "fast"]
    assert data.notes == ("rest (2 windows) is left out: only one person has it",)
    with pytest.raises(DataError, match="toy has 0 classes that two subjects or more have"):
        cut_task(Task("toy", "toy.npz", 2.0), toy_data(people=1))


def trips(*label_runs):
    """Recordings at 20 Hz of runs (label, samples); the value of a sample is its index."""
    recordings = []
    for number, runs in enumerate(label_runs):
        labels = np.concatenate([np.full(n, label, np.int16) for label, n in runs])
        samples = np.arange(len(labels), dtype=np.float32)[:, None]
        recordings.append(LabelledRecording(f"trip {number}", str(number), samples, labels))
    return DataSet("trips", "", "", 20.0, ("acc_z",), ("brake", "turn"), tuple(recordings))


def test_the_centre_of_an_event_whatever_its_length():
    runs = [(NO_LABEL, 30), (0, 20), (NO_LABEL, 50), (1, 80), (NO_LABEL, 30)]
    data = cut_task(EVENTS, trips(runs, runs))
    assert data.windows.starts.tolist() == [20, 120] * 2  # 40 samples around 40, and around 140
    assert data.windows.class_names.tolist() == ["brake", "turn"] * 2
    assert data.windows.samples[0, :, 0].tolist() == list(range(20, 60))
    assert data.notes == ()


@pytest.mark.parametrize(
    "runs",
    [
        [(0, 20), (NO_LABEL, 50)],  # the window would begin before the recording
        [(NO_LABEL, 50), (0, 20)],
        [(NO_LABEL, 30), (0, 20), (1, 100), (NO_LABEL, 5)],  # another event within the window
    ],
    ids=["start", "end", "neighbour"],
)
def test_an_event_without_room_is_left_out_and_counted(runs):
    good = [(NO_LABEL, 30), (0, 20), (NO_LABEL, 50), (1, 80), (NO_LABEL, 30)]
    data = cut_task(EVENTS, trips(good, good, runs))
    assert data.windows.class_names.tolist().count("brake") == 2
    assert data.notes == (
        "1 events too close to another one or to a recording's end for 2 s around their middle are "
        "left out",
    )


def test_windows_of_two_events_do_not_overlap():
    runs = [
        (NO_LABEL, 30),
        (0, 10),
        (NO_LABEL, 5),
        (0, 10),
        (NO_LABEL, 60),
        (1, 40),
        (NO_LABEL, 30),
    ]
    data = cut_task(EVENTS, trips(runs, runs))
    assert data.windows.starts.tolist() == [15, 115] * 2
    assert data.notes[0].startswith("2 events too close")


def test_the_watch_task():
    data = load_task(pick_tasks(["watch"])[0], None)
    assert (len(data.windows), len(data.class_names), len(np.unique(data.windows.subjects))) == (
        910,
        7,
        10,
    )
    assert data.licence == "BSD-3-Clause" and data.notes == ()


def test_basic_motions():
    data_set = load_basic_motions()
    assert len(data_set.recordings) == 80 and data_set.rate_hz == 10
    assert {recording.samples.shape for recording in data_set.recordings} == {(100, 6)}
    data = cut_task(pick_tasks(["basicmotions"])[0], data_set)
    assert np.bincount(data.windows.labels).tolist() == [20] * 4
    assert len(np.unique(data.windows.subjects)) == 80


def test_a_channel_that_is_stuck_is_refused_before_anything_runs(toy_data):
    data = toy_data()
    for recording in data.recordings:
        recording.samples[:, 4] = 0
    with pytest.raises(DataError, match=r"gyro_y is 0 in every sample of all 60 windows"):
        cut_task(Task("toy", "toy.npz", 2.0), data)
