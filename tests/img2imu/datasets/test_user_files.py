import csv
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, SourceError
from edge_runtime.recordings import Recording, write_csv
from img2imu.datasets import load_data_set
from img2imu.datasets.user_files import load_folder, load_labelled_csv, load_npz

# ---- a folder of recordings

SWING_HZ = 1.5


def motion(times_s, n_channels=6):
    """Return the samples of a swing about gravity at these times."""
    phase = 2 * np.pi * SWING_HZ * np.asarray(times_s)[:, None] + np.arange(n_channels)
    return (np.sin(phase) + np.eye(n_channels)[min(2, n_channels - 1)] * 9.8).astype(np.float32)


def times(n=200, rate_hz=50.0, start_s=3.0):
    return start_s + np.arange(n) / rate_hz


def record(path, times_s, *, samples=None, channels=CHANNELS):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = motion(times_s, len(channels)) if samples is None else samples
    write_csv(path, Recording(path.name, np.asarray(times_s), samples, tuple(channels)))


def test_classes_and_one_person(tmp_path):
    record(tmp_path / "walk" / "b.csv", times())
    record(tmp_path / "walk" / "a.csv", times(100))
    record(tmp_path / "run" / "a.CSV", times(150))
    (tmp_path / "run" / "notes.txt").write_text("ignored")
    (tmp_path / "run" / "._a.csv").write_text("ignored")
    data_set = load_folder(tmp_path)
    assert data_set.name == tmp_path.name
    assert data_set.label_names == ("run", "walk")
    assert [(r.name, r.subject, len(r.samples), set(r.labels)) for r in data_set.recordings] == [
        ("run/a.CSV", "me", 150, {0}),
        ("walk/a.csv", "me", 100, {1}),
        ("walk/b.csv", "me", 200, {1}),
    ]
    assert data_set.rate_hz == 50
    assert data_set.channels == CHANNELS


def test_people(tmp_path):
    for person in ("ada", "bo"):
        for label in ("walk", "run"):
            record(tmp_path / person / label / "1.csv", times())
    data_set = load_folder(tmp_path)
    assert [(r.subject, data_set.label_names[r.labels[0]]) for r in data_set.recordings] == [
        ("ada", "run"),
        ("ada", "walk"),
        ("bo", "run"),
        ("bo", "walk"),
    ]


def test_npz_recordings_and_columns_in_another_order(tmp_path):
    record(tmp_path / "walk" / "1.csv", times())
    backwards = CHANNELS[::-1]
    (tmp_path / "run").mkdir()
    np.savez(
        tmp_path / "run" / "1.npz",
        time_s=times(),
        samples=motion(times())[:, ::-1],
        channels=backwards,
    )
    run, walk = load_folder(tmp_path).recordings
    assert np.array_equal(run.samples, walk.samples)


def test_sensor_logger_exports(tmp_path):
    (tmp_path / "walk").mkdir()
    rows = "".join(f"{i},{i / 100},9.8,{np.sin(i / 10)},0.1\n" for i in range(300))
    with zipfile.ZipFile(tmp_path / "walk" / "1.zip", "w") as archive:
        archive.writestr("TotalAcceleration.csv", "time,seconds_elapsed,z,y,x\n" + rows)
    (recording,) = load_folder(tmp_path).recordings
    assert np.allclose(recording.samples[7], [0.1, np.sin(0.7), 9.8], atol=1e-3)


@pytest.mark.parametrize(
    "names",
    [
        ["1.csv"],
        ["walk/1.csv", "ada/run/1.csv"],
        ["a/b/c/1.csv"],
        ["walk/1.csv", "2.csv"],
    ],
)
def test_files_at_other_depths(tmp_path, names):
    for name in names:
        record(tmp_path / name, times())
    with pytest.raises(
        DataError, match=r"expected all .*/LABEL/, or all in .*/SUBJECT/LABEL/: move"
    ) as error:
        load_folder(tmp_path)
    assert all(name in str(error.value) for name in names)


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="holds no recordings"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("recorded_hz", "expected_hz"), [(50.2, 50.0), (104.0, 104.0), (12.53, 12.5)]
)
def test_the_rate_is_measured(tmp_path, recorded_hz, expected_hz):
    record(tmp_path / "walk" / "1.csv", times(300, recorded_hz))
    assert load_folder(tmp_path).rate_hz == expected_hz


def test_a_clock_of_whole_milliseconds(tmp_path):
    record(tmp_path / "walk" / "1.csv", np.round(times(2000, 400.0), 3))
    assert load_folder(tmp_path).rate_hz == 400


def test_the_rate_is_the_median_over_recordings(tmp_path):
    for number, rate_hz in enumerate([49.0, 50.0, 51.0, 50.0]):
        record(tmp_path / "walk" / f"{number}.csv", times(rate_hz=rate_hz))
    data_set = load_folder(tmp_path)
    assert data_set.rate_hz == 50
    for recording in data_set.recordings:
        expected = motion(times(len(recording.samples)))
        assert np.abs(recording.samples - expected).max() < 0.01


