import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import DataError, SourceError
from img2imu.datasets import load_data_set
from img2imu.datasets.labelled_csv import load_labelled_csv

GRAVITY = np.array([0, 0, 9.8])


def samples(times_s):
    return np.sin(np.asarray(times_s)[:, None] + np.arange(3)) + GRAVITY


def write(path, times_s, **columns):
    """A table of time, three axes, and columns of text."""
    values = samples(times_s)
    memory = io.StringIO()
    writer = csv.writer(memory)
    writer.writerow(["time_s", "acc_x", "acc_y", "acc_z", *columns])
    for i, time_s in enumerate(times_s):
        writer.writerow(
            [
                f"{time_s:.4f}",
                *(f"{value:.6f}" for value in values[i]),
                *(column[i] for column in columns.values()),
            ]
        )
    path.write_text(memory.getvalue(), encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.csv"


def ticks(n, start_s=0.0, rate_hz=50.0):
    return start_s + np.arange(n) / rate_hz


def test_labels_that_change_within_a_recording(path):
    labels = ["walk"] * 100 + [""] * 50 + ["run, fast"] * 100
    data_set = load_labelled_csv(write(path, ticks(250), label=labels))
    (recording,) = data_set.recordings
    assert (data_set.name, data_set.rate_hz, data_set.label_names) == (
        "mine",
        50,
        ("run, fast", "walk"),
    )
    assert recording.labels.tolist() == [1] * 100 + [-1] * 50 + [0] * 100
    assert recording.subject == "me"
    assert np.allclose(recording.samples, samples(ticks(250)), atol=1e-3)
    assert np.allclose(data_set.clocks[0].times_s, ticks(250), atol=1e-4)


def test_people_and_recordings(path):
    times_s = np.concatenate([ticks(60), ticks(60), ticks(120)])
    data_set = load_labelled_csv(
        write(
            path,
            times_s,
            label=["walk"] * 240,
            subject=["ada"] * 120 + ["bo"] * 120,
            recording=["1"] * 60 + ["2"] * 60 + ["1"] * 120,
        )
    )
    assert [
        (r.subject, r.name.partition(" (")[0], len(r.samples)) for r in data_set.recordings
    ] == [("ada", "mine.csv 1", 60), ("ada", "mine.csv 2", 60), ("bo", "mine.csv 1", 120)]


def test_time_that_runs_back_within_a_recording_is_refused(path):
    write(path, np.concatenate([ticks(60), ticks(60)]), label=["walk"] * 120, recording=["1"] * 120)
    with pytest.raises(
        DataError, match=r"mine.csv 1 \(rows 1 to 120\), sample 61 of 120: timestamps run back"
    ):
        load_labelled_csv(path)


def test_without_a_column_of_recordings_time_that_runs_back_begins_one(path):
    data_set = load_labelled_csv(
        write(path, np.concatenate([ticks(60), ticks(80)]), label=["walk"] * 140)
    )
    assert [(r.name, len(r.samples)) for r in data_set.recordings] == [
        ("mine.csv rows 1 to 60", 60),
        ("mine.csv rows 61 to 140", 80),
    ]


def test_a_pause_cuts(path):
    data_set = load_labelled_csv(
        write(path, np.concatenate([ticks(60), ticks(60, 5.0)]), label=["walk"] * 120)
    )
    assert [len(r.samples) for r in data_set.recordings] == [60, 60]


def test_another_rate_and_a_table_without_time(path):
    write(path, ticks(100), label=["walk"] * 100)
    assert len(load_labelled_csv(path, 25.0).recordings[0].samples) == 50
    path.write_text("gyro_x,label\n" + "1,walk\n2,walk\n" * 30)
    with pytest.raises(SourceError, match="no time_s column"):
        load_labelled_csv(path)
    data_set = load_data_set(str(path), 50.0)
    assert (data_set.rate_hz, len(data_set.recordings[0].samples)) == (50, 60)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "walk", "run", 'é, "x"']),
            st.sampled_from(["ada", "bo"]),
            st.integers(1, 9),
        ),
        min_size=2,
        max_size=20,
    ).filter(lambda blocks: any(label for label, _, _ in blocks))
)
def test_every_row_keeps_its_label_and_its_person(tmp_path_factory, blocks):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    blocks = [("walk", "ada", 2), *blocks]  # two rows that follow each other, to have a rate
    labels, people = zip(
        *[(label, person) for label, person, n in blocks for _ in range(n)], strict=True
    )
    data_set = load_labelled_csv(
        write(path, ticks(len(labels)), label=labels, subject=people), rate_hz=50.0
    )
    names = [*data_set.label_names, ""]
    assert [names[label] for r in data_set.recordings for label in r.labels] == list(labels)
    assert [r.subject for r in data_set.recordings for _ in r.labels] == list(people)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "time_s,acc_x\n0,1\n",
            r"mine.csv has the columns time_s, acc_x, expected one that is called label: add it",
        ),
        ("time_s,acc_x,label,label\n0,1,a,b\n", "expected one that is called label"),
        ("", "has the columns none"),
        (
            "time_s,gyro_x,label\n" + "".join(f"{i / 50},1,\n" for i in range(9)),
            "has nothing in its column label",
        ),
        ("time_s,gyro_x,label,subject\n0,1,a,ada\n0.02,1,a,\n", "has no subject in row 2"),
        (
            "time_s,gyro_x,label,recording\n"
            + "".join(f"{i / 50},1,a,{i % 2}\n" for i in range(9)),
            "has rows of the recording '0' in several places, the second from row 3",
        ),
        ("time_s,gyro_x,label\n0,x,a\n", "'x' in column gyro_x, expected a number"),
        ("time_s,gyro_x,label\n0,1,a\n0.02,nan,a\n", "sample 2 of 2: gyro_x is nan"),
        ("time_s,what,label\n0,1,a\n", "expected some of acc_x"),
        ("time_s,gyro_x,label\n0,1,a\n20,1,a\n", "no two of them within 0.5 s"),
    ],
)
def test_refusals(path, text, message):
    path.write_text(text)
    with pytest.raises((DataError, SourceError), match=message):
        load_labelled_csv(path)


@pytest.mark.parametrize(
    ("scale", "message"), [(1 / 9.8, "look like g: multiply"), (100, "thousandths of g")]
)
def test_other_units(path, scale, message):
    rows = "".join(
        f"{t:.2f},{x * scale},{y * scale},{z * scale},walk\n"
        for t, (x, y, z) in zip(ticks(200), samples(ticks(200)), strict=True)
    )
    path.write_text("time_s,acc_x,acc_y,acc_z,label\n" + rows)
    with pytest.raises(DataError, match=message):
        load_labelled_csv(path)


def test_degrees_per_second(path):
    path.write_text(
        "time_s,gyro_x,label\n" + "".join(f"{t:.2f},{200 * np.sin(t)},turn\n" for t in ticks(200))
    )
    with pytest.raises(
        DataError,
        match=r"gyroscope that gives 200, expected rad/s, at most 100.*degrees per second",
    ):
        load_labelled_csv(path)


def test_bytes_that_are_no_text(path):
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SourceError, match="is not a table in UTF-8"):
        load_labelled_csv(path)
