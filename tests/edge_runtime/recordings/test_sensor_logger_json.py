import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.recordings import read_recording, sensor_logger_json

N = 10


def readings(sensor, values, delay_s=0.0):
    """The app's list: every field a string, in its order."""
    return [
        {
            "sensor": sensor,
            "time": str(1_698_501_144_401_773_000 + i * 20_000_000),
            "seconds_elapsed": str(i / 50 + delay_s),
            "z": str(values[2]),
            "y": str(values[1]),
            "x": str(values[0] * i),
        }
        for i in range(N)
    ]


METADATA = {"sensor": "Metadata", "version": "3", "platform": "android", "standardisation": "false"}
TOTAL = readings("TotalAcceleration", (1, 2, 9.8))
GYROSCOPE = readings("Gyroscope", (-1, 0.5, 0.25), -0.001)


def write(tmp_path, entries):
    path = tmp_path / "walk.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def test_readings_of_all_sensors_mixed(tmp_path):
    mixed = [entry for pair in zip(TOTAL, GYROSCOPE, strict=True) for entry in pair]
    recording = read_recording(
        write(tmp_path, [METADATA, *mixed, {"sensor": "Location", "latitude": "1"}])
    )
    assert recording.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    i = np.arange(N - 1)
    np.testing.assert_allclose(recording.timestamps_s, i / 50)
    np.testing.assert_allclose(recording.samples[:, 0], i)
    np.testing.assert_allclose(recording.samples[:, 3], -(i + 0.05), rtol=1e-5)


def test_gravity_is_added_and_an_iphone_turned(tmp_path):
    entries = [
        METADATA | {"platform": "ios"},
        *readings("Accelerometer", (0, 1, 2)),
        *readings("Gravity", (0, 1, 9)),
    ]
    assert read_recording(write(tmp_path, entries)).samples[3].tolist() == [0, -2, -11]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "holds no list of readings"),
        ("[1]", "no list"),
        ([METADATA], "holds neither TotalAcceleration"),
        (readings("Accelerometer", (0, 0, 0)), "alone, which is without"),
        (
            [*TOTAL, {"sensor": "TotalAcceleration", "x": "1"}],
            "reading 11 of TotalAcceleration in walk.json is .'sensor'",
        ),
        ([TOTAL[0] | {"x": "one"}], "reading 1 of TotalAcceleration"),
        ([TOTAL[0] | {"x": None}], "expected numbers in"),
    ],
)
def test_refusals(tmp_path, entries, message):
    with pytest.raises(SourceError, match=message):
        read_recording(write(tmp_path, entries))


def test_a_file_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(sensor_logger_json, "MAX_TABLE_BYTES", 100)
    with pytest.raises(SourceError, match="walk.json is larger than"):
        read_recording(write(tmp_path, TOTAL))


KEYS = st.sampled_from(["sensor", "x", "y", "z", "seconds_elapsed"])


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
        max_leaves=9,
    )
)
def test_any_json_is_refused_in_one_sentence(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SourceError):
        read_recording(path)