def test_one_file_at_another_rate(tmp_path):
    for number, rate_hz in enumerate([50.0, 100.0, 50.0]):
        record(tmp_path / "walk" / f"{number}.csv", times(rate_hz=rate_hz))
    with pytest.raises(
        DataError,
        match=r"walk/1.csv comes at 100 Hz, the other recordings at 50 Hz.*leave that one",
    ):
        load_folder(tmp_path)


def test_a_given_rate(tmp_path):
    record(tmp_path / "walk" / "1.csv", times(rate_hz=100.0))
    (recording,) = load_folder(tmp_path, 25.0).recordings
    assert np.abs(recording.samples - motion(times(50, 25.0))).max() < 0.01


def test_a_file_without_timestamps_takes_the_given_rate(tmp_path):
    record(tmp_path / "walk" / "1.csv", times())
    (tmp_path / "walk" / "2.csv").write_text(
        "acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z\n" + "0,0,9.8,0,0,0\n" * 40
    )
    with pytest.raises(SourceError, match="no time_s column"):
        load_folder(tmp_path)
    assert [len(recording.samples) for recording in load_folder(tmp_path, 50.0).recordings] == [
        200,
        40,
    ]
    (tmp_path / "walk" / "2.csv").write_text("time_s,acc_x\n0,what\n")
    with pytest.raises(
        SourceError, match="'what' in column acc_x"
    ):  # the first error, not a remedy about rate_hz
        load_folder(tmp_path, 50.0)


def test_recordings_are_cut_at_gaps(tmp_path):
    recorded_s = np.concatenate([times(100), times(80, start_s=6.0), times(60, start_s=8.07)])
    record(tmp_path / "walk" / "1.csv", recorded_s)
    pieces = load_folder(tmp_path, 50.0).recordings
    assert [piece.name for piece in pieces] == ["walk/1.csv from 3.0 s", "walk/1.csv from 6.0 s"]
    first, second = pieces  # 8.07 s is 0.49 s after the sample before: no gap
    assert len(first.samples) == 100
    assert np.abs(first.samples - motion(times(100))).max() < 1e-3
    assert np.abs(second.samples[:80] - motion(times(80, start_s=6.0))).max() < 1e-3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda t, x: (t, with_value(x, (3, 1), np.nan)),
            r"walk/2.csv, sample 4 of 200: acc_y is nan at 3.06",
        ),
        (lambda t, x: (t, with_value(x, (3, 1), np.inf)), "acc_y is inf"),
        (
            lambda t, x: (with_value(t, 9, 0.0), x),
            r"walk/2.csv, sample 10 of 200: timestamps run back from 3.16",
        ),
        (
            lambda t, x: (with_value(t, 9, np.nan), x),
            "sample 10 of 200: a sample has the timestamp nan",
        ),
        (lambda t, x: (t * 1000, x), r"no two of them within 0.5 s.*time_s is in seconds"),
        (lambda t, x: (t, x / np.float32(9.8)), r"walk/2.csv has a median.*look like g"),
        (lambda t, x: (t, x * np.float32(1000 / 9.8)), "thousandths of g"),
        (lambda t, x: (t, x * np.float32(0)), "zeros"),
        (
            lambda t, x: (t, x - np.float32([0, 0, 9.8, 0, 0, 0])),
            "walk/1.csv holds gravity and walk/2.csv does not",
        ),
    ],
)
def test_one_bad_file(tmp_path, spoil, message):
    record(tmp_path / "walk" / "1.csv", times())
    bad_times, bad_samples = spoil(times(), motion(times()))
    record(tmp_path / "walk" / "2.csv", bad_times, samples=bad_samples)
    with pytest.raises(DataError, match=message):
        load_folder(tmp_path)


