import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.recordings import Recording, phone_exports, read_recording

# The app counts from the press of its button. The first samples can be earlier.
T = np.arange(-2, 8) / 50


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
def test_an_iphone_gets_androids_sign_unless_standardised(tmp_path, facts, sign):
    recording = read(tmp_path, TOTAL | GYROSCOPE | {"Metadata.csv": facts})
    assert recording.samples[0, 2] == pytest.approx(9.8 * sign)
    assert recording.samples[0, 4] == pytest.approx(0.1)  # same sign on both


def test_gyroscope_times_that_run_back_are_not_interpolated(tmp_path):
    times = np.array([-0.04, 0.0, 0.1, 0.05, 0.1, 0.2])
    gyroscope = {
        "Gyroscope.csv": table(times, np.array([0.0, 0.0, 1.0, 77.0, 77.0, 2.0]), 0.0, 0.0)
    }
    acceleration = {"TotalAcceleration.csv": table(np.array([0.0, 0.1, 0.05, 0.2]), 0.0, 0.0, 9.8)}
    recording = read(tmp_path, acceleration | gyroscope)
    assert recording.timestamps_s.tolist() == [0.0, 0.1, 0.05, 0.2]
    np.testing.assert_allclose(recording.samples[:, 3], [0, 1, 0.5, 2])


def test_a_zipped_folder(tmp_path):
    tables = {f"walk/{name}": text for name, text in TOTAL.items()} | {
        "__MACOSX/walk/._TotalAcceleration.csv": "x"
    }
    assert len(read(tmp_path, tables).samples) == len(T)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "neither TotalAcceleration.csv nor Accelerometer.csv"),
        (GYROSCOPE, "neither TotalAcceleration.csv nor Accelerometer.csv"),
        (ACCELEROMETER | GYROSCOPE, "only Acc.*without gravity.*switch on Gravity"),
        (
            {"TotalAcceleration.csv": "time,seconds_elapsed,x,y\n1,2,3,4\n"},
            "TotalAcceleration.csv in walk.zip lacks.* z",
        ),
        (
            {"TotalAcceleration.csv": "seconds_elapsed,x,y,z\n1,2,3,four\n"},
            "line 2 of TotalAcceleration.csv.*'four'",
        ),
        (TOTAL | {"Gyroscope.csv": table(T + 60, 0.0, 0.0, 0.0)}, "at the same time"),
        (TOTAL | {"Gyroscope.csv": "seconds_elapsed,x,y,z\nnan,1,2,3\n"}, "are not numbers"),
        (TOTAL | {"again/TotalAcceleration.csv": ""}, "twice"),
    ],
)
def test_unusable_zips_are_refused(tmp_path, tables, message):
    with pytest.raises(SourceError, match=message):
        read(tmp_path, tables)


def test_a_table_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_exports, "MAX_TABLE_BYTES", 100)
    with pytest.raises(SourceError, match="larger"):
        read(tmp_path, TOTAL)


@settings(deadline=None)
@given(
    damage=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 1 << 16),
)
def test_a_damaged_zip_gives_one_sentence_or_a_recording(tmp_path_factory, damage, end):
    garbage = bytearray(
        zipped(ACCELEROMETER | GRAVITY | GYROSCOPE | {"Metadata.csv": metadata("ios", "false")})
    )
    for position, byte in damage:
        garbage[position % len(garbage)] = byte
    path = tmp_path_factory.mktemp("damaged") / "damaged.zip"
    path.write_bytes(garbage[: end % (len(garbage) + 1)] if end % 3 else garbage)
    try:
        assert isinstance(read_recording(path), Recording)
    except SourceError as error:
        assert "\n" not in str(error)


READINGS = 10


def readings(sensor, values, delay_s=0.0):
    """Return the JSON entries of one sensor, every field a string, in the app's order."""
    return [
        {
            "sensor": sensor,
            "time": str(1_698_501_144_401_773_000 + i * 20_000_000),
            "seconds_elapsed": str(i / 50 + delay_s),
            "z": str(values[2]),
            "y": str(values[1]),
            "x": str(values[0] * i),
        }
        for i in range(READINGS)
    ]


JSON_METADATA = {
    "sensor": "Metadata",
    "version": "3",
    "platform": "android",
    "standardisation": "false",
}
JSON_TOTAL = readings("TotalAcceleration", (1, 2, 9.8))
JSON_GYROSCOPE = readings("Gyroscope", (-1, 0.5, 0.25), -0.001)


def read_json(tmp_path, entries):
    path = tmp_path / "walk.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return read_recording(path)


def test_json_with_interleaved_sensors(tmp_path):
    mixed = [entry for pair in zip(JSON_TOTAL, JSON_GYROSCOPE, strict=True) for entry in pair]
    recording = read_json(
        tmp_path, [JSON_METADATA, *mixed, {"sensor": "Location", "latitude": "1"}]
    )
    assert recording.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    i = np.arange(READINGS - 1)
    np.testing.assert_allclose(recording.timestamps_s, i / 50)
    np.testing.assert_allclose(recording.samples[:, 0], i)
    np.testing.assert_allclose(recording.samples[:, 3], -(i + 0.05), rtol=1e-5)


def test_json_with_gravity_of_an_iphone(tmp_path):
    entries = [
        JSON_METADATA | {"platform": "ios"},
        *readings("Accelerometer", (0, 1, 2)),
        *readings("Gravity", (0, 1, 9)),
    ]
    assert read_json(tmp_path, entries).samples[3].tolist() == [0, -2, -11]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "holds no list of readings"),
        ("[1]", "no list"),
        ([JSON_METADATA], "holds neither TotalAcceleration"),
        (readings("Accelerometer", (0, 0, 0)), "only Accelerometer.csv, which is without"),
        (
            [*JSON_TOTAL, {"sensor": "TotalAcceleration", "x": "1"}],
            "reading 11 of TotalAcceleration in walk.json is .'sensor'",
        ),
        ([JSON_TOTAL[0] | {"x": "one"}], "reading 1 of TotalAcceleration"),
        ([JSON_TOTAL[0] | {"x": None}], "expected numbers in"),
        ([JSON_TOTAL[0] | {"x": 10**400}], "expected numbers in"),
    ],
)
def test_unusable_json_is_refused(tmp_path, entries, message):
    with pytest.raises(SourceError, match=message):
        read_json(tmp_path, entries)


def test_json_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_exports, "MAX_TABLE_BYTES", 100)
    with pytest.raises(SourceError, match="walk.json is larger than"):
        read_json(tmp_path, JSON_TOTAL)


KEYS = st.sampled_from(["sensor", "x", "y", "z", "seconds_elapsed"])


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
        max_leaves=9,
    )
)
def test_any_other_json_is_refused_in_one_sentence(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SourceError):
        read_recording(path)
