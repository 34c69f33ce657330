import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.recordings import Recording, read_recording, sensor_logger

T = (
    np.arange(-2, 8) / 50
)  # the app counts from the press of the button: the first samples can be before it


def table(times, x, y, z):
    rows = (
        f"{1_700_000_000_000_000_000 + int(t * 1e9)},{t!r},{c},{b},{a}"
        for t, a, b, c in zip(times.tolist(), *np.broadcast_arrays(x, y, z, times)[:3], strict=True)
    )
    return "time,seconds_elapsed,z,y,x\n" + "\n".join(rows) + "\n"


def metadata(platform, standardisation):
    return (
        "version,device name,recording epoch time,platform,sampleRateMs,standardisation\n"
        f"3,My phone,1700000000000,{platform},20|20,{standardisation}\n"
    )


def zipped(tables):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in tables.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def read(tmp_path, tables):
    path = tmp_path / "walk.zip"
    path.write_bytes(zipped(tables))
    return read_recording(path)


TOTAL = {"TotalAcceleration.csv": table(T, 1.0, 2.0, 9.8)}
ACCELEROMETER = {"Accelerometer.csv": table(T, 0.0, 0.5, T)}
GRAVITY = {"Gravity.csv": table(T[1:] + 0.003, 1.0, 1.5, 9.8)}
GYROSCOPE = {"Gyroscope.csv": table(T[2:-1] + 0.005, 10 * T[2:-1], 0.1, -0.1)}


def test_total_acceleration_and_an_interpolated_gyroscope(tmp_path):
    recording = read(tmp_path, TOTAL | GYROSCOPE | ACCELEROMETER)
    assert recording.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    np.testing.assert_array_equal(recording.timestamps_s, T[3:-1])  # cut to what both sensors cover
    np.testing.assert_allclose(recording.samples[:, :3], np.tile([1, 2, 9.8], (6, 1)), rtol=1e-6)
    np.testing.assert_allclose(recording.samples[:, 3], 10 * (T[3:-1] - 0.005), rtol=1e-5)


def test_gravity_is_added_to_linear_acceleration(tmp_path):
    recording = read(tmp_path, ACCELEROMETER | GRAVITY)
    assert recording.channels == ("acc_x", "acc_y", "acc_z")
    np.testing.assert_array_equal(recording.timestamps_s, T[2:])
    np.testing.assert_allclose(
        recording.samples, np.stack([0 * T + 1, 0 * T + 2, 9.8 + T], axis=1)[2:], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("facts", "sign"),
    [
        (metadata("ios", "false"), -1),
        (metadata("iOS", ""), -1),
        (metadata("ios", "true"), 1),
        (metadata("android", "false"), 1),
        ("", 1),
        (b"\xff\x00", 1),
    ],
)
def test_an_iphones_acceleration_is_turned_unless_standardised(tmp_path, facts, sign):
    recording = read(tmp_path, TOTAL | GYROSCOPE | {"Metadata.csv": facts})
    assert recording.samples[0, 2] == pytest.approx(9.8 * sign)
    assert recording.samples[0, 4] == pytest.approx(0.1)  # the gyroscope agrees on both


def test_times_that_run_back_are_left_out_of_the_interpolation_only(tmp_path):
    times = np.array([-0.04, 0.0, 0.1, 0.05, 0.1, 0.2])
    gyroscope = {
        "Gyroscope.csv": table(times, np.array([0.0, 0.0, 1.0, 77.0, 77.0, 2.0]), 0.0, 0.0)
    }
    acceleration = {"TotalAcceleration.csv": table(np.array([0.0, 0.1, 0.05, 0.2]), 0.0, 0.0, 9.8)}
    recording = read(tmp_path, acceleration | gyroscope)
    assert recording.timestamps_s.tolist() == [0.0, 0.1, 0.05, 0.2]
    np.testing.assert_allclose(recording.samples[:, 3], [0, 1, 0.5, 2])


def test_a_folder_zipped_by_hand(tmp_path):
    tables = {f"walk/{name}": text for name, text in TOTAL.items()} | {
        "__MACOSX/walk/._TotalAcceleration.csv": "x"
    }
    assert len(read(tmp_path, tables).samples) == len(T)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "neither TotalAcceleration.csv nor Accelerometer.csv"),
        (GYROSCOPE, "neither TotalAcceleration.csv nor Accelerometer.csv"),
        (ACCELEROMETER | GYROSCOPE, "without gravity.*switch on Gravity"),
        (
            {"TotalAcceleration.csv": "time,seconds_elapsed,x,y\n1,2,3,4\n"},
            "TotalAcceleration.csv in walk.zip lacks.* z",
        ),
        (
            {"TotalAcceleration.csv": "seconds_elapsed,x,y,z\n1,2,3,four\n"},
            "line 2 of TotalAcceleration.csv.*'four'",
        ),
        (TOTAL | {"Gyroscope.csv": table(T + 60, 0.0, 0.0, 0.0)}, "at the same time"),
        (TOTAL | {"Gyroscope.csv": "seconds_elapsed,x,y,z\nnan,1,2,3\n"}, "no numbers"),
        (TOTAL | {"again/TotalAcceleration.csv": ""}, "twice"),
    ],
)
def test_refusals(tmp_path, tables, message):
    with pytest.raises(SourceError, match=message):
        read(tmp_path, tables)


def test_a_table_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sensor_logger, "MAX_TABLE_BYTES", 100)
    with pytest.raises(SourceError, match="larger"):
        read(tmp_path, TOTAL)


@settings(deadline=None)
@given(
    damage=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 1 << 16),
)
def test_damage_is_one_sentence_or_a_recording(tmp_path_factory, damage, end):
    garbage = bytearray(
        zipped(ACCELEROMETER | GRAVITY | GYROSCOPE | {"Metadata.csv": metadata("ios", "false")})
    )
    for place, byte in damage:
        garbage[place % len(garbage)] = byte
    path = tmp_path_factory.mktemp("damaged") / "damaged.zip"
    path.write_bytes(garbage[: end % (len(garbage) + 1)] if end % 3 else garbage)
    try:
        assert isinstance(read_recording(path), Recording)
    except SourceError as error:
        assert "\n" not in str(error)