def with_value(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def test_other_columns_in_one_file(tmp_path):
    record(tmp_path / "walk" / "1.csv", times())
    record(tmp_path / "walk" / "2.csv", times(), channels=CHANNELS[:3])
    with pytest.raises(
        DataError,
        match=r"walk/1.csv has the channels acc_x.*gyro_z, walk/2.csv has acc_x, .*acc_z, ",
    ):
        load_folder(tmp_path)


def test_a_number_of_columns_that_no_model_accepts(tmp_path):
    record(tmp_path / "walk" / "1.csv", times(), channels=CHANNELS[:2])
    with pytest.raises(DataError, match="channels acc_x, acc_y, expected 1, 3 or 6"):
        load_folder(tmp_path)


def test_an_unreadable_file(tmp_path):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1.csv").write_text("")
    with pytest.raises(SourceError, match=r"1.csv is empty"):
        load_folder(tmp_path)


# ---- one table with a column of labels

GRAVITY = np.array([0, 0, 9.8])


def swing_samples(times_s):
    return np.sin(np.asarray(times_s)[:, None] + np.arange(3)) + GRAVITY


def write_table(table_path, times_s, **columns):
    """Write a table of time, three axes, and columns of text."""
    values = swing_samples(times_s)
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
    table_path.write_text(memory.getvalue(), encoding="utf-8")
    return table_path


@pytest.fixture
def table_path(tmp_path):
    return tmp_path / "mine.csv"


def ticks(n, start_s=0.0, rate_hz=50.0):
    return start_s + np.arange(n) / rate_hz


def test_labels_that_change_within_a_recording(table_path):
    labels = ["walk"] * 100 + [""] * 50 + ["run, fast"] * 100
    data_set = load_labelled_csv(write_table(table_path, ticks(250), label=labels))
    (recording,) = data_set.recordings
    assert (data_set.name, data_set.rate_hz, data_set.label_names) == (
        "mine",
        50,
        ("run, fast", "walk"),
    )
    assert recording.labels.tolist() == [1] * 100 + [-1] * 50 + [0] * 100
    assert recording.subject == "me"
    assert np.allclose(recording.samples, swing_samples(ticks(250)), atol=1e-3)
    assert np.allclose(data_set.clocks[0].times_s, ticks(250), atol=1e-4)


def test_people_and_recordings_of_a_table(table_path):
    times_s = np.concatenate([ticks(60), ticks(60), ticks(120)])
    data_set = load_labelled_csv(
        write_table(
            table_path,
            times_s,
            label=["walk"] * 240,
            subject=["ada"] * 120 + ["bo"] * 120,
            recording=["1"] * 60 + ["2"] * 60 + ["1"] * 120,
        )
    )
    assert [
        (r.subject, r.name.partition(" (")[0], len(r.samples)) for r in data_set.recordings
    ] == [("ada", "mine.csv 1", 60), ("ada", "mine.csv 2", 60), ("bo", "mine.csv 1", 120)]


def test_time_that_runs_backwards_within_a_recording_is_refused(table_path):
    write_table(
        table_path,
        np.concatenate([ticks(60), ticks(60)]),
        label=["walk"] * 120,
        recording=["1"] * 120,
    )
    with pytest.raises(
        DataError, match=r"mine.csv 1 \(rows 1 to 120\), sample 61 of 120: timestamps run back"
    ):
        load_labelled_csv(table_path)


def test_without_a_recording_column_time_that_runs_backwards_begins_one(table_path):
    data_set = load_labelled_csv(
        write_table(table_path, np.concatenate([ticks(60), ticks(80)]), label=["walk"] * 140)
    )
    assert [(r.name, len(r.samples)) for r in data_set.recordings] == [
        ("mine.csv rows 1 to 60", 60),
        ("mine.csv rows 61 to 140", 80),
    ]


def test_a_table_is_cut_at_a_pause(table_path):
    data_set = load_labelled_csv(
        write_table(table_path, np.concatenate([ticks(60), ticks(60, 5.0)]), label=["walk"] * 120)
    )
    assert [len(r.samples) for r in data_set.recordings] == [60, 60]


def test_another_rate_and_a_table_without_time(table_path):
    write_table(table_path, ticks(100), label=["walk"] * 100)
    assert len(load_labelled_csv(table_path, 25.0).recordings[0].samples) == 50
    table_path.write_text("gyro_x,label\n" + "1,walk\n2,walk\n" * 30)
    with pytest.raises(SourceError, match="no time_s column"):
        load_labelled_csv(table_path)
    data_set = load_data_set(str(table_path), 50.0)
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
    table_path = tmp_path_factory.mktemp("csv") / "a.csv"
    blocks = [("walk", "ada", 2), *blocks]  # a rate needs two rows
    labels, people = zip(
        *[(label, person) for label, person, n in blocks for _ in range(n)], strict=True
    )
    data_set = load_labelled_csv(
        write_table(table_path, ticks(len(labels)), label=labels, subject=people), rate_hz=50.0
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
def test_tables_that_are_refused(table_path, text, message):
    table_path.write_text(text)
    with pytest.raises((DataError, SourceError), match=message):
        load_labelled_csv(table_path)


@pytest.mark.parametrize(
    ("scale", "message"), [(1 / 9.8, "look like g: multiply"), (100, "thousandths of g")]
)
def test_a_table_in_other_units(table_path, scale, message):
    rows = "".join(
        f"{t:.2f},{x * scale},{y * scale},{z * scale},walk\n"
        for t, (x, y, z) in zip(ticks(200), swing_samples(ticks(200)), strict=True)
    )
    table_path.write_text("time_s,acc_x,acc_y,acc_z,label\n" + rows)
    with pytest.raises(DataError, match=message):
        load_labelled_csv(table_path)


def test_a_table_in_degrees_per_second(table_path):
    table_path.write_text(
        "time_s,gyro_x,label\n" + "".join(f"{t:.2f},{200 * np.sin(t)},turn\n" for t in ticks(200))
    )
    with pytest.raises(
        DataError,
        match=r"gyroscope that gives 200, expected rad/s, at most 100.*degrees per second",
    ):
        load_labelled_csv(table_path)


def test_bytes_that_are_not_text(table_path):
    table_path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SourceError, match="is not a table in UTF-8"):
        load_labelled_csv(table_path)


# ---- a whole data set in one .npz

SIGNAL = np.random.default_rng(0).normal((0, 0, 9.8), 0.5, (100, 3))
ARRAYS = {
    "signal": SIGNAL,
    "label": np.repeat([0, -1, 1, 0], 25).astype(np.int8),
    "recording": np.repeat([0, 2, 1], [40, 20, 40]).astype(np.int16),
    "recording_subject": np.array([7, 7, 12]),
    "label_names": np.array(["walk", "run"]),
    "channels": np.array(["acc_x", "acc_y", "acc_z"]),
    "rate_hz": np.float64(50),
    "comment": np.array("ignored"),
}


@pytest.fixture
def npz_path(tmp_path):
    return tmp_path / "walks.npz"


def test_recordings_of_an_npz_keep_order_samples_labels_and_people(npz_path):
    np.savez(npz_path, **ARRAYS)
    data_set = load_npz(npz_path)
    assert (data_set.name, data_set.rate_hz, data_set.label_names) == (
        "walks",
        50.0,
        ("walk", "run"),
    )
    assert [len(recording.samples) for recording in data_set.recordings] == [40, 20, 40]
    assert [recording.subject for recording in data_set.recordings] == ["7", "12", "7"]
    assert np.array_equal(
        np.concatenate([r.samples for r in data_set.recordings]), SIGNAL.astype(np.float32)
    )
    labels = np.concatenate([recording.labels for recording in data_set.recordings])
    assert labels.dtype == np.int16
    assert np.array_equal(labels, ARRAYS["label"])


def with_array_value(key, index, value):
    array = np.array(ARRAYS[key])
    array[index] = value
    return {key: array}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"signal": SIGNAL[:, 0]},
            r"signal of type float64 and shape \(100,\), expected .*shape \(samples, channels\)",
        ),
        ({"signal": SIGNAL.astype(str)}, "signal of type <U"),
        ({"label": ARRAYS["label"][:-1]}, "99 samples in label but 100 in signal"),
        ({"channels": ARRAYS["channels"][:2]}, "2 channels in channels but 3"),
        ({"rate_hz": np.array([50.0])}, "expected one number"),
        ({"rate_hz": np.float64(1000)}, "1000 samples per second"),
        (with_array_value("label", 3, 2), "label 2 at sample 3, expected -1 to 1"),
        (with_array_value("label", 3, -2), "label -2 at sample 3"),
        (with_array_value("recording", 99, 3), "recording 3 at sample 99, expected 0 to 2"),
        (with_array_value("recording", 99, 0), "samples of other recordings in between"),
        (with_array_value("signal", (5, 1), np.nan), "nan at sample 5, column 1"),
        (with_array_value("signal", (5, 1), 1e300), "inf at sample 5"),
        ({"signal": SIGNAL / 9.8}, "look like g"),
        (
            {"label_names": np.array(["walk", None], dtype=object)},
            "label_names that cannot be read .*without Python obj",
        ),
        (
            {
                "signal": SIGNAL[:0],
                "label": ARRAYS["label"][:0],
                "recording": ARRAYS["recording"][:0],
            },
            "no samples",
        ),
    ],
)
def test_arrays_that_do_not_fit(npz_path, change, message):
    np.savez(npz_path, **(ARRAYS | change))
    with pytest.raises(DataError, match=message):
        load_npz(npz_path)


def test_a_single_recording_is_not_a_data_set(npz_path):
    np.savez(npz_path, time_s=np.arange(3), samples=np.zeros((3, 1)), channels=np.array(["acc_x"]))
    with pytest.raises(
        DataError, match=r"lacks the arrays signal, .* it holds time_s, samples, channels"
    ):
        load_npz(npz_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"plain text"])
def test_damaged_npz_files(npz_path, content):
    npz_path.write_bytes(content)
    with pytest.raises(DataError, match=r"is not an .npz file or is damaged"):
        load_npz(npz_path)


def test_a_bare_array_and_a_missing_file(npz_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_npz(npz_path)
    with npz_path.open("wb") as file:
        np.save(file, SIGNAL)
    with pytest.raises(DataError, match="one bare array"):
        load_npz(npz_path)
