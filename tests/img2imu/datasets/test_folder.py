import zipfile

import numpy as np
import pytest

from edge_runtime.contract.spec import CHANNELS
from edge_runtime.errors import DataError, SourceError
from edge_runtime.recordings import Recording, write_csv
from img2imu.datasets.folder import load_folder

SWING_HZ = 1.5


def motion(times_s, n_channels=6):
    """A swing about gravity: what the sensor would have said at those times."""
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
    (tmp_path / "run" / "notes.txt").write_text("passed over")
    (tmp_path / "run" / "._a.csv").write_text("passed over")
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
def test_the_rate_is_the_recordings_own(tmp_path, recorded_hz, expected_hz):
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


def test_a_rate_that_is_asked_for(tmp_path):
    record(tmp_path / "walk" / "1.csv", times(rate_hz=100.0))
    (recording,) = load_folder(tmp_path, 25.0).recordings
    assert np.abs(recording.samples - motion(times(50, 25.0))).max() < 0.01


def test_a_file_without_timestamps_takes_the_rate_that_is_given(tmp_path):
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
    with pytest.raises(SourceError, match="'what' in column acc_x"):  # not: leave rate_hz out
        load_folder(tmp_path, 50.0)


def test_recordings_are_cut_at_gaps(tmp_path):
    kept = np.concatenate([times(100), times(80, start_s=6.0), times(60, start_s=8.07)])
    record(tmp_path / "walk" / "1.csv", kept)
    pieces = load_folder(tmp_path, 50.0).recordings
    assert [piece.name for piece in pieces] == ["walk/1.csv from 3.0 s", "walk/1.csv from 6.0 s"]
    first, second = pieces  # 8.07 s comes 0.49 s after the last sample before it: no gap
    assert len(first.samples) == 100
    assert np.abs(first.samples - motion(times(100))).max() < 1e-3
    assert np.abs(second.samples[:80] - motion(times(80, start_s=6.0))).max() < 1e-3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda t, x: (t, with_one(x, (3, 1), np.nan)),
            r"walk/2.csv, sample 4 of 200: acc_y is nan at 3.06",
        ),
        (lambda t, x: (t, with_one(x, (3, 1), np.inf)), "acc_y is inf"),
        (
            lambda t, x: (with_one(t, 9, 0.0), x),
            r"walk/2.csv, sample 10 of 200: timestamps run back from 3.16",
        ),
        (
            lambda t, x: (with_one(t, 9, np.nan), x),
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


def with_one(array, index, value):
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


def test_a_number_of_columns_that_no_model_takes(tmp_path):
    record(tmp_path / "walk" / "1.csv", times(), channels=CHANNELS[:2])
    with pytest.raises(DataError, match="channels acc_x, acc_y, expected 1, 3 or 6"):
        load_folder(tmp_path)


def test_unreadable_files_keep_their_own_sentence(tmp_path):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1.csv").write_text("")
    with pytest.raises(SourceError, match=r"1.csv is empty"):
        load_folder(tmp_path)
