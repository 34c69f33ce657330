import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import SourceError
from edge_runtime.recordings import phone_exports, read_recording

T = np.arange(20) / 100


def table(names, columns, absolute="Absolute acceleration (m/s^2)"):
    """Return a table as the app writes it: quoted names, numbers in scientific notation."""
    header = ",".join(f'"{name}"' for name in ["Time (s)", *names, absolute])
    rows = [
        ",".join(f"{value:.9E}" for value in (*row, 0.0)) for row in zip(T, *columns, strict=True)
    ]
    return "\n".join([header, *rows]) + "\n"


ACC = table(phone_exports.PHYPHOX_ACCELERATION, [T, 2 * T, 9.81 + 0 * T])
GYRO = table(phone_exports.PHYPHOX_GYROSCOPE, [-T, 3 * T, T - 1], "Absolute (rad/s)").replace(
    "0.000000000E+00,-0", "5.0E-03,-0"
)
LINEAR = table([f"Linear Acceleration {axis} (m/s^2)" for axis in "xyz"], [T, T, T])
META = {
    "meta/device.csv": '"property","value"\n"version","1.1.14"\n',
    "meta/time.csv": '"event","experiment time","system time","system time text"\n'
    '"START",0,1,"now"\n',
}


def write(path, tables):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (tables | META).items():
            archive.writestr(name, text)
    return path


def test_accelerometer_and_gyroscope(tmp_path):
    recording = read_recording(
        write(tmp_path / "walk.zip", {"Accelerometer.csv": ACC, "Gyroscope.csv": GYRO})
    )
    assert recording.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    np.testing.assert_allclose(recording.timestamps_s, T[1:])  # the gyroscope started later
    np.testing.assert_allclose(recording.samples[1:, 4], 3 * T[2:], rtol=1e-6)
    np.testing.assert_allclose(recording.samples[:, 1], 2 * T[1:], rtol=1e-6)


def test_a_single_experiment_zipped_or_not(tmp_path):
    zipped = read_recording(write(tmp_path / "walk.zip", {"Raw Data.csv": ACC}))
    (tmp_path / "Raw Data.csv").write_text(ACC)
    bare = read_recording(tmp_path / "Raw Data.csv")
    assert zipped.channels == bare.channels == ("acc_x", "acc_y", "acc_z")
    np.testing.assert_array_equal(zipped.samples, bare.samples)
    np.testing.assert_allclose(bare.samples[:, 2], 9.81, rtol=1e-6)


def test_without_gravity(tmp_path):
    with pytest.raises(SourceError, match="which is without gravity, expected Acceleration x"):
        read_recording(
            write(tmp_path / "walk.zip", {"Linear Acceleration.csv": LINEAR, "Gyroscope.csv": GYRO})
        )
    both = read_recording(write(tmp_path / "walk.zip", {"Linear.csv": LINEAR, "Raw Data.csv": ACC}))
    np.testing.assert_allclose(both.samples[:, 2], 9.81, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ACC.replace(",", ";"), "names separated by commas"),
        (ACC.replace("1.000000000E-02", "x"), "'x' in column"),
        (
            '"Time (s)","Illuminance (lx)"\n0,1\n',
            "has the columns Time .s., Illuminance .lx., expected Acceleration x",
        ),
        (ACC.splitlines()[0] + "\n", "a header but no samples"),
    ],
)
def test_unreadable_tables_are_refused(tmp_path, text, message):
    with pytest.raises(SourceError, match=message):
        read_recording(write(tmp_path / "walk.zip", {"Raw Data.csv": text}))
    (tmp_path / "walk.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        read_recording(tmp_path / "walk.csv")


def test_a_rate_is_refused(tmp_path):
    (tmp_path / "walk.csv").write_text(ACC)
    with pytest.raises(SourceError, match="has its own timestamps, but rate_hz=50"):
        read_recording(tmp_path / "walk.csv", rate_hz=50.0)


@given(st.integers(0, 3000), st.integers(0, 255))
def test_a_damaged_zip_gives_one_sentence_or_a_recording(tmp_path_factory, position, byte):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Raw Data.csv", ACC)
    data = bytearray(buffer.getvalue())
    data[position % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(data)
    try:
        assert len(read_recording(path).samples) > 0
    except SourceError as error:
        assert "\n" not in str(error)


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(phone_exports, "MAX_TABLE_BYTES", 1000)
    with pytest.raises(SourceError, match="Raw Data.csv in walk.zip is larger than"):
        read_recording(write(tmp_path / "walk.zip", {"Raw Data.csv": ACC}))
